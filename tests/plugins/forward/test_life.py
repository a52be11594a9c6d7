"""Starting, following files and names, reloading, and what is counted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from resolver.errors import UpstreamError
from resolver.plugins.forward.handler import Forward
from resolver.upstream import refresh
from resolver.upstream.address import Address
from tests.plugins.chains import World, until
from tests.plugins.forward.forwarding import addresses, ask, forwarding
from tests.support.upstreams import CERTIFICATES, Asked, Step, Upstream, answers, drops, fails, reply
from tests.upstream.doh_upstream import DohUpstream

AUTHORITY = CERTIFICATES / "ca.pem"


def name_server(*hosts: str) -> Upstream:
    """Knows a name that has these addresses."""

    def script(asked: Asked) -> list[Step]:
        return [reply(asked, hosts if asked.message.qtype == 1 else (), ttl=0)]

    return Upstream(script)


async def test_a_host_name_is_looked_up_with_the_given_resolver() -> None:
    async with name_server("127.0.0.1") as resolver, Upstream(answers("192.0.2.1")) as upstream:
        lines = f"forward . dns.test:{upstream.port} {{\nresolver {resolver.to}\n}}"
        async with forwarding(lines) as forward:
            assert addresses(await ask(forward)) == ["192.0.2.1"]
            assert set(resolver.names) == {"dns.test."}


async def test_a_host_name_without_addresses_stops_the_start() -> None:
    async with Upstream(fails(3)) as resolver:
        with pytest.raises(UpstreamError, match=r":2:\d+: no addresses found for dns\.test"):
            async with forwarding(f"forward . dns.test {{\nresolver {resolver.to}\n}}"):
                pass


async def test_a_host_name_that_moves_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh.Refresher.__init__, "__defaults__", (refresh.Pace(0.02, 0.02, 0.05, 0.02),))
    world = World()
    async with (
        name_server("127.0.0.1") as resolver,
        Upstream(answers("192.0.2.1")) as first,
        Upstream(answers("192.0.2.2"), host="127.0.0.2", port=first.port) as second,
    ):
        lines = f"forward . dns.test:{first.port} {{\nresolver {resolver.to}\n}}"
        async with forwarding(lines, world) as forward:
            await ask(forward)
            resolver.script = name_server("127.0.0.2").script
            await until(lambda: f"[INFO] plugin/forward: upstreams have changed to {second.to}" in world.lines)
            assert addresses(await ask(forward)) == ["192.0.2.2"]


async def test_an_encrypted_upstream_that_moves_must_prove_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh.Refresher.__init__, "__defaults__", (refresh.Pace(0.02, 0.02, 0.05, 0.02),))
    world = World()
    async with (
        name_server("127.0.0.1") as resolver,
        DohUpstream(answers("192.0.2.1")) as first,
        DohUpstream(answers("192.0.2.2"), host="127.0.0.2", port=first.port) as second,
    ):
        lines = f"forward . https://dns.test:{first.port}/own {{\nresolver {resolver.to}\ntls {AUTHORITY}\n}}"
        async with forwarding(lines, world) as forward:
            assert addresses(await ask(forward)) == ["192.0.2.1"]
            resolver.script = fails(2)
            await until(lambda: any("going on with" in line for line in world.lines))
            assert addresses(await ask(forward)) == ["192.0.2.1"]
            resolver.script = name_server("127.0.0.2").script
            await until(lambda: f"[INFO] plugin/forward: upstreams have changed to {second.to}" in world.lines)
            assert addresses(await ask(forward)) == ["192.0.2.2"]
            (asked,) = second.requests
            assert asked.headers[":authority"] == f"dns.test:{first.port}"
            assert asked.headers[":path"] == "/own"


async def test_a_changed_file_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh.Refresher.__init__, "__defaults__", (refresh.Pace(files=0.02),))
    world = World()
    file = tmp_path / "up.conf"
    file.write_text("nameserver 127.0.0.1\n")
    async with forwarding("forward . up.conf", world, tmp_path) as forward:
        assert [str(upstream.address) for upstream in forward.lines[0].upstreams] == ["127.0.0.1:53"]
        file.write_text("nameserver 127.0.0.2\nnameserver 127.0.0.1\n")
        await until(lambda: len(forward.lines[0].upstreams) == 2)
        assert [upstream.address for upstream in forward.lines[0].upstreams] == [
            Address("127.0.0.2", 53), Address("127.0.0.1", 53),
        ]  # fmt: skip


async def test_warnings_are_logged_at_the_start() -> None:
    world = World()
    async with (
        Upstream() as upstream,
        forwarding(f"forward . {upstream.to} {{\ntls_servername dns.test\n}}", world),
    ):
        assert "tls_servername has no effect" in world.lines[0]


# --- many blocks


async def test_blocks_with_the_same_upstream_share_its_connections_and_its_health() -> None:
    world = World()
    async with Upstream(answers("192.0.2.1")) as upstream:
        lines = f"forward . {upstream.to} {{\nforce_tcp\n}}"
        async with forwarding(lines, world) as first, forwarding(lines, world) as second:
            await ask(first)
            await ask(second)
            assert upstream.connections == 1
            first.lines[0].upstreams[0].health.query_failed()
            assert second.lines[0].upstreams[0].health.probing
            async with forwarding(lines.replace("force_tcp", "force_tcp\nmax_fails 5"), world) as third:
                await ask(third)
                assert upstream.connections == 2
                assert third.lines[0].upstreams[0].health.fails == 0


async def test_what_one_block_no_longer_uses_goes_on_for_the_others() -> None:
    world = World()
    async with Upstream(answers("192.0.2.1")) as upstream:
        async with forwarding(f"forward . {upstream.to} {{\nforce_tcp\n}}", world) as lasting:
            async with forwarding(f"forward . {upstream.to} {{\nforce_tcp\n}}", world) as leaving:
                await ask(leaving)
            await ask(lasting)
            assert upstream.connections == upstream.open_connections == 1
        await until(lambda: upstream.open_connections == 0)


async def test_a_thousand_blocks_that_nobody_asks_have_one_upstream_and_one_hook() -> None:
    world = World()
    blocks: list[Forward] = [world.part(f"z{n}.test {{\nforward . 127.0.0.1:5300\n}}\n") for n in range(1000)]
    tasks, hooks = len(asyncio.all_tasks()), len(world.host.registry._before)
    for forward in blocks:
        await forward.start()
    assert len({upstream for forward in blocks for line in forward.lines for upstream in line.upstreams}) == 1
    assert len(world.host.registry._before) == hooks + 1
    assert len(asyncio.all_tasks()) == tasks
    for forward in blocks:
        await forward.stop()
    assert len(world.host.registry._before) == hooks


# --- reload


async def reloaded(world: World, old: Forward, lines: str) -> Forward:
    """The plugin of the next configuration, which has taken over."""
    new: Forward = world.part(". {\n" + lines + "\n}\n")
    new.succeed(old)
    await new.start()
    await old.stop()
    return new


async def test_a_reload_keeps_connections() -> None:
    world = World()
    async with Upstream(answers("192.0.2.1")) as upstream:
        lines = f"forward . {upstream.to} {{\nforce_tcp\n}}"
        async with forwarding(lines, world) as old:
            await ask(old)
            new = await reloaded(world, old, lines + "\nforward a.test 192.0.2.9")
            await ask(new)
            assert upstream.connections == 1
            await new.stop()
        await until(lambda: upstream.open_connections == 0)


async def test_a_reload_with_other_settings_opens_anew() -> None:
    world = World()
    async with Upstream(answers("192.0.2.1")) as upstream:
        lines = f"forward . {upstream.to} {{\nforce_tcp\n}}"
        async with forwarding(lines, world) as old:
            await ask(old)
            new = await reloaded(world, old, lines.replace("force_tcp", "force_tcp\nexpire 5s"))
            await ask(new)
            assert upstream.connections == 2
            await new.stop()


async def test_a_reload_keeps_health() -> None:
    world = World()
    async with Upstream(drops) as upstream:
        lines = f"forward . {upstream.to} {{\nread_timeout 50ms\nmax_fails 1\n}}"
        async with forwarding(lines, world) as old:
            health = old.lines[0].upstreams[0].health
            health.query_failed()
            health.probe_failed()
            new = await reloaded(world, old, lines)
            assert new.lines[0].upstreams[0].health.down
            await new.stop()


async def test_a_reload_lets_queries_under_way_end() -> None:
    world = World()
    held: list[Asked] = []

    def hold(asked: Asked) -> list[Step]:
        held.append(asked)
        return []

    async with Upstream(hold) as upstream, forwarding(f"forward . {upstream.to}", world) as old:
        waiting = asyncio.create_task(ask(old))
        await until(lambda: bool(held))
        new = await reloaded(world, old, f"forward . {upstream.to}")
        assert upstream._datagrams is not None
        upstream._datagrams.sendto(reply(held[0], ["192.0.2.1"]), held[0].peer)
        assert addresses(await waiting) == ["192.0.2.1"]
        await new.stop()


async def test_a_failed_reload_leaves_the_old_one_alone() -> None:
    world = World()
    async with Upstream(answers("192.0.2.1")) as upstream, Upstream(fails(3)) as resolver:
        good = f"forward . {upstream.to} {{\nforce_tcp\n}}"
        async with forwarding(good, world) as old:
            await ask(old)
            new: Forward = world.part(f". {{\n{good}\nforward . dns.test {{\nresolver {resolver.to}\n}}\n}}\n")
            new.succeed(old)
            with pytest.raises(UpstreamError):
                await new.start()
            await new.stop()
            await ask(old)
            assert upstream.connections == 1


async def test_a_name_that_cannot_be_found_at_a_reload_keeps_its_addresses() -> None:
    world = World()
    async with name_server("127.0.0.1") as resolver, Upstream(answers("192.0.2.1")) as upstream:
        lines = f"forward . dns.test:{upstream.port} {{\nresolver {resolver.to}\n}}"
        async with forwarding(lines, world) as old:
            resolver.script = fails(2)
            new = await reloaded(world, old, lines)
            assert addresses(await ask(new)) == ["192.0.2.1"]
            await new.stop()


# --- metrics


async def test_answers_are_counted_by_upstream_and_code_under_both_names() -> None:
    world = World()
    async with (
        Upstream(lambda asked: [reply(asked, rcode=3 if asked.name == "no.test." else 0)]) as upstream,
        forwarding(f"forward . {upstream.to}", world) as forward,
    ):
        for name in ("a.test", "b.test", "no.test"):
            await ask(forward, name)
        families = {family.name: family for family in world.host.registry.families()}
        new = families["coredns_proxy_request_duration_seconds"].cells
        old = families["coredns_forward_request_duration_seconds"].cells
        assert sum(new["forward", upstream.to, "NOERROR"].counts) == 2
        assert sum(old[upstream.to, "NXDOMAIN"].counts) == 1
        assert world.metric("coredns_forward_requests_total", upstream.to) == 3
        assert world.metric("coredns_forward_responses_total", upstream.to, "NOERROR") == 2


async def test_sockets_are_counted_by_protocol() -> None:
    world = World()
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}", world) as forward:
        for _ in range(3):
            await ask(forward, transport="tcp")
        assert world.metric("coredns_proxy_conn_cache_hits_total", "forward", upstream.to, "tcp") == 2
        assert world.metric("coredns_proxy_conn_cache_misses_total", "forward", upstream.to, "tcp") == 1


async def test_failed_checks_are_counted_under_both_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.upstream.PROBE_TIMEOUT", 0.02)
    world = World()
    async with (
        Upstream(drops) as upstream,
        forwarding(f"forward . {upstream.to} {{\nread_timeout 20ms\n}}", world) as forward,
    ):
        await ask(forward)
        name = "coredns_proxy_healthcheck_failures_total"
        await until(lambda: world.metric(name, "forward", upstream.to) >= 1)
        old = world.metric("coredns_forward_healthcheck_failures_total", upstream.to)
        assert old == world.metric(name, "forward", upstream.to)


async def test_connections_without_an_answer_are_counted_once_each() -> None:
    world = World()
    name = "coredns_proxy_conn_failures_total"
    async with (
        Upstream(drops) as silent,
        forwarding(f"forward . {silent.to} {{\nread_timeout 50ms\nmax_connect_attempts 1\n}}", world) as forward,
    ):
        await ask(forward, transport="tcp")
        assert world.metric(name, "forward", silent.to, "tcp") == 1
    async with (
        Upstream(answers("192.0.2.1")) as upstream,
        forwarding(f"forward . {upstream.to} {{\nexpire 0s\n}}", world) as forward,
    ):
        for _ in range(3):
            await ask(forward, transport="tcp")
        assert world.metric(name, "forward", upstream.to, "tcp") == 0
    async with forwarding(f"forward . {upstream.to} {{\nmax_connect_attempts 1\n}}", world) as forward:
        await ask(forward, transport="tcp")
        assert world.metric(name, "forward", upstream.to, "tcp") == 1
