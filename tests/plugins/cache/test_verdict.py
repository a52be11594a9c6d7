"""How answers are judged, whatever way their records are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.errors import WireError
from resolver.plugins.cache.settings import Settings
from resolver.plugins.cache.verdict import Kind, Verdict, judge, same_question
from resolver.wire.constants import ANY, CNAME, MAX_TTL, NS, NXDOMAIN, SOA, TC, TXT, A
from resolver.wire.names import ROOT, from_text
from resolver.wire.records import Body, Record, encode

SETTINGS = Settings((ROOT,))
WWW, ALIAS, CDN = from_text("www.example.org"), from_text("alias.example.org"), from_text("cdn.example.net")
ADDRESS = Record(WWW, A, 1, 60, b"\xc0\0\2\1")
START_OF_AUTHORITY = Record(from_text("example.org"), SOA, 1, 40, b"\0\0" + bytes(16) + (30).to_bytes(4, "big"))


def alias(owner: bytes, target: bytes, ttl: int = 60) -> Record:
    return Record(owner, CNAME, 1, ttl, target)


def verdict(answer: list[Record], authority: list[Record] | None = None, *, qtype: int = A, rcode: int = 0) -> Verdict:
    query = Query(WWW, qtype)
    body = encode(WWW, answer, authority or ())
    return judge(query, Reply(query.question, rcode, octets=body), SETTINGS)


@pytest.mark.parametrize(
    ("answer", "qtype", "answers"),
    [
        ([ADDRESS], A, True),
        ([ADDRESS, ADDRESS], A, True),
        ([ADDRESS._replace(owner=WWW.upper())], A, True),
        ([ADDRESS], TXT, False),
        ([ADDRESS], ANY, True),
        ([ADDRESS._replace(owner=CDN)], A, False),
        ([ADDRESS._replace(rclass=3)], A, False),
        ([alias(WWW, CDN), ADDRESS._replace(owner=CDN)], A, True),
        ([ADDRESS._replace(owner=CDN), alias(WWW, CDN)], A, True),
        ([ADDRESS._replace(owner=CDN), alias(ALIAS, CDN), alias(WWW, ALIAS)], A, True),
        ([alias(WWW, CDN)], A, False),
        ([alias(WWW, CDN)], CNAME, True),
        ([alias(WWW, CDN), ADDRESS._replace(owner=ALIAS)], A, False),
        ([alias(WWW, WWW), ADDRESS], A, False),
        ([alias(WWW, CDN), alias(CDN, WWW)], A, False),
        ([alias(WWW, CDN), alias(WWW, ALIAS), ADDRESS._replace(owner=CDN)], A, False),
        ([alias(WWW, CDN), alias(WWW, CDN), ADDRESS._replace(owner=CDN)], A, True),
        ([alias(WWW, CDN), ADDRESS], A, False),
        ([alias(ALIAS, WWW), ADDRESS], A, True),
    ],
)
def test_the_answer_section_must_lead_to_the_type_asked_for(answer: list[Record], qtype: int, answers: bool) -> None:
    found = verdict(answer, qtype=qtype)
    assert found.answers is answers
    assert found.kind is (Kind.SUCCESS if answers else Kind.PASSING)
    assert verdict(answer, [START_OF_AUTHORITY], qtype=qtype).kind is (Kind.SUCCESS if answers else Kind.DENIAL)


def uncompressed(records: list[Record]) -> Body:
    """The records as an upstream writes them that does not compress names."""
    data, offsets = b"", []
    for owner, rtype, rclass, ttl, rdata in records:
        offsets.append(len(data) + len(owner) + 4)
        data += owner + rtype.to_bytes(2, "big") + rclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
        data += len(rdata).to_bytes(2, "big") + rdata
    return Body(len(records), 0, 0, data, tuple(offsets))


@pytest.mark.parametrize("records", [[ADDRESS], [alias(WWW, CDN), ADDRESS._replace(owner=CDN)]])
def test_names_need_not_be_compressed(records: list[Record]) -> None:
    query = Query(WWW, A)
    assert judge(query, Reply(query.question, octets=uncompressed(records)), SETTINGS).answers


def test_a_chain_of_many_aliases_is_followed() -> None:
    names = [from_text(f"n{number}.example.org") for number in range(100)]
    chain = [alias(WWW, names[0]), *map(alias, names, names[1:])]
    assert verdict([*chain, ADDRESS._replace(owner=names[-1])]).answers
    assert verdict([ADDRESS._replace(owner=names[-1]), *reversed(chain)]).answers


@pytest.mark.parametrize(
    ("answer", "authority", "rcode", "expected"),
    [
        ([ADDRESS, ADDRESS._replace(ttl=20)], [], 0, Verdict(Kind.SUCCESS, 20, 20, True, False)),
        ([ADDRESS], [], 0, Verdict(Kind.SUCCESS, 60, 60, True, True)),
        ([ADDRESS], [START_OF_AUTHORITY], 0, Verdict(Kind.SUCCESS, 40, 40, True, False)),
        ([ADDRESS._replace(ttl=MAX_TTL + 1)], [], 0, Verdict(Kind.SUCCESS, 5, 5, True, False)),
        ([], [START_OF_AUTHORITY], 0, Verdict(Kind.DENIAL, 40, 30, False, True)),
        ([], [START_OF_AUTHORITY], NXDOMAIN, Verdict(Kind.DENIAL, 40, 30, False, True)),
        ([alias(WWW, CDN, 9)], [START_OF_AUTHORITY], NXDOMAIN, Verdict(Kind.DENIAL, 9, 9, False, False)),
        ([], [], NXDOMAIN, Verdict(Kind.PASSING, 5, 0, False, False)),
        ([], [], 0, Verdict(Kind.SUCCESS, 5, 5, False, True)),
        ([], [Record(WWW, NS, 1, 900, CDN)], 0, Verdict(Kind.SUCCESS, 5, 5, False, False)),
        ([ADDRESS], [Record(WWW, NS, 1, 900, CDN)], 0, Verdict(Kind.SUCCESS, 60, 60, True, False)),
        ([], [], 5, Verdict(Kind.PASSING, 5, 0, False, False)),
        ([], [], 2, Verdict(Kind.ERROR, 5, 5.0, False, False)),
        ([], [START_OF_AUTHORITY._replace(rdata=b"\0\0")], NXDOMAIN, Verdict(Kind.PASSING, 5, 0, False, False)),
    ],
)
def test_kind_ttl_and_life(answer: list[Record], authority: list[Record], rcode: int, expected: Verdict) -> None:
    found = verdict(answer, authority, rcode=rcode)
    assert (found.kind, found.shown, found.life, found.answers) == expected[:4]
    if found.kind in (Kind.SUCCESS, Kind.DENIAL):
        assert found.is_level == expected.is_level


@pytest.mark.parametrize(("rcode", "kind"), [(0, Kind.SUCCESS), (NXDOMAIN, Kind.PASSING)])
def test_a_soa_that_is_merely_additional_says_nothing(rcode: int, kind: Kind) -> None:
    query = Query(WWW, A)
    body = encode(WWW, (), (), [START_OF_AUTHORITY])
    assert judge(query, Reply(query.question, rcode, octets=body), SETTINGS).kind is kind


@pytest.mark.parametrize(("answer", "rcode"), [([ADDRESS], 0), ([], NXDOMAIN), ([], 2)])
def test_what_is_truncated_is_never_kept(answer: list[Record], rcode: int) -> None:
    query = Query(WWW, A)
    reply = Reply(query.question, rcode, TC, octets=encode(WWW, answer, [START_OF_AUTHORITY]))
    assert judge(query, reply, SETTINGS).kind is Kind.PASSING


def test_a_question_is_the_same_in_any_spelling() -> None:
    query = Query(WWW, A)
    assert same_question(query, Reply(WWW.upper() + b"\0\1\0\1"))
    assert not same_question(query, Reply(WWW + b"\0\x1c\0\1"))
    assert not same_question(query, Reply(WWW + b"\0\1\0\3"))
    assert not same_question(query, Reply(CDN + b"\0\1\0\1"))


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """Sections with owners and rdata that make no sense, but whose records are where the offsets say."""
    data, offsets = b"", []
    counts = [draw(st.integers(0, 3)) for _ in range(3)]
    for _ in range(sum(counts)):
        data += draw(st.sampled_from([b"\xc0\x0c", b"\0", b"\xc0\xff", b"\x01a\0", b"\xc0\x20", b"\xff", b"\x3fabc"]))
        offsets.append(len(data) + 4)
        rtype = draw(st.sampled_from([A, CNAME, SOA, NS, ANY, 46]))
        rdata = draw(st.one_of(st.binary(max_size=24), st.sampled_from([b"\xc0", b"\xc0\x0c", b"\xc0\x2d", b"\0"])))
        ttl = draw(st.integers(0, 2**32 - 1))
        data += rtype.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big") + len(rdata).to_bytes(2, "big") + rdata
    return Body(counts[0], counts[1], counts[2], data, tuple(offsets))


@given(bodies(), st.sampled_from([A, CNAME, ANY, SOA]), st.integers(0, 23))
def test_any_records_are_judged_or_refused(body: Body, qtype: int, rcode: int) -> None:
    query = Query(WWW, qtype)
    try:
        found = judge(query, Reply(query.question, rcode, octets=body), SETTINGS)
    except WireError:
        return
    assert 0 <= found.life <= 3600
    assert 0 <= found.shown <= 3600
