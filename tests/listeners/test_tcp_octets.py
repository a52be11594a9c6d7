"""Whatever octets arrive in whatever pieces: whole messages are served in order, nothing raises."""

from __future__ import annotations

import asyncio
import gc
from weakref import finalize

from hypothesis import given
from hypothesis import strategies as st

from resolver.listeners.connection import Connection
from resolver.listeners.limits import StreamLimits
from resolver.wire.framing import frame
from tests.listeners.streams import Server, Wire, message

PIECES = st.lists(st.binary(max_size=80), max_size=20)
MESSAGES = st.lists(st.integers(12, 300), max_size=30)


def converse(pieces: list[bytes], served: list[bytes]) -> Wire:
    """The transport after all pieces have been received, answered with the queries themselves."""

    async def scenario() -> Wire:
        def serve(packet: bytes, *rest: object) -> bytes:
            served.append(packet)
            return packet

        wire = Wire()
        async with Server(serve, limits=StreamLimits(burst=3)) as server:
            connection = Connection(server.listener)
            connection.connection_made(wire)
            for piece in pieces:
                connection.data_received(piece)
            while connection.scheduled:
                await asyncio.sleep(0)
            assert wire.reading or wire.ended
        return wire

    return asyncio.run(scenario())


@given(MESSAGES, st.integers(1, 50))
def test_messages_are_served_in_order_however_they_are_cut(sizes: list[int], step: int) -> None:
    octets = b"".join(frame(message(number, size)) for number, size in enumerate(sizes))
    served: list[bytes] = []
    wire = converse([octets[at : at + step] for at in range(0, len(octets), step)], served)
    assert served == [message(number, size) for number, size in enumerate(sizes)]
    assert b"".join(wire.writes) == octets


@given(PIECES)
def test_any_octets_are_served_or_end_the_connection(pieces: list[bytes]) -> None:
    served: list[bytes] = []
    wire = converse(pieces, served)
    assert b"".join(wire.writes) == b"".join(map(frame, served))
    assert all(len(packet) >= 12 for packet in served)
    assert b"".join(pieces).startswith(b"".join(map(frame, served)))


def test_answers_to_queries_that_came_together_leave_together() -> None:
    served: list[bytes] = []
    wire = converse([frame(message(1)) + frame(message(2)) + frame(message(3))], served)
    assert wire.writes == [frame(message(1)) + frame(message(2)) + frame(message(3))]


def test_answers_that_are_found_in_one_turn_of_the_loop_leave_together() -> None:
    sends = []

    def serve(packet: bytes, *rest: object) -> None:
        sends.append((rest[-1], packet))

    async def scenario() -> Wire:
        wire = Wire()
        async with Server(serve) as server:
            connection = Connection(server.listener)
            connection.connection_made(wire)
            connection.data_received(frame(message(1)) + frame(message(2)))
            for send, packet in sends:
                send(packet)  # type: ignore[operator]
            await asyncio.sleep(0)
        return wire

    assert asyncio.run(scenario()).writes == [frame(message(1)) + frame(message(2))]


def test_a_connection_that_is_gone_is_freed_without_the_garbage_collector() -> None:
    held: list[object] = []

    class Watched(Connection):
        """Can be referred to weakly."""

    def serve(packet: bytes, *rest: object) -> None:
        held.append(rest[-1])

    async def scenario() -> None:
        async with Server(serve) as server:
            connection = Watched(server.listener)
            connection.connection_made(Wire())
            connection.data_received(frame(message(1)))
            connection.connection_lost(None)
            gone = finalize(connection, lambda: None)
            del connection
            held.clear()  # what serve keeps of a client is the way to answer it
            assert not gone.alive

    gc.disable()
    try:
        asyncio.run(scenario())
    finally:
        gc.enable()
