"""The addresses of host names."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from resolver.errors import UpstreamError
from resolver.upstream import lookup as module
from resolver.upstream.address import Address
from resolver.upstream.lookup import Lookup, SystemFiles
from resolver.wire.constants import NXDOMAIN, RA, SERVFAIL, TC
from tests.support.upstreams import Asked, Script, Step, Upstream, answers, drops, fails, reply


def lookup(*upstreams: Upstream, files: SystemFiles | None = None) -> Lookup:
    resolvers = [Address(upstream.host, upstream.port) for upstream in upstreams]
    return Lookup(asyncio.get_running_loop(), time.monotonic, resolvers, files or SystemFiles())


def only_a(*addresses: str, ttl: int = 60) -> Script:
    """Addresses for A, nothing for AAAA."""

    def script(asked: Asked) -> list[Step]:
        return [reply(asked, addresses if asked.message.qtype == 1 else (), ttl=ttl)]

    return script


async def test_both_kinds_of_addresses_are_asked_for() -> None:
    async with Upstream(only_a("192.0.2.1", "192.0.2.2")) as upstream:
        found = await lookup(upstream).addresses("dns.test")
        assert found.found == ("192.0.2.1", "192.0.2.2")
        assert sorted(asked.message.qtype for asked in upstream.seen) == [1, 28]


async def test_the_lowest_ttl_counts() -> None:
    async with Upstream(only_a("192.0.2.1", ttl=17)) as upstream:
        assert (await lookup(upstream).addresses("dns.test")).ttl == 17


async def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    def script(asked: Asked) -> list[Step]:
        if asked.transport == "udp":
            return [reply(asked, flags=RA | TC)]
        return [reply(asked, ["192.0.2.1"] if asked.message.qtype == 1 else ())]

    async with Upstream(script) as upstream:
        assert (await lookup(upstream).addresses("dns.test")).found == ("192.0.2.1",)


@pytest.mark.parametrize("broken", [drops, fails(SERVFAIL)])
async def test_the_next_resolver_is_asked_when_one_fails(broken: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    async with Upstream(broken) as first, Upstream(only_a("192.0.2.1")) as second:
        assert (await lookup(first, second).addresses("dns.test")).found == ("192.0.2.1",)


@pytest.mark.parametrize("script", [fails(NXDOMAIN), fails(SERVFAIL), answers()])
async def test_a_name_without_addresses_is_an_error_that_names_it(script: Script) -> None:
    async with Upstream(script) as upstream:
        with pytest.raises(UpstreamError, match=r"no addresses found for dns\.test: "):
            await lookup(upstream).addresses("dns.test")


async def test_silence_of_all_is_an_error_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    monkeypatch.setattr(module, "BUDGET", 0.25)
    async with Upstream(drops) as upstream:
        with pytest.raises(UpstreamError, match="i/o timeout"):
            await lookup(*[upstream] * 10).addresses("dns.test")
        assert len(upstream.seen) <= 6


async def test_a_name_that_is_too_long_is_an_error() -> None:
    async with Upstream(only_a("192.0.2.1")) as upstream:
        with pytest.raises(UpstreamError, match="no addresses found"):
            await lookup(upstream).addresses("x." * 130)


def system(tmp_path: Path, resolv_conf: Sequence[str], hosts: Sequence[str] = ()) -> SystemFiles:
    files = SystemFiles(tmp_path / "resolv.conf", tmp_path / "hosts")
    files.resolv_conf.write_text("\n".join(resolv_conf))
    files.hosts.write_text("\n".join(hosts))
    return files


async def test_the_hosts_file_comes_first(tmp_path: Path) -> None:
    files = system(tmp_path, [], ["192.0.2.9 dns.test"])
    assert (await lookup(files=files).addresses("dns.test")).found == ("192.0.2.9",)


async def test_a_system_without_resolvers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="has no nameserver line"):
        await lookup(files=system(tmp_path, ["search a.test"])).addresses("dns.test")


async def test_the_resolvers_of_the_system_are_asked(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match=r"no addresses found for dns\.test: .*127\.0\.0\.251:53"):
        await lookup(files=system(tmp_path, ["nameserver 127.0.0.251"])).addresses("dns.test")


# --- no circles


def of_system(tmp_path: Path, *servers: str, own: Sequence[str] = ()) -> Lookup:
    files = SystemFiles(tmp_path / "resolv.conf", tmp_path / "hosts")
    files.resolv_conf.write_text("".join(f"nameserver {server}\n" for server in servers))
    is_own = {Address(server, 53) for server in own}.__contains__
    return Lookup(asyncio.get_running_loop(), time.monotonic, (), files, is_own)


async def test_a_name_is_not_looked_up_at_this_very_server(tmp_path: Path) -> None:
    circle = of_system(tmp_path, "127.0.0.1", "127.0.0.2", own=("127.0.0.1", "127.0.0.2"))
    with pytest.raises(UpstreamError) as caught:
        await circle.addresses("dns.test")
    assert str(caught.value) == (
        f"dns.test cannot be looked up at 127.0.0.1:53 and 127.0.0.2:53 of {tmp_path / 'resolv.conf'}: "
        "that is this very server; name a resolver"
    )


async def test_a_server_of_the_system_that_is_another_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with pytest.raises(UpstreamError, match=r"no addresses found for dns\.test: .*127\.0\.0\.252:53"):
        await of_system(tmp_path, "127.0.0.1", "127.0.0.252", own=("127.0.0.1",)).addresses("dns.test")


async def test_the_systems_hosts_file_needs_no_server(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.1 dns.test\n")
    assert (await of_system(tmp_path, "127.0.0.1", own=("127.0.0.1",)).addresses("dns.test")).found == ("192.0.2.1",)
