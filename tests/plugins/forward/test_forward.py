"""What goes upstream and what comes back."""

from __future__ import annotations

import asyncio

import pytest

from resolver.chain.finish import finish
from resolver.errors import WireError
from resolver.wire.constants import AAAA, AD, CD, NXDOMAIN, RA, RD, SERVFAIL, TC
from resolver.wire.edns import Edns, option, write_opt
from resolver.wire.message import scan
from tests.plugins.chains import World, nobody, question
from tests.plugins.forward.forwarding import addresses, ask, ask_with, extended_errors, forwarding
from tests.support.upstreams import (
    CERTIFICATES,
    Asked,
    Step,
    Upstream,
    after,
    answers,
    closes,
    drops,
    fails,
    reply,
    truncates,
)


async def test_the_answer_of_the_upstream_comes_back() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        found = await ask(forward)
        assert (addresses(found), found.rcode, found.flags & RA) == (["192.0.2.1"], 0, RA)
        assert (found.source, found.upstream, found.replay) == ("forward", upstream.to, None)


async def test_the_client_gets_its_own_id_and_spelling() -> None:
    def shouts(asked: Asked) -> list[Step]:
        return [reply(asked, ["192.0.2.1"], name=asked.name.upper())]

    async with Upstream(shouts) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        query = question("wWw.Example.org", message_id=4711, transport="udp")
        octets = finish(query, await ask_with(forward, query))
        assert scan(octets).id == 4711
        assert scan(octets).question == query.question
        assert upstream.seen[0].message.question == query.question


async def test_response_codes_and_flags_pass() -> None:
    async with (
        Upstream(lambda asked: [reply(asked, rcode=NXDOMAIN, flags=RA | AD)]) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        found = await ask(forward)
        assert (found.rcode, found.flags) == (NXDOMAIN, RA | AD)


async def test_the_flags_of_the_client_go_upstream() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        for flags in (0, RD, RD | CD, RD | AD):
            await ask_with(forward, question("www.test", flags=flags, transport="udp"))
        assert [asked.message.flags for asked in upstream.seen] == [0, RD, RD | CD, RD | AD]


async def test_a_client_without_edns_is_asked_for_without_edns() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        await ask(forward)
        assert upstream.seen[0].message.edns is None


COOKIE, KEEPALIVE, PADDING = option(10, b"12345678"), option(11, b""), option(12, bytes(20))
SUBNET, LOCAL = option(8, bytes.fromhex("00011800c00002")), option(65001, b"local")


async def test_edns_goes_upstream_without_what_concerns_neighbours() -> None:
    edns = Edns(1400, True, options=COOKIE + SUBNET + KEEPALIVE + LOCAL + PADDING)
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        query = question("www.test", transport="udp").derive(edns=edns)
        await ask_with(forward, query)
        assert upstream.seen[0].message.edns == Edns(1400, True, options=SUBNET + LOCAL)


async def test_edns_of_the_answer_comes_back_without_what_concerns_neighbours() -> None:
    error = option(15, b"\0\x0f")
    opt = write_opt(1232, options=COOKIE + error + KEEPALIVE + PADDING)
    async with (
        Upstream(lambda asked: [reply(asked, ["192.0.2.1"], opt=opt)]) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        assert (await ask(forward)).options == error


async def test_the_full_response_code_comes_back() -> None:
    opt = write_opt(1232, rcode=23)
    async with (
        Upstream(lambda asked: [reply(asked, rcode=7, opt=opt)]) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        assert (await ask(forward)).rcode == 23


async def test_an_answer_that_falls_apart_is_a_failure_that_names_the_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall_apart(*_: object) -> None:
        raise WireError("name is cut off")

    monkeypatch.setattr("resolver.plugins.forward.handler.from_message", fall_apart)
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        found = await ask(forward)
        assert (found.rcode, extended_errors(found)) == (SERVFAIL, [24])
        assert found.error == f"answer of {upstream.to} cannot be read: name is cut off"


async def test_the_upstream_is_told_to_those_who_collect_metadata() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        query = question("www.test", transport="udp")
        query.metadata = {}
        await ask_with(forward, query)
        assert query.metadata == {"forward/upstream": upstream.to}


# --- transports


@pytest.mark.parametrize(
    ("client", "to_upstream"),
    [("udp", "udp"), ("tcp", "tcp"), ("tls", "tcp"), ("https", "tcp"), ("quic", "tcp"), ("internal", "udp")],
)
async def test_streams_are_answered_over_streams(client: str, to_upstream: str) -> None:
    async with Upstream(answers("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        await ask(forward, transport=client)
        assert [asked.transport for asked in upstream.seen] == [to_upstream]


@pytest.mark.parametrize(
    ("options", "to_upstream"),
    [("force_tcp", "tcp"), ("prefer_udp", "udp"), ("force_tcp\nprefer_udp", "tcp")],
)
@pytest.mark.parametrize("client", ["udp", "tcp"])
async def test_the_transport_may_be_set(options: str, client: str, to_upstream: str) -> None:
    async with (
        Upstream(answers("192.0.2.1")) as upstream,
        forwarding(f"forward . {upstream.to} {{\n{options}\n}}") as forward,
    ):
        await ask(forward, transport=client)
        assert [asked.transport for asked in upstream.seen] == [to_upstream]


async def test_a_truncated_answer_passes_to_a_client_over_udp() -> None:
    async with Upstream(truncates("192.0.2.1")) as upstream, forwarding(f"forward . {upstream.to}") as forward:
        found = await ask(forward)
        assert found.flags & TC
        assert len(upstream.seen) == 1


@pytest.mark.parametrize(("options", "client"), [("prefer_udp", "udp"), ("prefer_udp", "tcp"), ("", "internal")])
async def test_a_truncated_answer_is_asked_for_again_over_tcp(options: str, client: str) -> None:
    async with (
        Upstream(truncates("192.0.2.1")) as upstream,
        forwarding(f"forward . {upstream.to} {{\n{options}\n}}") as forward,
    ):
        found = await ask(forward, transport=client)
        assert (addresses(found), found.flags & TC) == (["192.0.2.1"], 0)
        assert [asked.transport for asked in upstream.seen] == ["udp", "tcp"]


async def test_a_truncated_answer_is_better_than_none() -> None:
    async with (
        Upstream(truncates("192.0.2.1"), tcp=False) as upstream,
        forwarding(f"forward . {upstream.to} {{\nprefer_udp\n}}") as forward,
    ):
        found = await ask(forward)
        assert (found.rcode, found.flags & TC) == (0, TC)


async def test_tls_upstreams() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        lines = f"forward . tls://127.0.0.1%dns.test:{upstream.port} {{\ntls {CERTIFICATES / 'ca.pem'}\n}}"
        async with forwarding(lines) as forward:
            assert addresses(await ask(forward)) == ["192.0.2.1"]
            assert (upstream.seen[0].transport, upstream.seen[0].sni) == ("tls", "dns.test")


async def test_tls_upstreams_that_cannot_be_trusted_are_not_used() -> None:
    async with (
        Upstream(answers("192.0.2.1"), tls=True) as upstream,
        forwarding(f"forward . tls://127.0.0.1:{upstream.port} {{\ntls_servername dns.test\n}}") as forward,
    ):
        found = await ask(forward)
        assert (found.rcode, extended_errors(found), upstream.seen) == (SERVFAIL, [23], [])
        assert "failed to verify certificate" in found.error
        assert found.source == ""  # nobody answered


# --- scope


async def test_names_outside_are_passed_on() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        lines = f"forward corp.test {upstream.to} {{\nexcept lab.corp.test\n}}"
        async with forwarding(lines) as forward:
            assert (await ask(forward, "www.example.org")).source == "nobody"
            assert (await ask(forward, "www.lab.corp.test")).source == "nobody"
            assert (await ask(forward, "www.CORP.test")).source == "forward"


async def test_the_first_line_in_the_file_takes_the_query() -> None:
    async with (
        Upstream(answers("192.0.2.1")) as first,
        Upstream(answers("192.0.2.2")) as second,
        forwarding(f"forward . {first.to}\nforward corp.test {second.to}") as forward,
    ):
        assert addresses(await ask(forward, "www.corp.test")) == ["192.0.2.1"]


async def test_with_order_longest_the_most_special_line_takes_the_query() -> None:
    async with Upstream(answers("192.0.2.1")) as first, Upstream(answers("192.0.2.2")) as second:
        lines = f"forward . {first.to} {{\norder longest\n}}\nforward corp.test {second.to}"
        async with forwarding(lines) as forward:
            assert addresses(await ask(forward, "www.corp.test")) == ["192.0.2.2"]
            assert addresses(await ask(forward, "www.example.org")) == ["192.0.2.1"]


# --- the next line


async def test_next_asks_the_following_lines() -> None:
    async with (
        Upstream(fails(5)) as refusing,
        Upstream(fails(3)) as unknowing,
        Upstream(answers("192.0.2.3")) as third,
    ):
        lines = (
            f"forward . {refusing.to} {{\nnext NXDOMAIN REFUSED\n}}\n"
            f"forward . {unknowing.to} {{\nnext NXDOMAIN\n}}\nforward . {third.to}"
        )
        async with forwarding(lines) as forward:
            assert addresses(await ask(forward)) == ["192.0.2.3"]
            assert len(unknowing.seen) == 1


async def test_next_without_a_line_that_takes_the_name_changes_nothing() -> None:
    async with Upstream(fails(3)) as upstream, Upstream(answers("192.0.2.1")) as other:
        lines = f"forward . {upstream.to} {{\nnext NXDOMAIN\n}}\nforward corp.test {other.to}"
        async with forwarding(lines) as forward:
            assert (await ask(forward)).rcode == NXDOMAIN
            assert other.seen == []


async def test_other_codes_are_final() -> None:
    async with (
        Upstream(fails(2)) as upstream,
        Upstream(answers("192.0.2.1")) as other,
        forwarding(f"forward . {upstream.to} {{\nnext NXDOMAIN\n}}\nforward . {other.to}") as forward,
    ):
        assert (await ask(forward)).rcode == SERVFAIL


async def test_next_on_nodata_asks_the_following_line() -> None:
    def only_aaaa(asked: Asked) -> list[Step]:
        return [reply(asked, ["192.0.2.1"] if asked.message.qtype == AAAA else [])]

    async with (
        Upstream(only_aaaa) as first,
        Upstream(answers("192.0.2.2")) as second,
        forwarding(f"forward . {first.to} {{\nnext_on_nodata\n}}\nforward . {second.to}") as forward,
    ):
        assert addresses(await ask(forward)) == ["192.0.2.2"]
        assert addresses(await ask(forward, qtype="AAAA")) == ["192.0.2.1"]
        assert len(second.seen) == 1


# --- sharing


async def test_identical_questions_in_flight_share_one_exchange() -> None:
    world = World()
    async with (
        Upstream(after(0.05, answers("192.0.2.1"))) as upstream,
        forwarding(f"forward . {upstream.to}", world) as forward,
    ):
        queries = [question(name, message_id=number, transport="udp") for number, name in enumerate(["a.test"] * 9)]
        replies = await asyncio.gather(*(ask_with(forward, query) for query in queries))
        octets = [finish(query, found) for query, found in zip(queries, replies, strict=True)]
        assert [scan(packet).id for packet in octets] == list(range(9))
        assert len({packet[2:] for packet in octets}) == 1
        assert len(upstream.seen) == 1
        assert world.metric("coredns_forward_coalesced_total") == 8


async def test_spelling_does_not_keep_questions_apart_but_is_kept_for_each() -> None:
    async with (
        Upstream(after(0.05, answers("192.0.2.1"))) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        queries = [question(name, transport="udp") for name in ("a.test", "A.test", "a.TEST")]
        replies = await asyncio.gather(*(ask_with(forward, query) for query in queries))
        assert [found.question for found in replies] == [query.question for query in queries]
        assert len(upstream.seen) == 1


async def test_different_questions_do_not_share() -> None:
    base = question("a.test", transport="udp")
    variants = [
        base,
        question("b.test", transport="udp"),
        question("a.test", "AAAA", transport="udp"),
        base.derive(qclass=3),
        base.derive(flags=0),
        base.derive(flags=RD | CD),
        base.derive(flags=RD | AD),
        base.derive(edns=Edns(1232)),
        base.derive(edns=Edns(1400)),
        base.derive(edns=Edns(1232, True)),
        base.derive(edns=Edns(1232, options=SUBNET)),
        base.derive(transport="tcp"),
        base.derive(transport="internal"),
    ]
    async with (
        Upstream(after(0.05, answers("192.0.2.1"))) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        await asyncio.gather(*(ask_with(forward, query) for query in variants))
        assert len(upstream.seen) == len(variants)


async def test_letters_in_numbers_are_not_folded() -> None:
    # types 65 and 97 differ as the letters A and a do
    base = question("a.test", transport="udp")
    async with (
        Upstream(after(0.05, answers("192.0.2.1"))) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        await asyncio.gather(*(ask_with(forward, base.derive(qtype=qtype)) for qtype in (65, 97)))
        assert len(upstream.seen) == 2


async def test_who_follows_is_served_when_the_leader_is_stopped() -> None:
    async with (
        Upstream(after(0.05, answers("192.0.2.1"))) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        leader = asyncio.create_task(ask(forward))
        await asyncio.sleep(0)
        followers = [asyncio.create_task(ask(forward)) for _ in range(3)]
        await asyncio.sleep(0)
        leader.cancel()
        assert [addresses(found) for found in await asyncio.gather(*followers)] == [["192.0.2.1"]] * 3
        assert len(upstream.seen) == 2


async def test_failures_are_shared_too() -> None:
    async with (
        Upstream(drops) as upstream,
        forwarding(f"forward . {upstream.to} {{\nread_timeout 50ms\nmax_fails 0\n}}") as forward,
    ):
        replies = await asyncio.gather(*(ask(forward) for _ in range(5)))
        assert [found.rcode for found in replies] == [SERVFAIL] * 5
        assert len(upstream.seen) == 2


# --- limits


async def test_over_max_concurrent_queries_are_refused_and_counted() -> None:
    world = World()
    async with (
        Upstream(after(0.1, answers("192.0.2.1"))) as upstream,
        forwarding(f"forward . {upstream.to} {{\nmax_concurrent 2\n}}", world) as forward,
    ):
        replies = await asyncio.gather(*(ask(forward, f"n{number}.test") for number in range(5)))
        assert sorted(found.rcode for found in replies) == [0, 0, 5, 5, 5]
        assert world.metric("coredns_forward_max_concurrent_rejects_total") == 3
        assert replies[4].error == "concurrent queries exceeded maximum 2"
        assert (await ask(forward)).rcode == 0


async def test_a_connection_that_the_upstream_closed_does_not_spoil_the_next_query() -> None:
    def script(asked: Asked) -> list[Step]:
        return closes(asked) if asked.name == "bye.test." else [reply(asked, ["192.0.2.1"])]

    async with Upstream(script) as upstream, forwarding(f"forward . {upstream.to} {{\nforce_tcp\n}}") as forward:
        assert (await ask(forward)).rcode == 0
        assert (await ask(forward, "bye.test")).rcode == SERVFAIL
        assert addresses(await ask(forward)) == ["192.0.2.1"]


async def test_a_stopped_plugin_says_so() -> None:
    async with (
        Upstream(answers("192.0.2.1")) as upstream,
        forwarding(f"forward . {upstream.to}") as forward,
    ):
        await forward.stop()
        found = await forward.resolve(question("www.test", transport="udp"), nobody)
        assert found.rcode == SERVFAIL
        assert upstream.seen == []
