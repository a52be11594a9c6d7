"""Upstreams that fail, are checked, go down and come back."""

from __future__ import annotations

import asyncio
import time

import pytest

from resolver.wire.constants import NXDOMAIN, REFUSED, SERVFAIL
from tests.plugins.chains import World, until
from tests.plugins.forward.forwarding import addresses, ask, extended_errors, forwarding
from tests.support.upstreams import Asked, Step, Upstream, answers, closes, drops, fails, reply

QUICK = "read_timeout 100ms\nhealth_check 50ms"


@pytest.fixture(autouse=True)
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.upstream.PROBE_TIMEOUT", 0.05)
    monkeypatch.setattr("resolver.upstream.upstream.MIN_INTERVAL", 0.0)


def silent_but_for_checks(asked: Asked) -> list[Step]:
    return [reply(asked)] if asked.name == "." else []


async def test_the_next_upstream_answers_for_a_silent_one() -> None:
    async with (
        Upstream(drops) as first,
        Upstream(answers("192.0.2.2")) as second,
        forwarding(f"forward . {first.to} {second.to} {{\npolicy sequential\n{QUICK}\n}}") as forward,
    ):
        found = await ask(forward)
        assert (addresses(found), found.upstream) == (["192.0.2.2"], second.to)


async def test_silence_of_all_is_servfail_with_the_reason() -> None:
    async with Upstream(drops) as upstream, forwarding(f"forward . {upstream.to} {{\n{QUICK}\n}}") as forward:
        found = await ask(forward)
        assert (found.rcode, extended_errors(found)) == (SERVFAIL, [22])
        assert found.error.startswith("read udp 127.0.0.1:")
        assert found.error.endswith(f"->{upstream.to}: i/o timeout")


async def test_a_closed_port_is_servfail_with_the_reason_at_once() -> None:
    async with Upstream() as gone:
        pass
    async with forwarding(f"forward . {gone.to}") as forward:
        started = time.monotonic()
        found = await ask(forward)
        assert time.monotonic() - started < 1
        assert (found.rcode, extended_errors(found)) == (SERVFAIL, [23])
        assert found.error.endswith(f"->{gone.to}: read: connection refused")


async def test_a_lying_upstream_is_as_good_as_a_silent_one() -> None:
    def lies(asked: Asked) -> list[Step]:
        return [reply(asked, ["192.0.2.66"], message_id=asked.id ^ 1), b"garbage", reply(asked, name="other.test")]

    async with (
        Upstream(lies) as liar,
        Upstream(answers("192.0.2.2")) as second,
        forwarding(f"forward . {liar.to} {second.to} {{\npolicy sequential\n{QUICK}\n}}") as forward,
    ):
        assert addresses(await ask(forward)) == ["192.0.2.2"]


@pytest.mark.parametrize(("attempts", "tries"), [("", 4), ("max_connect_attempts 3", 3), ("max_connect_attempts 1", 1)])
async def test_failed_tries_are_bounded(attempts: str, tries: int) -> None:
    async with Upstream(closes) as first, Upstream(closes) as second:
        lines = f"forward . {first.to} {second.to} {{\nforce_tcp\nmax_fails 0\n{attempts}\n}}"
        async with forwarding(lines) as forward:
            assert (await ask(forward)).rcode == SERVFAIL
            assert len(first.seen) + len(second.seen) == tries


async def test_without_a_bound_a_query_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.plugins.forward.line.BUDGET", 0.35)
    async with Upstream(drops) as upstream:
        lines = f"forward . {upstream.to} {{\nread_timeout 100ms\nmax_fails 0\nmax_connect_attempts 0\n}}"
        async with forwarding(lines) as forward:
            started = time.monotonic()
            assert (await ask(forward)).rcode == SERVFAIL
            assert 0.3 < time.monotonic() - started < 2
            assert len(upstream.seen) == 4


async def test_a_healthy_upstream_is_not_checked() -> None:
    async with (
        Upstream(answers("192.0.2.1")) as upstream,
        forwarding(f"forward . {upstream.to} {{\n{QUICK}\n}}") as forward,
    ):
        await ask(forward)
        await asyncio.sleep(0.15)
        assert upstream.names == ["www.example.org."]


async def test_an_upstream_that_is_down_gets_no_queries() -> None:
    async with Upstream(drops) as dead, Upstream(answers("192.0.2.2")) as alive:
        lines = f"forward . {dead.to} {alive.to} {{\npolicy sequential\nmax_fails 1\n{QUICK}\n}}"
        async with forwarding(lines) as forward:
            await ask(forward)
            await until(lambda: dead.names.count(".") >= 2)
            before = dead.names.count("www.example.org.")
            for _ in range(5):
                assert addresses(await ask(forward)) == ["192.0.2.2"]
            assert dead.names.count("www.example.org.") == before


async def test_an_upstream_that_answers_its_checks_is_used_again() -> None:
    async with Upstream(drops) as flaky, Upstream(answers("192.0.2.2")) as other:
        lines = f"forward . {flaky.to} {other.to} {{\npolicy sequential\nmax_fails 1\n{QUICK}\n}}"
        async with forwarding(lines) as forward:
            await ask(forward)
            await until(lambda: flaky.names.count(".") >= 2)
            flaky.script = answers("192.0.2.1")
            asked = len(flaky.seen)
            await until(lambda: len(flaky.seen) > asked)
            await asyncio.sleep(0.02)
            assert addresses(await ask(forward)) == ["192.0.2.1"]


async def test_with_all_upstreams_down_one_is_tried_and_this_is_counted() -> None:
    world = World()
    async with (
        Upstream(drops) as upstream,
        forwarding(f"forward . {upstream.to} {{\nmax_fails 1\n{QUICK}\n}}", world) as forward,
    ):
        await ask(forward)
        await until(lambda: upstream.names.count(".") >= 2)
        counted = world.metric("coredns_forward_healthcheck_broken_total")
        upstream.script = lambda asked: [] if asked.name == "." else [reply(asked, ["192.0.2.1"])]
        assert addresses(await ask(forward, "other.test")) == ["192.0.2.1"]
        assert world.metric("coredns_forward_healthcheck_broken_total") == counted + 1


async def test_failfast_answers_at_once_while_all_are_down() -> None:
    async with Upstream(drops) as upstream:
        lines = f"forward . {upstream.to} {{\nmax_fails 1\nfailfast_all_unhealthy_upstreams\n{QUICK}\n}}"
        async with forwarding(lines) as forward:
            await ask(forward)
            await until(lambda: upstream.names.count(".") >= 2)
            found = await ask(forward, "other.test")
            assert (found.rcode, found.error, extended_errors(found)) == (SERVFAIL, "no healthy proxies", [22])
            assert "other.test." not in upstream.names


async def test_with_max_fails_0_nothing_is_checked_and_nothing_down() -> None:
    async with Upstream(drops) as upstream:
        lines = f"forward . {upstream.to} {{\nmax_fails 0\nread_timeout 50ms\nhealth_check 50ms\n}}"
        async with forwarding(lines) as forward:
            for _ in range(3):
                await ask(forward)
            assert "." not in upstream.names


async def test_with_force_tcp_checks_go_over_tcp() -> None:
    async with (
        Upstream(silent_but_for_checks) as upstream,
        forwarding(f"forward . {upstream.to} {{\nforce_tcp\n{QUICK}\n}}") as forward,
    ):
        await ask(forward)
        await until(lambda: "." in upstream.names)
        assert {asked.transport for asked in upstream.seen} == {"tcp"}


# --- failover


async def test_failover_asks_the_next_upstream() -> None:
    async with Upstream(fails(SERVFAIL)) as first, Upstream(answers("192.0.2.2")) as second:
        lines = f"forward . {first.to} {second.to} {{\npolicy sequential\nfailover SERVFAIL REFUSED\n}}"
        async with forwarding(lines) as forward:
            assert addresses(await ask(forward)) == ["192.0.2.2"]


async def test_failover_ends_with_the_last_answer_after_one_round() -> None:
    async with Upstream(fails(SERVFAIL)) as first, Upstream(fails(REFUSED)) as second:
        lines = f"forward . {first.to} {second.to} {{\npolicy sequential\nfailover SERVFAIL REFUSED\n}}"
        async with forwarding(lines) as forward:
            found = await ask(forward)
            assert (found.rcode, found.upstream, found.error) == (REFUSED, second.to, "")
            assert (len(first.seen), len(second.seen)) == (1, 1)


async def test_failover_prefers_an_answer_to_silence() -> None:
    async with Upstream(fails(REFUSED)) as first, Upstream(drops) as second:
        lines = f"forward . {first.to} {second.to} {{\npolicy sequential\nfailover REFUSED\n{QUICK}\n}}"
        async with forwarding(lines) as forward:
            assert (await ask(forward)).rcode == REFUSED
            assert len(first.seen) == 1


async def test_codes_that_are_not_listed_are_final() -> None:
    async with Upstream(fails(NXDOMAIN)) as first, Upstream(answers("192.0.2.2")) as second:
        lines = f"forward . {first.to} {second.to} {{\npolicy sequential\nfailover SERVFAIL\n}}"
        async with forwarding(lines) as forward:
            assert (await ask(forward)).rcode == NXDOMAIN
            assert second.seen == []


async def test_an_error_code_is_an_answer_as_far_as_health_goes() -> None:
    async with (
        Upstream(fails(SERVFAIL)) as upstream,
        forwarding(f"forward . {upstream.to} {{\n{QUICK}\n}}") as forward,
    ):
        assert (await ask(forward)).rcode == SERVFAIL
        await asyncio.sleep(0.1)
        assert "." not in upstream.names
