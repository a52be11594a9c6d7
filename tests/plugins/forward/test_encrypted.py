"""Forwarding over encrypted transports: what travels, what comes back, and whom nothing is told."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.trail import Trail
from resolver.wire.constants import NOERROR, SERVFAIL
from resolver.wire.edns import Edns, option, options, write_opt
from resolver.wire.names import from_text
from tests.plugins.chains import World, until
from tests.plugins.forward.forwarding import addresses, ask, ask_with, forwarding
from tests.support.upstreams import CERTIFICATES, Asked, Upstream, after, answers, drops, reply
from tests.upstream.authority import Authority, Certificate
from tests.upstream.doh_upstream import DohUpstream

CA = f"tls {CERTIFICATES / 'ca.pem'}"
PADDING = write_opt(1232, options=option(12, bytes(300)))


def query(edns: Edns | None = None) -> Query:
    return Query(from_text("www.example.org"), 1, edns=edns, transport="udp")


def pads(asked: Asked) -> list[bytes]:
    return [reply(asked, ["192.0.2.1"], opt=PADDING)]


def to(upstream: Upstream, options: str = CA) -> str:
    scheme = "https" if isinstance(upstream, DohUpstream) else "tls"
    return f"forward . {scheme}://127.0.0.1%dns.test:{upstream.port} {{\n{options}\n}}"


@pytest.fixture(params=["tls", "https"])
def padding_upstream(request: pytest.FixtureRequest) -> Upstream:
    return DohUpstream(pads) if request.param == "https" else Upstream(pads, tls=True)


# --- padding


async def test_queries_are_padded_and_answers_are_not(padding_upstream: Upstream) -> None:
    async with padding_upstream as upstream, forwarding(to(upstream)) as forward:
        found = await ask_with(forward, query())
        assert (addresses(found), found.options) == (["192.0.2.1"], b"")
        assert len(upstream.seen[0].packet) == 128
        found = await ask_with(forward, query(Edns(1400, options=option(65001, b"own") + option(12, b"\0" * 9))))
        assert (addresses(found), found.options) == (["192.0.2.1"], b"")
        message = upstream.seen[1].message
        assert len(message.octets) == 128
        assert message.edns is not None
        assert message.edns.size == 1400
        assert [code for code, _ in options(message.edns.options)] == [65001, 12]


async def test_padding_may_be_switched_off(padding_upstream: Upstream) -> None:
    async with padding_upstream as upstream, forwarding(to(upstream, f"{CA}\npadding off")) as forward:
        assert addresses(await ask_with(forward, query())) == ["192.0.2.1"]
        assert upstream.seen[0].message.edns is None


async def test_queries_in_the_clear_are_not_padded() -> None:
    async with Upstream(pads) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        for transport in ("udp", "tcp"):
            assert addresses(await ask(forward, transport=transport)) == ["192.0.2.1"]
        assert [asked.message.edns for asked in upstream.seen] == [None, None]


async def test_checks_are_padded_too(padding_upstream: Upstream) -> None:
    async with padding_upstream as upstream, forwarding(to(upstream)) as forward:
        forward.lines[0].upstreams[0].failed()
        await until(lambda: upstream.names == ["."])
        assert len(upstream.seen[0].packet) == 128


# --- whom to trust


@pytest.fixture(params=["tls", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def serving(scheme: str, certificate: Certificate, clients: Path | None = None) -> DohUpstream | Upstream:
    protocols = ("h2",) if scheme == "https" else ()
    context = certificate.context(*protocols, clients=clients)
    kind = DohUpstream if scheme == "https" else Upstream
    return kind(answers("192.0.2.1"), tls=True, context=context)


async def outcome(scheme: str, upstream: Upstream, options: str, name: str = "dns.test") -> tuple[int, str]:
    lines = f"forward . {scheme}://127.0.0.1%{name}:{upstream.port} {{\n{options}\nmax_connect_attempts 1\n}}"
    async with forwarding(lines) as forward:
        found = await ask(forward)
        return found.rcode, found.error


async def test_a_certificate_that_an_authority_has_signed_is_trusted(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(scheme, authority.issue("dns.test")) as upstream:
        assert await outcome(scheme, upstream, f"tls {authority.file}") == (NOERROR, "")


@pytest.mark.parametrize("trusted", ["system", "other"])
async def test_an_unknown_authority_is_told_nothing(scheme: str, trusted: str, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with serving(scheme, authority.issue("dns.test")) as upstream:
        rcode, error = await outcome(scheme, upstream, f"tls {other.file}" if trusted == "other" else "")
        assert (rcode, "failed to verify certificate" in error) == (SERVFAIL, True)
        assert upstream.seen == []


async def test_a_certificate_for_another_name_is_told_nothing(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(scheme, authority.issue("other.test", "127.0.0.1")) as upstream:
        rcode, error = await outcome(scheme, upstream, f"tls {authority.file}")
        assert (rcode, "hostname mismatch" in error.lower()) == (SERVFAIL, True)
        assert upstream.seen == []


async def test_connections_that_are_not_to_be_trusted_are_counted(scheme: str, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    name, proto = "coredns_proxy_conn_failures_total", {"tls": "tcp-tls"}.get(scheme, scheme)
    async with serving(scheme, authority.issue("dns.test")) as upstream:
        for trusted, expected in ((authority, 0), (other, 1)):
            world = World()
            lines = f"forward . {scheme}://127.0.0.1%dns.test:{upstream.port} {{\ntls {trusted.file}\n"
            async with forwarding(f"{lines}max_connect_attempts 1\n}}", world) as forward:
                await ask(forward)
                assert world.metric(name, "forward", f"127.0.0.1:{upstream.port}", proto) == expected


async def test_an_expired_certificate_is_told_nothing(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(scheme, authority.issue("dns.test", days=-1)) as upstream:
        rcode, error = await outcome(scheme, upstream, f"tls {authority.file}")
        assert (rcode, "expired" in error) == (SERVFAIL, True)
        assert upstream.seen == []


async def test_an_expired_authority_is_not_trusted(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path, days=-1)
    async with serving(scheme, authority.issue("dns.test")) as upstream:
        rcode, error = await outcome(scheme, upstream, f"tls {authority.file}")
        assert (rcode, "expired" in error) == (SERVFAIL, True)
        assert upstream.seen == []


async def test_our_own_certificate_is_shown_to_who_asks_for_it(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("client.test")
    async with serving(scheme, authority.issue("dns.test"), clients=authority.file) as upstream:
        tls = f"tls {ours.file} {ours.key_file} {authority.file}"
        assert await outcome(scheme, upstream, tls) == (NOERROR, "")
        rcode, _ = await outcome(scheme, upstream, f"tls {authority.file}")
        assert rcode == SERVFAIL
        assert len(upstream.seen) == 1


# --- pins


def pin(certificate: Certificate) -> str:
    return f"tls_pin sha256/{b64encode(certificate.pin).decode()}"


async def test_a_pinned_key_is_taken(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, spare = authority.issue("dns.test"), authority.issue("dns.test")
    async with serving(scheme, certificate) as upstream:
        tls = f"tls {authority.file}\n{pin(spare)}\n{pin(certificate)}"
        assert await outcome(scheme, upstream, tls) == (NOERROR, "")


async def test_another_key_is_told_nothing_though_its_certificate_is_right(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, spare = authority.issue("dns.test"), authority.issue("dns.test")
    async with serving(scheme, certificate) as upstream:
        rcode, error = await outcome(scheme, upstream, f"tls {authority.file}\n{pin(spare)}")
        shown = b64encode(certificate.pin).decode()
        assert rcode == SERVFAIL
        assert error == f"dial tcp {upstream.to}: tls: the key sha256/{shown} is not one that tls_pin names"
        assert upstream.seen == []


async def test_a_pin_does_not_make_up_for_an_unknown_authority(scheme: str, tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("dns.test")
    async with serving(scheme, certificate) as upstream:
        rcode, error = await outcome(scheme, upstream, pin(certificate))
        assert (rcode, "failed to verify certificate" in error) == (SERVFAIL, True)


async def test_with_tls_pin_only_the_key_is_all_that_counts(scheme: str, tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("other.test", days=-1)
    spare = Authority(tmp_path).issue("dns.test")
    async with serving(scheme, certificate) as upstream:
        assert await outcome(scheme, upstream, f"{pin(certificate)}\ntls_pin_only") == (NOERROR, "")
        rcode, error = await outcome(scheme, upstream, f"{pin(spare)}\ntls_pin_only")
        assert (rcode, "is not one that tls_pin names" in error) == (SERVFAIL, True)
        assert len(upstream.seen) == 1


async def test_a_pin_is_looked_at_in_resumed_sessions_too(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("dns.test")
    async with serving(scheme, certificate) as upstream:
        options = f"tls {authority.file}\n{pin(certificate)}\nexpire 0s"
        lines = f"forward . {scheme}://127.0.0.1%dns.test:{upstream.port} {{\n{options}\n}}"
        async with forwarding(lines) as forward:
            for _ in range(2):
                assert addresses(await ask(forward)) == ["192.0.2.1"]
                await until(lambda: upstream.open_connections == 0)
        assert upstream.resumed == 1


# --- the trail


async def test_the_trail_names_the_upstream_and_its_time(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(scheme, authority.issue("dns.test")) as upstream:
        lines = f"forward . {scheme}://127.0.0.1%dns.test:{upstream.port} {{\ntls {authority.file}\n}}"
        async with forwarding(lines) as forward:
            asked = query()
            asked.trail = Trail()
            await ask_with(forward, asked)
            assert asked.trail.upstream == upstream.to
            assert 0 < asked.trail.upstream_time < 2


async def test_the_trail_counts_the_time_of_upstreams_that_failed() -> None:
    async with Upstream(drops) as mute, Upstream(answers("192.0.2.2")) as good:
        options = "policy sequential\nread_timeout 100ms"
        async with forwarding(f"forward . {mute.to} {good.to} {{\n{options}\n}}") as forward:
            asked = query()
            asked.trail = Trail()
            assert addresses(await ask_with(forward, asked)) == ["192.0.2.2"]
            assert asked.trail.upstream == good.to
            assert asked.trail.upstream_time >= 0.09


async def test_who_follows_an_identical_query_has_its_upstream_in_the_trail() -> None:
    slow = after(0.05, answers("192.0.2.1"))
    async with Upstream(slow) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        both = [query(), query()]
        for asked in both:
            asked.trail = Trail()
        await asyncio.gather(*(ask_with(forward, asked) for asked in both))
        assert len(upstream.seen) == 1
        for asked in both:
            assert asked.trail is not None
            assert asked.trail.upstream == upstream.to
            assert asked.trail.upstream_time >= 0.03
