"""What one connection does with octets, without any network."""

from __future__ import annotations

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from resolver.upstream.address import Address
from resolver.upstream.exchange import Outcome
from resolver.upstream.stream import FramedConnection
from resolver.wire.framing import frame
from resolver.wire.message import Message
from tests.support.upstreams import Asked, reply
from tests.upstream.exchanges import request


class Transport:
    """Stands in for the transport of a connection."""

    def __init__(self) -> None:
        self.aborted = False
        self.written = b""

    def abort(self) -> None:
        self.aborted = True

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> None:
        return None


def unopened(loop: asyncio.AbstractEventLoop) -> FramedConnection:
    ids = iter(range(1, 100))
    address = Address("192.0.2.1", 53)
    return FramedConnection(
        lambda size: next(ids).to_bytes(size, "big"), loop, address, 0.0, lambda *_: None, lambda *_: None
    )


def connected(loop: asyncio.AbstractEventLoop) -> tuple[FramedConnection, Transport]:
    connection = unopened(loop)
    transport = Transport()
    connection.connection_made(cast(asyncio.Transport, transport))
    return connection, transport


def waiting(connection: FramedConnection, loop: asyncio.AbstractEventLoop, message_id: int) -> asyncio.Future[Outcome]:
    future: asyncio.Future[Outcome] = loop.create_future()
    connection.pending[message_id] = (future, request(), 10.0)
    return future


def answer(message_id: int) -> bytes:
    asked = Asked(message_id.to_bytes(2, "big") + request().tail, "tcp", ("192.0.2.1", 53))
    return frame(reply(asked, ["192.0.2.1"]))


async def test_queries_that_were_early_leave_together_when_the_connection_is_open() -> None:
    loop = asyncio.get_running_loop()
    connection = unopened(loop)
    for _ in range(2):
        connection.begin(loop.create_future(), request(), 10.0)
    await asyncio.sleep(0)
    transport = Transport()
    connection.connection_made(cast(asyncio.Transport, transport))
    assert transport.written == frame(b"\0\1" + request().tail) + frame(b"\0\2" + request().tail)


async def test_queries_of_one_turn_leave_together() -> None:
    loop = asyncio.get_running_loop()
    connection, transport = connected(loop)
    connection.begin(loop.create_future(), request(), 10.0)
    connection.begin(loop.create_future(), request(), 10.0)
    assert transport.written == b""
    await asyncio.sleep(0)
    assert transport.written == frame(b"\0\1" + request().tail) + frame(b"\0\2" + request().tail)


@given(st.binary(max_size=300), st.integers(0, 5))
def test_any_octets_are_taken_or_end_the_connection(noise: bytes, step: int) -> None:
    loop = asyncio.new_event_loop()
    try:
        connection, transport = connected(loop)
        future = waiting(connection, loop, 0x1234)
        for start in range(0, len(noise), step + 1):
            if not transport.aborted:
                connection.data_received(noise[start : start + step + 1])
        assert not future.done() or isinstance(future.result(), Message)
    finally:
        loop.close()


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=8, unique=True), st.data())
def test_answers_in_any_order_and_any_pieces_find_their_questions(ids: list[int], data: st.DataObject) -> None:
    loop = asyncio.new_event_loop()
    try:
        connection, transport = connected(loop)
        futures = {number: waiting(connection, loop, number) for number in ids}
        octets = b"".join(answer(number) for number in data.draw(st.permutations(ids)))
        while octets:
            size = data.draw(st.integers(1, len(octets)))
            connection.data_received(octets[:size])
            octets = octets[size:]
        assert all(cast(Message, future.result()).id == number for number, future in futures.items())
        assert connection.pending == {}
        assert not transport.aborted
    finally:
        loop.close()


async def test_a_late_answer_is_a_sign_of_life_once_and_a_stranger_never() -> None:
    loop = asyncio.get_running_loop()
    connection, _ = connected(loop)
    waiting(connection, loop, 1)
    connection.forget(1)
    connection.withdraw(1)
    assert [connection.take(answer(number)) for number in (1, 1, 2)] == [True, False, False]
