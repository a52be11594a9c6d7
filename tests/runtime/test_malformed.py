"""Thousands of broken messages at the real server: it lives, answers others, counts them, and keeps nothing."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

import pytest

from resolver.wire.message import scan
from tests.runtime.clients import HOST, Stub, addresses, figures, question, stream, stub, total
from tests.runtime.serving import Server, block, free_port, hosts, serving, until
from tests.soak.load import babble_over_tcp, malformed
from tests.support.upstreams import Upstream, answers

WWW = "www.example.org"
REJECTED = "coredns_dns_rejected_total"
DATAGRAMS, STREAMS, BURST = 4000, 400, 50
SLACK = 4  # open files: the look at oneself by /health begins and ends when it likes
MEGABYTE = 1 << 20


class Listening(Stub):
    """A stub resolver that keeps all that comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[bytes] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.append(data)
        super().datagram_received(data, addr)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_broken_messages_are_answered_or_dropped_and_leave_nothing_behind(workers: str, tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    async with Upstream(answers("192.0.2.7", ttl=1)) as upstream:
        quick = "timeouts {\n        idle 1s\n    }"
        forward = f"forward . {upstream.to} {{\n        expire 100ms\n    }}"
        text = block(port, hosts("192.0.2.1"), "cache 5", forward, quick, http=http)
        async with serving(tmp_path, text, "--workers", workers, port=port, http=http) as server:
            chance = random.Random(5)
            await _babble(port, chance, DATAGRAMS // 2)
            await _babble_over_tcp(port, chance, STREAMS // 2)
            before = await _at_rest(server)
            await _babble(port, chance, DATAGRAMS)
            await _babble_over_tcp(port, chance, STREAMS)
            after = await _at_rest(server)
            await until(lambda: _holds_at_most(server, before["process_open_fds"] + SLACK))
            assert after["process_resident_memory_bytes"] <= before["process_resident_memory_bytes"] + 4 * MEGABYTE
            assert total(after, REJECTED, 'proto="udp"') > total(before, REJECTED, 'proto="udp"') > 0
            assert total(after, REJECTED, 'proto="tcp"') > total(before, REJECTED, 'proto="tcp"') > 0
            assert total(after, "coredns_panics_total") == 0
            assert total(after, "coredns_worker_restarts_total") == 0


async def test_what_a_message_is_rejected_for_is_counted(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    good = question(WWW)
    async with (
        serving(tmp_path, block(port, hosts("192.0.2.1"), http=http), port=port, http=http),
        stub(port) as client,
    ):
        for octets in (
            good[:2] + b"\x84\0" + good[4:],  # a response
            good[:11],  # not even a header
            good[:2] + b"\x28\0" + good[4:],  # an UPDATE
            good[:-1],  # the question is cut off
            good[:4] + b"\0\2" + good[6:],  # two questions
        ):
            client.send(octets)
        assert addresses(await client.ask(WWW)) == ["192.0.2.1"]
        found = await figures(http)
        reasons = {reason: total(found, REJECTED, f'reason="{reason}"') for reason in ("dropped", "notimp", "formerr")}
        assert reasons == {"dropped": 2, "notimp": 1, "formerr": 2}


async def test_a_frame_that_is_no_message_harms_only_its_own_connection(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, block(port, hosts("192.0.2.1")), port=port), stream(port) as good:
        await good.ask(WWW)
        async with stream(port) as bad:
            bad.writer.write(b"\0\0")  # a frame of no octets
            with pytest.raises((EOFError, ConnectionError)):
                await bad.read()
        assert addresses(await good.ask(WWW)) == ["192.0.2.1"]


# --- what the tests share


async def _babble(port: int, chance: random.Random, count: int) -> None:
    """Send broken datagrams in bursts, with a proper question after each; every answer must be one."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Listening, remote_addr=(HOST, port))
    try:
        for sent in range(count):
            client.send(malformed(chance))
            if sent % BURST == 0:
                assert addresses(await client.ask(WWW)) == ["192.0.2.1"]
        await client.ask(WWW)
    finally:
        transport.close()
    assert client.came
    for octets in client.came:
        assert octets[2] & 0x80, f"no response: {octets.hex()}"
        scan(octets)


async def _babble_over_tcp(port: int, chance: random.Random, count: int) -> None:
    async with stub(port) as client:
        for sent in range(count):
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                await babble_over_tcp(port, chance)
            if sent % BURST == 0:
                assert addresses(await client.ask(WWW)) == ["192.0.2.1"]


async def _holds_at_most(server: Server, files: float) -> bool:
    """Sockets to the upstream are closed when they have not been used for a while."""
    return await server.figure("process_open_fds") <= files


async def _at_rest(server: Server) -> dict[str, float]:
    """The figures once all connections of clients are gone."""

    async def is_quiet() -> bool:
        return await server.figure("coredns_dns_stream_connections") == 0

    await until(is_quiet)
    return await figures(server.http)
