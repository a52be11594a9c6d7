from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.plugins.dnssec.nsec import successor
from resolver.wire.constants import NOERROR, NS, NXDOMAIN
from resolver.wire.names import from_text, is_below, plain_name
from resolver.zone.order import sort_key
from tests.plugins.dnssec.signing import NO_DATA, NO_NAME, SOA, WWW, Stage, says, shown

ORIGIN = from_text("example.org")
PROOF = "nope.example.org. 30 NSEC \\000.nope.example.org. "
REFERRAL = says((), ["sub.example.org. 60 NS ns.sub.example.org."], ["ns.sub.example.org. 60 A 192.0.2.9"])
CUT = "sub.example.org. 60 NSEC \\000.sub.example.org. NS RRSIG NSEC"


def types(line: str) -> set[str]:
    return set(line.split(" ")[4:])


async def test_a_name_that_is_not_there_looks_like_one_without_such_records(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("Nope.example.org", "A", NO_NAME)
    authority = shown(reply.sections.authority)
    assert (reply.rcode, reply.sections.answer) == (NOERROR, [])
    assert authority[:2] == [SOA, "example.org. 60 RRSIG SOA example.org."]
    assert authority[2].startswith(PROOF)
    assert authority[3] == "nope.example.org. 30 RRSIG NSEC example.org."


@pytest.mark.parametrize("do", [None, False])
async def test_others_are_told_that_it_is_not_there(do: bool | None, tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("nope.example.org", "A", NO_NAME, do=do)
    assert (reply.rcode, shown(reply.sections.authority)) == (NXDOMAIN, [SOA])


@pytest.mark.parametrize("qtype", ["A", "MX", "HTTPS", "PTR", "NAPTR", "RRSIG"])
async def test_what_was_asked_for_is_the_only_type_that_is_denied(qtype: str, tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("www.example.org", qtype, NO_DATA)
    expected = {"A", "AAAA", "MX", "TXT", "SRV", "PTR", "NAPTR", "HTTPS", "SVCB", "CAA", "TLSA", "RRSIG", "NSEC"}
    found = types(shown(reply.sections.authority)[2])
    assert expected - {qtype} <= found
    assert qtype not in found


async def test_a_denial_never_says_that_another_zone_or_an_alias_is_there(tmp_path: Path) -> None:
    for below in (NO_NAME, NO_DATA):
        reply = await Stage(tmp_path).ask("www.example.org", "A", below)
        assert not types(shown(reply.sections.authority)[2]) & {"NS", "SOA", "DS", "CNAME", "DNAME", "A"}


async def test_at_the_top_of_the_zone_there_are_soa_ns_and_keys(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("example.org", "MX", NO_DATA)
    found = types(shown(reply.sections.authority)[2])
    assert {"NS", "SOA", "DNSKEY"} <= found
    assert not found & {"MX", "DS"}


async def test_a_question_for_nsec_is_answered_with_it(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("www.example.org", "NSEC", NO_DATA)
    answer = shown(reply.sections.answer)
    assert answer[1] == "www.example.org. 30 RRSIG NSEC example.org."
    assert types(answer[0]) >= {"A", "NSEC", "RRSIG"}
    assert reply.sections.authority == []


async def test_what_an_alias_leads_to_is_denied_and_the_alias_signed(tmp_path: Path) -> None:
    alias = "dead.example.org. 60 CNAME Nope.example.org."
    for rcode in (NOERROR, NXDOMAIN):
        reply = await Stage(tmp_path).ask("dead.example.org", "A", says([alias], [SOA], rcode=rcode))
        assert shown(reply.sections.answer) == [alias, "dead.example.org. 60 RRSIG CNAME example.org."]
        assert shown(reply.sections.authority)[2].startswith(PROOF)
        assert reply.rcode == NOERROR


async def test_what_an_alias_leads_to_elsewhere_is_not_ours_to_deny(tmp_path: Path) -> None:
    alias, soa = "out.example.org. 60 CNAME www.example.net.", "example.net. 60 SOA a. b. 1 2 3 4 5"
    reply = await Stage(tmp_path).ask("out.example.org", "A", says([alias], [soa], rcode=NXDOMAIN))
    assert shown(reply.sections.authority) == [soa]
    assert reply.rcode == NXDOMAIN


async def test_name_servers_beside_an_alias_that_leads_elsewhere_deny_nothing(tmp_path: Path) -> None:
    alias, servers = "out.example.org. 60 CNAME www.example.net.", "example.org. 60 NS ns.example.org."
    reply = await Stage(tmp_path).ask("out.example.org", "A", says([alias], [servers]))
    assert shown(reply.sections.authority) == [servers, "example.org. 60 RRSIG NS example.org."]


async def test_name_servers_of_the_zone_without_an_answer_deny_nothing(tmp_path: Path) -> None:
    servers = "example.org. 60 NS ns.example.org."
    reply = await Stage(tmp_path).ask("www.example.org", "A", says([], [servers]))
    assert shown(reply.sections.authority) == [servers, "example.org. 60 RRSIG NS example.org."]


async def test_aliases_in_a_circle_are_signed_and_nothing_is_denied(tmp_path: Path) -> None:
    circle = ["a.example.org. 60 CNAME b.example.org.", "b.example.org. 60 CNAME a.example.org."]
    reply = await Stage(tmp_path).ask("a.example.org", "A", says(circle))
    assert len(reply.sections.answer) == 4
    assert reply.sections.authority == []


async def test_a_denial_without_a_soa_has_a_proof(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("nope.example.org", "AAAA", says([]))
    assert shown(reply.sections.authority)[0].startswith("nope.example.org. 0 NSEC \\000.nope.example.org. A ")


async def test_a_denial_with_a_proof_is_left_as_it_is(tmp_path: Path) -> None:
    nsec = "example.org. 30 NSEC www.example.org. NS SOA"
    reply = await Stage(tmp_path).ask("nope.example.org", "A", says([], [SOA, nsec], rcode=NXDOMAIN))
    assert reply.rcode == NXDOMAIN
    assert [line for line in shown(reply.sections.authority) if " NSEC " in line and "RRSIG" not in line] == [nsec]


# --- zones below


async def test_a_referral_says_that_the_zone_below_is_not_signed(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("www.sub.example.org", "A", REFERRAL)
    assert shown(reply.sections.authority) == [
        "sub.example.org. 60 NS ns.sub.example.org.",
        CUT,
        "sub.example.org. 60 RRSIG NSEC example.org.",
    ]
    assert shown(reply.sections.additional) == ["ns.sub.example.org. 60 A 192.0.2.9"]


async def test_the_ds_record_in_a_referral_is_signed(tmp_path: Path) -> None:
    servers, ds = "sub.example.org. 60 NS ns.sub.example.org.", "sub.example.org. 60 DS 1 13 2 " + "ab" * 32
    reply = await Stage(tmp_path).ask("www.sub.example.org", "A", says((), [servers, ds]))
    assert shown(reply.sections.authority)[2:] == ["sub.example.org. 60 RRSIG DS example.org."]
    assert len(reply.sections.authority) == 3


def _zone_with_a_cut(query: Query) -> Reply:
    return REFERRAL(query) if query.qtype == NS and query.name == from_text("sub.example.org") else NO_DATA(query)


async def test_a_missing_ds_is_denied_as_that_of_a_zone_below_only_where_one_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    at_the_cut = shown((await stage.ask("sub.example.org", "DS", _zone_with_a_cut)).sections.authority)[2]
    elsewhere = shown((await stage.ask("www.example.org", "DS", _zone_with_a_cut)).sections.authority)[2]
    assert types(at_the_cut) == {"NS", "RRSIG", "NSEC"}
    assert not types(elsewhere) & {"NS", "DS"}


async def test_a_denied_ds_is_replayed_only_while_both_that_say_so_hold(tmp_path: Path) -> None:
    def below(query: Query) -> Reply:
        return REFERRAL(query).withheld() if query.qtype == NS else NO_DATA(query)

    assert (await Stage(tmp_path).ask("sub.example.org", "DS", below)).replay is None


async def test_a_ds_at_the_top_of_the_zone_is_denied_as_far_as_we_know(tmp_path: Path) -> None:
    def below(query: Query) -> Reply:
        return says(["example.org. 60 NS ns.example.org."])(query) if query.qtype == NS else NO_DATA(query)

    reply = await Stage(tmp_path).ask("example.org", "DS", below)
    assert {"SOA", "NS"} <= types(shown(reply.sections.authority)[2])


# --- the next name

NAMES = st.lists(st.binary(min_size=1, max_size=63).map(bytes.lower), max_size=5).map(
    lambda labels: b"".join(bytes((len(label),)) + label for label in labels) + ORIGIN
)


@given(NAMES.filter(lambda name: len(name) <= 255))
def test_the_next_name_is_a_name_of_the_zone_and_comes_behind(name: bytes) -> None:
    following = successor(name, ORIGIN)
    assert plain_name(following, 0) == (following, len(following))
    assert is_below(following, ORIGIN)
    assert following == ORIGIN or sort_key(following.lower()) > sort_key(name)


def _longest(last: bytes) -> bytes:
    """A name of 255 octets whose first label ends so."""
    rest = b"".join(b"\x3f" + b"x" * 63 for _ in range(3)) + ORIGIN
    size = 255 - len(rest) - 1
    return bytes((size,)) + (b"a" * size)[: -len(last)] + last + rest


@pytest.mark.parametrize(("last", "expected"), [(b"a", b"b"), (b"@", b"["), (b"a\xff", b"b"), (b"\xfe", b"\xff")])
def test_behind_the_longest_names_comes_one_with_a_higher_octet(last: bytes, expected: bytes) -> None:
    following = successor(_longest(last), ORIGIN)
    assert following[: following[0] + 1].endswith(expected)
    assert len(following) <= 255


def test_behind_the_last_name_comes_the_zone_itself() -> None:
    name = b"\x31" + b"\xff" * 49 + (b"\x3f" + b"\xff" * 63) * 3 + ORIGIN
    assert len(name) == 255
    assert successor(name, ORIGIN) == ORIGIN


async def test_a_name_of_full_length_can_be_denied(tmp_path: Path) -> None:
    name = ".".join(["x" * 63] * 3 + ["y" * 49, "example.org"])
    assert len(from_text(name)) == 255
    reply = await Stage(tmp_path).ask(name, "A", NO_NAME)
    assert reply.body.authorities == 4


async def test_other_names_are_passed_on(tmp_path: Path) -> None:
    reply = await Stage(tmp_path).ask("www.example.net", "A", says([WWW], rcode=NXDOMAIN))
    assert (reply.rcode, shown(reply.sections.answer)) == (NXDOMAIN, [WWW])
