"""Queries over TCP, from well-behaved and from other clients."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resolver.listeners.limits import StreamLimits
from resolver.wire.framing import frame
from tests.listeners.streams import PATIENT, Client, Server, Service, message, until

CERTS = Path(__file__).parents[1] / "parity" / "certs"
QUICK = 0.15  # seconds: a time-out that a test can wait for


async def test_a_query_is_answered_and_the_server_knows_who_asked_whom() -> None:
    service = Service()
    async with Server(service) as server, Client(server.port) as client:
        client.send(7)
        assert await client.receive() == 7
        address = client.writer.get_extra_info("sockname")
        assert service.seen == [(address, ("127.0.0.1", server.port), "tcp")]


async def test_answers_may_overtake_each_other() -> None:
    service = Service()
    service.held = {1, 2}
    async with Server(service) as server, Client(server.port) as client:
        client.send(1, 2, 3)
        assert await client.receive() == 3
        service.answer(2)
        assert await client.receive() == 2
        service.answer(1)
        assert await client.receive() == 1


async def test_a_frame_may_come_octet_by_octet() -> None:
    async with Server(Service()) as server, Client(server.port) as client:
        for octet in frame(message(9)) + frame(message(10)):
            client.send_octets(bytes([octet]))
            await asyncio.sleep(0)
        assert [await client.receive(), await client.receive()] == [9, 10]


async def test_a_dropped_query_is_not_answered_and_others_are() -> None:
    sends = []

    def serve(packet: bytes, *rest: object) -> bytes | None:
        number = packet[1]
        if number == 2:
            sends.append(rest[-1])
            return None
        return packet if number == 3 else b""

    async with Server(serve) as server, Client(server.port) as client:
        client.send(1, 2, 3)
        assert await client.receive() == 3
        sends[0](b"")  # type: ignore[operator]
        client.send(3)
        assert await client.receive() == 3


async def test_an_answer_that_serve_sends_before_it_returns_is_sent() -> None:
    def serve(packet: bytes, *rest: object) -> None:
        rest[-1](packet)  # type: ignore[operator]

    async with Server(serve) as server, Client(server.port) as client:
        client.send(1, 2)
        assert [await client.receive(), await client.receive()] == [1, 2]


# --- bad input


@pytest.mark.parametrize("octets", [b"\0\0", b"\0\x0b" + bytes(11), b"\0\1\xff"])
async def test_a_frame_too_short_for_a_header_ends_its_own_connection_only(octets: bytes) -> None:
    async with Server(Service()) as server, Client(server.port) as bad, Client(server.port) as good:
        bad.send_octets(octets)
        assert await bad.closed()
        good.send(1)
        assert await good.receive() == 1
        assert server.closed("malformed") == 1


async def test_what_came_before_a_bad_frame_is_answered() -> None:
    service = Service()
    service.held = {2}
    async with Server(service) as server, Client(server.port) as client:
        client.send_octets(frame(message(1)) + frame(message(2)) + b"\0\0")
        assert await client.receive() == 1
        service.answer(2)
        assert await client.rest() == [2]


async def test_a_failure_of_serve_ends_that_connection_only() -> None:
    def serve(packet: bytes, *rest: object) -> bytes:
        if packet[1] == 2:
            raise RuntimeError("a mistake of ours")
        return packet

    async with Server(serve) as server, Client(server.port) as bad, Client(server.port) as good:
        bad.send(1, 2)
        assert await bad.rest() == [1]
        good.send(3)
        assert await good.receive() == 3
        assert server.closed("error") == 1


# --- the end of a conversation


async def test_after_a_half_close_what_was_asked_is_answered() -> None:
    service = Service()
    service.held = {1}
    async with Server(service) as server, Client(server.port) as client:
        client.send(1, 2)
        client.writer.write_eof()
        assert await client.receive() == 2
        service.answer(1)
        assert await client.rest() == [1]


async def test_half_a_frame_and_a_half_close_is_the_end() -> None:
    async with Server(Service()) as server, Client(server.port) as client:
        client.send_octets(b"\0\x30\x12")
        client.writer.write_eof()
        assert await client.closed()


async def test_an_answer_for_a_client_that_is_gone_is_forgotten() -> None:
    service = Service()
    service.held = {1}
    async with Server(service) as server:
        async with Client(server.port) as client:
            client.send(1)
            await until(lambda: bool(service.sends))
            client.reset()
        await until(lambda: not server.listener.connections)
        service.answer(1)
        async with Client(server.port) as other:
            other.send(2)
            assert await other.receive() == 2


async def test_the_number_of_queries_of_a_connection_can_be_limited() -> None:
    service = Service()
    service.held = {1}
    settings = replace(PATIENT, max_queries_per_connection=2)
    async with Server(service, settings) as server, Client(server.port) as client:
        client.send(1, 2, 3)
        assert await client.receive() == 2
        service.answer(1)
        assert await client.rest() == [1]
        assert service.asked == [1, 2]
        assert server.closed("max_queries") == 1


# --- time-outs


async def test_a_connection_that_asks_nothing_is_closed() -> None:
    async with Server(Service(), replace(PATIENT, read_timeout=QUICK)) as server, Client(server.port) as client:
        assert await client.closed()
        assert server.closed("read_timeout") == 1


async def test_an_idle_connection_is_closed_and_one_that_asks_is_not() -> None:
    async with Server(Service(), replace(PATIENT, idle_timeout=QUICK)) as server, Client(server.port) as client:
        began = time.monotonic()
        while time.monotonic() - began < 2 * QUICK:
            client.send(1)
            assert await client.receive() == 1
        assert await client.closed()
        assert server.closed("idle_timeout") == 1


async def test_a_frame_that_drips_is_not_waited_for() -> None:
    async with Server(Service(), replace(PATIENT, read_timeout=QUICK)) as server, Client(server.port) as client:
        client.send(1)
        assert await client.receive() == 1
        began = time.monotonic()
        while not server.closed("read_timeout") and time.monotonic() - began < 5:
            client.send_octets(b"\1")
            await asyncio.sleep(QUICK / 10)
        assert await client.closed()
        assert server.closed("read_timeout") == 1


async def test_while_an_answer_is_due_a_client_need_not_talk() -> None:
    service = Service()
    service.held = {1}
    settings = replace(PATIENT, idle_timeout=QUICK, read_timeout=QUICK)
    async with Server(service, settings) as server, Client(server.port) as client, Client(server.port) as idle:
        client.send(1)
        idle.send(2)
        assert await idle.rest() == [2]  # by now more than the idle time has gone by
        await asyncio.sleep(QUICK)
        service.answer(1)
        assert await client.receive() == 1


async def test_an_answer_that_never_comes_does_not_hold_a_connection_for_ever() -> None:
    service = Service()
    service.held = {1}
    limits = StreamLimits(answer_timeout=QUICK)
    async with Server(service, limits=limits) as server, Client(server.port) as client:
        client.send(1)
        assert await client.closed()
        assert server.closed("answer_timeout") == 1
        service.answer(1)  # too late, and no harm


# --- change and end


async def test_settings_and_function_change_for_open_connections_too() -> None:
    async with Server(Service()) as server, Client(server.port) as client:
        client.send(1)
        assert await client.receive() == 1
        server.listener.update(serve=lambda packet, *rest: message(99))
        client.send(2)
        assert await client.receive() == 99
        server.listener.update(replace(PATIENT, idle_timeout=QUICK))
        assert await client.closed()


async def test_stopping_lets_answers_leave() -> None:
    service = Service()
    service.held = {1}
    async with Server(service) as server, Client(server.port) as busy, Client(server.port) as idle:
        busy.send(1)
        idle.send(2)
        assert await idle.receive() == 2
        stopping = asyncio.create_task(server.listener.stop(grace=5))
        assert await idle.closed()
        assert not stopping.done()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await Client(server.port).__aenter__()
        service.answer(1)
        assert await busy.rest() == [1]
        await stopping


async def test_stopping_does_not_wait_for_ever() -> None:
    service = Service()
    service.held = {1}
    async with Server(service) as server, Client(server.port) as client:
        client.send(1)
        await until(lambda: bool(service.sends))
        await server.listener.stop(grace=QUICK)
        assert await client.closed()
        assert not server.listener.connections


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    async with Server(Service()) as server, Client(server.port) as client:
        client.send(1)
        assert await client.receive() == 1
    assert server.listener.sock.fileno() == -1
    await until(lambda: asyncio.all_tasks() == before)


async def test_a_listener_that_never_started_can_be_stopped() -> None:
    server = Server(Service())
    await server.listener.stop()
    assert server.listener.sock.fileno() == -1


async def test_connections_are_counted() -> None:
    async with Server(Service()) as server:
        async with Client(server.port) as client:
            client.send(1)
            assert await client.receive() == 1
            assert server.listener.metrics.open.value == 1
        await until(lambda: server.listener.metrics.open.value == 0)
        assert server.listener.metrics.accepted.value == 1


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the server and for a client that trusts it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTS / "server.pem", CERTS / "server.key")
    client = ssl.create_default_context(cafile=CERTS / "ca.pem")
    return server, client


async def test_with_a_certificate_it_is_dns_over_tls() -> None:
    service = Service()
    service.held = {2}
    server_side, client_side = contexts()
    async with Server(service, tls=server_side) as server, Client(server.port, client_side) as client:
        client.send(1, 2)
        assert await client.receive() == 1
        service.answer(2)
        assert await client.receive() == 2


def test_it_works_the_same_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        await test_answers_may_overtake_each_other()
        await test_after_a_half_close_what_was_asked_is_answered()
        await test_a_connection_that_asks_nothing_is_closed()
        await test_stopping_lets_answers_leave()
        await test_nothing_is_left_behind()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
