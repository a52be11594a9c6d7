"""One upstream and its checks, and the pool that upstreams live in."""

from __future__ import annotations

import asyncio
import time

import pytest

from resolver.errors import UpstreamError
from resolver.upstream.address import Address, Limits
from resolver.upstream.pool import Pool, UpstreamSettings
from resolver.upstream.tls import TlsFiles, TlsSettings, read_files
from resolver.upstream.upstream import Checks, Counts, Notice, unnoticed
from resolver.upstream.upstream import Upstream as Asked
from resolver.wire.names import from_text
from tests.plugins.chains import until
from tests.support.upstreams import CERTIFICATES, Upstream, answers, drops, fails
from tests.upstream.exchanges import addresses, request

QUICK = Checks(interval=0.01, max_fails=2)


def one(upstream: Upstream, checks: Checks = QUICK, counts: Counts | None = None, notice: Notice = unnoticed) -> Asked:
    address = Address(upstream.host, upstream.port)
    counts = counts or Counts()
    return Asked(
        asyncio.get_running_loop(), time.monotonic, address, Limits(read_timeout=1), checks, counts, notice=notice
    )


async def test_exchange_gives_the_message_or_raises() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        asked = one(upstream)
        assert addresses(await asked.exchange(request())) == ["192.0.2.1"]
        upstream.script = drops
        with pytest.raises(UpstreamError, match="i/o timeout"):
            await asked.exchange(request(), timeout=0.05)
        asked.close()


async def test_the_transport_is_the_one_asked_for() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        asked = one(upstream)
        await asked.exchange(request(), over_tcp=True)
        await asked.exchange(request())
        assert [seen.transport for seen in upstream.seen] == ["tcp", "udp"]
        asked.close()


async def test_a_failure_starts_checks_that_end_with_the_first_answer() -> None:
    async with Upstream(fails(5)) as upstream:
        asked = one(upstream)
        asked.failed()
        await until(lambda: not asked.health.probing)
        await asyncio.sleep(0.05)
        assert upstream.names == ["."]
        assert upstream.seen[0].message.qtype == 2
        assert upstream.seen[0].message.flags & 0x100
        asked.close()


async def test_failed_checks_are_counted_until_the_upstream_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.upstream.PROBE_TIMEOUT", 0.02)
    monkeypatch.setattr("resolver.upstream.upstream.MIN_INTERVAL", 0.0)
    counts = Counts()
    async with Upstream(drops) as upstream:
        asked = one(upstream, counts=counts)
        asked.failed()
        await until(lambda: asked.health.down)
        assert counts.failed_checks.value >= 2
        upstream.script = answers()
        await until(lambda: not asked.health.down)
        asked.close()


async def test_going_down_and_coming_up_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.upstream.PROBE_TIMEOUT", 0.02)
    told: list[tuple[str, bool]] = []
    async with Upstream(drops) as upstream:
        asked = one(upstream, notice=lambda text, up: told.append((text, up)))
        asked.failed()
        await until(lambda: len(upstream.seen) >= 4)
        upstream.script = answers()
        await until(lambda: len(told) == 2)
        assert [up for _, up in told] == [False, True]
        assert told[0][0].startswith(f"upstream {upstream.to} is down: read udp ")
        assert told[1][0] == f"upstream {upstream.to} is up again"
        asked.close()


async def test_an_answered_query_ends_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.upstream.PROBE_TIMEOUT", 0.02)
    async with Upstream(drops) as upstream:
        asked = one(upstream)
        asked.failed()
        await until(lambda: asked.health.down)
        asked.health.answered()
        await asyncio.sleep(0.1)
        checks = len(upstream.seen)
        await asyncio.sleep(0.1)
        assert len(upstream.seen) == checks
        asked.failed()
        await until(lambda: len(upstream.seen) > checks)
        asked.close()


async def test_there_is_one_check_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.upstream.PROBE_TIMEOUT", 0.1)
    async with Upstream(drops) as upstream:
        asked = one(upstream)
        for _ in range(10):
            asked.failed()
            asked.health.answered()
        asked.failed()
        await asyncio.sleep(0.05)
        assert len(upstream.seen) == 1
        asked.close()


async def test_a_single_lost_check_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.upstream.PROBE_TIMEOUT", 0.02)
    told: list[tuple[str, bool]] = []
    async with Upstream(drops) as upstream:
        asked = one(upstream, notice=lambda text, up: told.append((text, up)))
        asked.failed()
        await until(lambda: len(upstream.seen) == 1)
        upstream.script = answers()
        await until(lambda: not asked.health.probing)
        assert told == []
        asked.close()


async def test_checks_ask_what_they_are_told_to() -> None:
    checks = Checks(0.01, from_text("probe.test"), recursion=False, over_tcp=True)
    async with Upstream(answers()) as upstream:
        asked = one(upstream, checks)
        asked.failed()
        await until(lambda: bool(upstream.seen))
        seen = upstream.seen[0]
        assert (seen.name, seen.transport, seen.message.flags & 0x100) == ("probe.test.", "tcp", 0)
        asked.close()


async def test_with_max_fails_0_there_are_no_checks() -> None:
    async with Upstream(answers()) as upstream:
        asked = one(upstream, Checks(0.01, max_fails=0))
        asked.failed()
        await asyncio.sleep(0.05)
        assert upstream.seen == []
        asked.close()


async def test_an_upstream_over_tls_needs_a_context() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(ValueError, match="whom to trust"):
        Asked(loop, time.monotonic, Address("127.0.0.1", 853, "tls"), Limits(), Checks(), Counts())


# --- the pool


def pool() -> Pool:
    return Pool(asyncio.get_running_loop(), time.monotonic, lambda address: Counts())


SETTINGS = UpstreamSettings(Address("127.0.0.1", 5353))


async def test_equal_settings_share_an_upstream_until_the_last_user_has_gone() -> None:
    upstreams = pool()
    first, second = upstreams.take(SETTINGS), upstreams.take(UpstreamSettings(Address("127.0.0.1", 5353)))
    assert first is second
    upstreams.give_back(SETTINGS)
    assert upstreams.take(SETTINGS) is first
    upstreams.give_back(SETTINGS)
    upstreams.give_back(SETTINGS)
    assert len(upstreams) == 0


async def test_other_settings_are_another_upstream() -> None:
    upstreams = pool()
    assert upstreams.take(SETTINGS) is not upstreams.take(UpstreamSettings(SETTINGS.address, Limits(expire=1)))


async def test_an_upstream_lingers_and_may_be_taken_again() -> None:
    upstreams = pool()
    first = upstreams.take(SETTINGS)
    upstreams.give_back(SETTINGS, linger=0.02)
    assert upstreams.take(SETTINGS) is first
    await asyncio.sleep(0.05)
    assert len(upstreams) == 1
    upstreams.give_back(SETTINGS, linger=0.02)
    await until(lambda: len(upstreams) == 0)


async def test_those_that_linger_are_closed_when_nobody_uses_the_pool() -> None:
    upstreams = pool()
    other = UpstreamSettings(Address("127.0.0.1", 5354))
    upstreams.take_all([SETTINGS, other])
    upstreams.give_back(other, linger=60)
    assert len(upstreams) == 2
    upstreams.give_back(SETTINGS)
    assert len(upstreams) == 0


async def test_all_are_taken_or_none() -> None:
    upstreams = pool()
    files = TlsFiles(authority=CERTIFICATES / "none.pem")
    broken = UpstreamSettings(Address("127.0.0.1", 853, "tls"), tls=TlsSettings(files))
    with pytest.raises(UpstreamError, match=r"none\.pem"):
        upstreams.take_all([SETTINGS, broken])
    assert len(upstreams) == 0


async def test_upstreams_over_tls_are_verified_with_their_own_authority() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        upstreams = pool()
        address = Address(upstream.host, upstream.port, "tls", "dns.test")
        files = read_files(None, None, CERTIFICATES / "ca.pem")
        trusting = UpstreamSettings(address, tls=TlsSettings(files))
        distrusting = UpstreamSettings(address)
        assert addresses(await upstreams.take(trusting).exchange(request())) == ["192.0.2.1"]
        with pytest.raises(UpstreamError, match="verify"):
            await upstreams.take(distrusting).exchange(request())
        upstreams.give_back(trusting)
        upstreams.give_back(distrusting)
