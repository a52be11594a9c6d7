"""The same exchanges on uvloop, which treats errors of sockets in a way of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.https import HttpsExchanges
from resolver.upstream.tls import ClientTls, TlsSettings, read_files
from tests.plugins.chains import until
from tests.support.upstreams import CERTIFICATES, Asked, Upstream, answers, drops, reply
from tests.upstream.doh_upstream import DohStep, DohUpstream, GoAway
from tests.upstream.exchanges import SHORT, addresses, over_stream, over_udp, request


async def a_refused_socket_is_of_use_again() -> None:
    async with Upstream() as gone:
        pass
    exchanges = over_udp(gone)
    started = asyncio.get_running_loop().time()
    refused = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(20)))
    assert all("connection refused" in str(outcome) for outcome in refused)
    assert asyncio.get_running_loop().time() - started < 1
    async with Upstream(answers("192.0.2.1"), port=gone.port, tcp=False):
        for _ in range(10):
            assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
    exchanges.close()


async def silence_ends_with_a_time_out() -> None:
    async with Upstream(drops) as upstream:
        exchanges = over_udp(upstream, limits=SHORT)
        assert "i/o timeout" in str(await exchanges.ask(request(), SHORT.read_timeout))
        exchanges.close()


async def connections_are_shared_and_refused() -> None:
    async with Upstream(answers("192.0.2.1"), udp=False) as upstream:
        exchanges = over_stream(upstream)
        outcomes = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(20)))
        assert [addresses(outcome) for outcome in outcomes] == [["192.0.2.1"]] * 20
        assert upstream.connections == 1
        await upstream.stop_tcp()
        assert str(await exchanges.ask(request(), 2)) == f"dial tcp {upstream.to}: connect: connection refused"
        exchanges.close()


async def tls_is_verified_and_resumed() -> None:
    tls = ClientTls(TlsSettings(read_files(None, None, CERTIFICATES / "ca.pem")))
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        exchanges = over_stream(upstream, tls=tls, server_name="dns.test", limits=Limits(expire=0.0))
        for _ in range(2):
            assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
            await until(lambda: upstream.open_connections == 0)
        assert upstream.resumed == 1
        other = over_stream(upstream, tls=tls, server_name="other.test")
        assert "failed to verify certificate" in str(await other.ask(request(), 2))
        exchanges.close()
        other.close()


async def https_outlives_silence_and_goodbyes() -> None:
    def script(asked: Asked) -> list[DohStep]:
        if asked.name == "silent." and asked.connection == 1:
            return []
        return [GoAway()] if asked.name == "last." and asked.connection == 2 else [reply(asked, ["192.0.2.1"])]

    tls = ClientTls(TlsSettings(read_files(None, None, CERTIFICATES / "ca.pem")))
    async with DohUpstream(doh=script) as upstream:
        address = Address(upstream.host, upstream.port, "https", "dns.test", "/dns-query")
        loop, limits = asyncio.get_running_loop(), Limits(read_timeout=1.0)
        exchanges = HttpsExchanges(loop, time.monotonic, address, limits, Cell(), Cell(), tls)
        for name in ("first", "silent", "last", "after"):
            assert addresses(await exchanges.ask(request(name), 1)) == ["192.0.2.1"], name
        assert upstream.connections == 3
        exchanges.close()


@pytest.mark.parametrize(
    "scenario",
    [
        a_refused_socket_is_of_use_again,
        silence_ends_with_a_time_out,
        connections_are_shared_and_refused,
        tls_is_verified_and_resumed,
        https_outlives_silence_and_goodbyes,
    ],
    ids=lambda scenario: scenario.__name__,
)
def test_on_uvloop(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    uvloop = pytest.importorskip("uvloop")
    uvloop.run(scenario())
