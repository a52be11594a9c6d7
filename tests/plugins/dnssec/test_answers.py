from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.capabilities import Successor
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.dnssec.keys import ALGORITHMS, ECDSAP256, ED25519, RSASHA256
from resolver.dnssec.signature import tag_of, validity_of
from resolver.plugins.dnssec.signer import BEFORE, LIFETIME, RENEWED
from resolver.wire.constants import RRSIG, SERVFAIL
from tests.plugins.dnssec.signing import SOA, WWW, Stage, record, says, shown
from tests.support.keys import ENTRY_POINT, ZONE_ONLY

SIGNED = "www.example.org. 60 RRSIG A example.org."


def tags(reply: Reply) -> list[int]:
    return [tag_of(one.rdata) for one in reply.sections.answer if one.type == RRSIG]


async def test_a_client_that_wants_signatures_gets_them_behind_each_set(tmp_path: Path) -> None:
    two = "www.example.org. 60 A 192.0.2.2"
    below = says([WWW, two], ["example.org. 60 NS ns.example.org."], ["ns.example.org. 60 A 192.0.2.53"])
    reply = await Stage(tmp_path).ask("WWW.example.org", "A", below)
    assert shown(reply.sections.answer) == [WWW, two, SIGNED]
    assert shown(reply.sections.authority)[1:] == ["example.org. 60 RRSIG NS example.org."]
    assert shown(reply.sections.additional)[1:] == ["ns.example.org. 60 RRSIG A example.org."]


@pytest.mark.parametrize("do", [None, False])
async def test_a_client_that_does_not_gets_the_answer_as_it_is(do: bool | None, tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("www.example.org", "A", says([WWW]), do=do)
    assert shown(reply.sections.answer) == [WWW]


async def test_what_is_not_in_the_zones_is_not_signed(tmp_path: Path) -> None:
    stage, other = Stage(tmp_path), "www.example.net. 60 A 192.0.2.1"
    assert shown((await stage.ask("www.example.net", "A", says([other]))).sections.answer) == [other]
    alias = "out.example.org. 60 CNAME www.example.net."
    reply = await stage.ask("out.example.org", "A", says([alias, other]))
    assert shown(reply.sections.answer) == [alias, "out.example.org. 60 RRSIG CNAME example.org.", other]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_algorithm_signs(algorithm: int, tmp_path: Path) -> None:
    reply = await Stage(tmp_path, keys=[(algorithm, ENTRY_POINT)]).ask("www.example.org", "A", says([WWW]))
    assert shown(reply.sections.answer) == [WWW, SIGNED]


async def test_without_a_split_every_key_signs_everything(tmp_path: Path) -> None:
    stage = Stage(tmp_path, keys=[(ECDSAP256, ENTRY_POINT), (ED25519, ENTRY_POINT)])
    assert tags(await stage.ask("www.example.org", "A", says([WWW]))) == stage.tags
    assert tags(await stage.ask("example.org", "DNSKEY", says([]))) == stage.tags


async def test_with_both_kinds_of_keys_each_signs_its_own(tmp_path: Path) -> None:
    stage = Stage(tmp_path, keys=[(ECDSAP256, ENTRY_POINT), (RSASHA256, ZONE_ONLY)])
    assert tags(await stage.ask("www.example.org", "A", says([WWW]))) == stage.tags[1:]
    assert tags(await stage.ask("example.org", "DNSKEY", says([]))) == stage.tags[:1]


async def test_the_keys_are_given_out_at_the_top_of_every_zone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, zones=["example.org.", "sub.example.org."])
    for zone in stage.zones:
        reply = await stage.ask(zone, "DNSKEY", says([WWW]))
        assert [line.split(" ")[:4] for line in shown(reply.sections.answer)] == [
            [zone, "3600", "DNSKEY", "257"],
            [zone, "3600", "RRSIG", "DNSKEY"],
        ]
        assert len((await stage.ask(zone, "DNSKEY", says([WWW]), do=False)).sections.answer) == 1
    assert shown((await stage.ask("www.example.org", "DNSKEY", says([WWW]))).sections.answer)[0] == WWW


async def test_the_closest_zone_signs_and_the_one_above_signs_its_ds(tmp_path: Path) -> None:
    stage = Stage(tmp_path, zones=["example.org.", "sub.example.org."])
    a = "a.sub.example.org. 60 A 192.0.2.1"
    assert shown((await stage.ask("a.sub.example.org", "A", says([a]))).sections.answer)[1].endswith(
        " sub.example.org."
    )
    ds = "sub.example.org. 60 DS 1 13 2 " + "ab" * 32
    reply = await stage.ask("sub.example.org", "DS", says([ds]))
    assert shown(reply.sections.answer)[1:] == ["sub.example.org. 60 RRSIG DS example.org."]


async def test_what_comes_signed_is_left_as_it_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    signed = (await stage.ask("www.example.org", "A", says([WWW]))).sections.answer

    def again(query: Query) -> Reply:
        reply = says([])(query)
        return reply.with_sections(signed, [], [])

    assert (await stage.ask("www.example.org", "A", again)).sections.answer == signed


async def test_failures_are_passed_on(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("www.example.org", "A", says([], [SOA], rcode=SERVFAIL))
    assert (reply.rcode, shown(reply.sections.authority)) == (SERVFAIL, [SOA])


async def test_name_servers_of_a_zone_below_are_not_signed_beside_an_answer(tmp_path: Path) -> None:
    below = "sub.example.org. 60 NS ns.example.org."
    reply = await Stage(tmp_path).ask("www.example.org", "A", says([WWW], [below]))
    assert shown(reply.sections.authority) == [below]


async def test_not_all_of_a_long_additional_section_is_signed(tmp_path: Path) -> None:
    hosts = [f"h{number}.example.org. 60 A 192.0.2.1" for number in range(70)]
    srv = "s.example.org. 60 SRV 1 2 3 h0.example.org."
    reply = await Stage(tmp_path).ask("s.example.org", "SRV", says([srv], (), hosts))
    assert sum(one.type == RRSIG for one in reply.sections.additional) == 64
    assert [one for one in reply.sections.additional if one.type != RRSIG] == [record(host) for host in hosts]


async def test_rdata_that_cannot_be_read_is_not_signed(tmp_path: Path) -> None:
    def broken(query: Query) -> Reply:
        one = record("www.example.org. 60 MX 1 a.")
        return says([])(query).with_sections([one._replace(rdata=b"\0\1\x3f")], [], [])

    reply = await Stage(tmp_path).ask("www.example.org", "MX", broken)
    assert (reply.rcode, reply.error.partition(":")[0]) == (SERVFAIL, "cannot be signed")


async def test_signatures_begin_hours_ago_and_end_in_days(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    reply = await stage.ask("www.example.org", "A", says([WWW]))
    times = validity_of(reply.sections.answer[-1].rdata)
    assert times == (stage.now - BEFORE, stage.now + LIFETIME)


async def test_they_are_made_anew_two_days_before_they_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    first = (await stage.ask("www.example.org", "A", says([WWW]))).sections.answer[-1]
    stage.now += LIFETIME - RENEWED - 1
    assert (await stage.ask("www.example.org", "A", says([WWW]))).sections.answer[-1] == first
    stage.now += 1
    assert (await stage.ask("www.example.org", "A", says([WWW]))).sections.answer[-1] != first


async def test_they_are_made_anew_when_the_clock_was_wrong(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    first = (await stage.ask("www.example.org", "A", says([WWW]))).sections.answer[-1]
    stage.now -= BEFORE + 1
    assert (await stage.ask("www.example.org", "A", says([WWW]))).sections.answer[-1] != first


async def test_they_are_the_same_whatever_the_order_the_spelling_and_the_ttl(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    two = "www.example.org. 60 A 192.0.2.2"
    first = (await stage.ask("www.example.org", "A", says([WWW, two]))).sections.answer[-1]
    turned = ["WWW.Example.org. 20 A 192.0.2.2", "WWW.Example.org. 20 A 192.0.2.1"]
    other = (await stage.ask("WWW.example.org", "A", says(turned))).sections.answer[-1]
    assert (other.rdata, other.ttl) == (first.rdata, 20)


async def test_a_signed_answer_is_replayed_until_its_signatures_are_due(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.ask("www.example.org", "A", says([WWW]))
    stage.now += 1000
    leave = (await stage.ask("www.example.org", "A", says([WWW]))).replay
    assert leave is not None
    assert leave.until == stage.monotonic + LIFETIME - RENEWED - 1000
    assert leave.tags == ("data",)
    for count in leave.counts:
        count(5)
    assert stage.world.metric("coredns_dnssec_cache_hits_total", "dns://:53") == 6
    assert stage.world.metric("coredns_dnssec_cache_misses_total", "dns://:53") == 1


async def test_what_must_not_be_replayed_is_not(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("www.example.org", "A", lambda query: says([WWW])(query).withheld())
    assert reply.replay is None


async def test_signatures_outlive_a_reload_that_changes_nothing_about_them(tmp_path: Path) -> None:
    old, same, other = Stage(tmp_path), Stage(tmp_path), Stage(tmp_path, capacity=5)
    first = (await old.ask("www.example.org", "A", says([WWW]))).sections.answer[-1]
    for stage in (same, other):
        assert isinstance(stage.plugin, Successor)
        stage.plugin.succeed(old.plugin)
    assert (await same.ask("www.example.org", "A", says([WWW]))).sections.answer[-1] == first
    assert (await other.ask("www.example.org", "A", says([WWW]))).sections.answer[-1] != first


async def test_the_gauge_tells_how_many_signatures_are_kept(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.plugin.start()
    await stage.ask("www.example.org", "A", says([WWW], ["example.org. 60 NS ns.example.org."]))
    assert stage.world.metric("coredns_dnssec_cache_entries", "dns://:53", "signature") == 2
    await stage.plugin.stop()
    assert stage.world.metric("coredns_dnssec_cache_entries", "dns://:53", "signature") == 0


async def test_a_key_of_an_outdated_algorithm_is_worth_a_warning(tmp_path: Path) -> None:
    stage = Stage(tmp_path, keys=[(5, ENTRY_POINT)])
    await stage.plugin.start()
    await stage.plugin.stop()
    assert "RSASHA1) is outdated" in stage.world.lines[0]
