"""No client gets more than its share."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from resolver.listeners.limits import StreamLimits
from resolver.wire.framing import frame
from tests.listeners.streams import PATIENT, Client, Server, Service, message, until

QUICK = 0.15  # seconds: a time-out that a test can wait for


async def test_the_connection_idle_for_longest_makes_room() -> None:
    settings = replace(PATIENT, max_connections=2)
    async with (
        Server(Service(), settings) as server,
        Client(server.port) as first,
        Client(server.port) as second,
    ):
        for client in (first, second, first):
            client.send(1)
            assert await client.receive() == 1
        async with Client(server.port) as third:
            third.send(3)
            assert await third.receive() == 3
            assert await second.closed()
            first.send(4)
            assert await first.receive() == 4
            assert server.closed("too_many") == 1


async def test_where_all_are_being_answered_one_more_is_refused() -> None:
    service = Service()
    service.held = {1, 2}
    settings = replace(PATIENT, max_connections=2)
    async with (
        Server(service, settings) as server,
        Client(server.port) as first,
        Client(server.port) as second,
    ):
        first.send(1)
        second.send(2)
        await until(lambda: len(service.sends) == 2)
        async with Client(server.port) as third:
            assert await third.closed()
        service.answer(1)
        assert await first.receive() == 1


async def test_reading_pauses_while_too_many_answers_are_due() -> None:
    service = Service()
    service.held = set(range(1, 200))
    async with Server(service, limits=StreamLimits(in_flight=10)) as server, Client(server.port) as client:
        client.send(*range(1, 200))
        await until(lambda: len(service.asked) == 10)
        await asyncio.sleep(0.01)
        assert len(service.asked) == 10
        received: list[int] = []
        while len(received) < 199:
            for number in list(service.sends):
                service.answer(number)
            received.append(await client.receive())
        assert sorted(received) == list(range(1, 200))


async def test_a_client_with_much_to_ask_does_not_keep_others_waiting() -> None:
    service = Service()
    async with (
        Server(service, limits=StreamLimits(burst=5)) as server,
        Client(server.port) as greedy,
        Client(server.port) as other,
    ):
        greedy.send(*range(1000, 4000))
        other.send(1)
        assert await other.receive() == 1
        assert [await greedy.receive() for _ in range(3000)] == list(range(1000, 4000))
        assert service.asked.index(1) < 2000


async def test_a_client_that_does_not_read_is_not_served_for_ever() -> None:
    async def shout(client: Client) -> None:
        while True:
            client.send_octets(frame(message(1)) * 1000)
            await client.writer.drain()

    def serve(packet: bytes, *rest: object) -> bytes:
        return packet + bytes(4000)

    settings = replace(PATIENT, write_timeout=QUICK)
    async with Server(serve, settings) as server, Client(server.port, receive_buffer=4096) as client:
        shouting = asyncio.create_task(shout(client))
        await until(lambda: server.closed("write_timeout") == 1)
        shouting.cancel()
        await asyncio.wait([shouting])
        await until(lambda: not server.listener.connections)


async def test_a_slow_reader_gets_everything() -> None:
    limits = StreamLimits(write_buffer=8192)
    async with (
        Server(lambda packet, *rest: packet + bytes(1000), limits=limits) as server,
        Client(server.port, receive_buffer=4096) as client,
    ):
        client.send(*range(1, 1000))
        assert [await client.receive() for _ in range(1, 1000)] == list(range(1, 1000))


def test_limits_hold_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        await test_a_client_that_does_not_read_is_not_served_for_ever()
        await test_reading_pauses_while_too_many_answers_are_due()
        await test_a_slow_reader_gets_everything()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
