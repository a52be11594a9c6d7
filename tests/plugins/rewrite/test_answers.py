"""Answers come back under the client's own question, and say what the rules want them to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records, silence
from resolver.errors import WireError
from resolver.plugins.rewrite.answers import Answers
from resolver.plugins.rewrite.changes import Back
from resolver.plugins.rewrite.rules import Owner, Step, Ttl, Value
from resolver.wire.constants import AD, TC
from resolver.wire.names import ROOT, from_text
from resolver.wire.records import EMPTY_BODY, Body, Record, encode
from resolver.wire.ttl import aged
from tests.plugins.chains import question
from tests.plugins.rewrite.rewriting import ADDRESS, Rewriting, rr, show, shown, upstream


@pytest.mark.parametrize("encoded", [True, False])
async def test_an_exact_name_comes_back_as_the_client_wrote_it(encoded: bool) -> None:
    rewriting = Rewriting("name a.org www.b.net", upstream(encoded=encoded))
    query = question("A.org")
    reply = await rewriting.ask(query)
    assert reply.question == query.question
    assert shown(reply) == ["A.org. 60 A"]
    assert reply.replay is not None


async def test_octets_that_stay_right_are_not_touched() -> None:
    replies = []

    def keep(query: Query) -> Reply:
        replies.append(upstream()(query))
        return replies[-1]

    reply = await Rewriting("name a.org www.b.net", keep).ask(question("a.org"))
    assert reply.octets is replies[0].octets


_CHAIN = (rr("www.b.net", "CNAME", "x.www.b.net"), rr("x.www.b.net", "CNAME", "b.net"), rr("b.net", "A"))


_FIRST, _SECOND, _LAST = "www.b.net. 60 CNAME x.www.b.net.", "x.www.b.net. 60 CNAME b.net.", "b.net. 60 A"
_BACK = ["a.org. 60 CNAME x.a.org.", "x.a.org. 60 CNAME b.net.", _LAST]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("name a.org www.b.net", _BACK),
        ("name substring a.org www.b.net answer auto", _BACK),
        ("name regex ^(a.org) {1}.x", [_FIRST, _SECOND, _LAST]),
        ("name a.org a.org", [_FIRST, _SECOND, _LAST]),
        (
            "name suffix a.org b.net answer auto",
            ["www.a.org. 60 CNAME x.www.a.org.", "x.www.a.org. 60 CNAME a.org.", "a.org. 60 A"],
        ),
        (
            "name suffix a.org b.net answer name b a.c",
            ["a.c. 60 CNAME x.www.b.net.", "a.c. 60 CNAME b.net.", "a.c. 60 A"],
        ),
        (
            "name suffix a.org b.net answer value ^(x|b)\\. {1}.c",
            ["www.b.net. 60 CNAME x.c.", "x.www.b.net. 60 CNAME b.c.", _LAST],
        ),
        (
            "name exact a.org www.b.net answer value ^x\\. y.www.b.net",
            ["a.org. 60 CNAME y.a.org.", "x.a.org. 60 CNAME b.net.", _LAST],
        ),
    ],
)
async def test_names_in_answers(rule: str, expected: list[str]) -> None:
    reply = await Rewriting(rule, upstream(*_CHAIN)).ask(question("a.org"))
    assert shown(reply) == expected


async def test_the_last_rule_has_its_turn_first_on_the_way_back() -> None:
    rules = "continue name suffix a.org b.net answer auto\n name suffix b.net c.com answer auto"
    reply = await Rewriting(rules).ask(question("www.a.org"))
    assert shown(reply) == ["www.a.org. 60 A"]


async def test_names_are_changed_in_all_sections_and_in_all_types_that_hold_one() -> None:
    numbers = bytes(20)
    answer = upstream(
        rr("b.net", "SRV", "t.b.net", before=bytes(6)),
        rr("b.net", "MX", "t.b.net", before=bytes(2)),
        rr("b.net", "PTR", "T.b.net"),
        rr("b.net", "TXT", b"\x01b"),
        authority=[rr("net", "NS", "ns.b.net"), rr("b.net", "SOA", "ns.b.net", behind=from_text("h.b.net") + numbers)],
        additional=[rr("ns.b.net", "A")],
    )
    reply = await Rewriting("name suffix .a.org .b.net answer value (.*)\\.b\\.net {1}.a.org", answer).ask(
        question("x.a.org")
    )
    assert shown(reply)[:3] == ["b.net. 60 SRV t.a.org.", "b.net. 60 MX t.a.org.", "b.net. 60 PTR t.a.org."]
    assert shown(reply)[4:] == ["net. 60 NS ns.a.org.", "b.net. 60 SOA ns.a.org.", "ns.b.net. 60 A"]
    assert reply.sections.authority[1].rdata.endswith(from_text("h.b.net") + numbers)


async def test_naptr_and_dname_hold_names_too() -> None:
    texts = b"\0\1\0\2\1u\3sip\5!a!b!"
    answer = upstream(rr("b.net", "NAPTR", texts + from_text("t.b.net")), rr("b.net", "DNAME", "t.b.net"))
    reply = await Rewriting("name regex a\\.org b.net answer value (.*)\\.b\\.net {1}.a.org", answer).ask(
        question("a.org")
    )
    assert [one.rdata for one in reply.sections.answer] == [texts + from_text("t.a.org"), from_text("t.a.org")]


@pytest.mark.parametrize(
    ("rtype", "data"),
    [("NAPTR", b""), ("NAPTR", b"\0\1\0\2"), ("NAPTR", b"\0\1\0\2\1u\377"), ("MX", b"\3abc"), ("SRV", b"\0")],
)
async def test_records_that_make_no_sense_fail(rtype: str, data: bytes) -> None:
    answer = upstream(rr("b.net", rtype, data), encoded=False)
    reply = await Rewriting("name a.org b.net", answer).ask(question("a.org"))
    assert (reply.rcode, "the answer cannot be rewritten" in reply.error) == (2, True)


async def test_an_answer_that_would_hold_no_names_fails() -> None:
    reply = await Rewriting("name regex a b answer name b {0}..c").ask(question("a"))
    assert (reply.rcode, "the answer cannot be rewritten" in reply.error) == (2, True)


async def test_silence_stays_silence() -> None:
    reply = await Rewriting("name a b", lambda query: silence(query, "x")).ask(question("a"))
    assert reply.silent


async def test_a_transfer_is_refused_where_names_change_and_passed_on_where_not() -> None:
    class Stream:
        closed = 0

        def __next__(self) -> Body:
            return EMPTY_BODY

        def close(self) -> None:
            self.closed += 1

    stream = Stream()

    def transfer(query: Query) -> Reply:
        return replace(from_records(query, "transfer"), stream=stream)

    reply = await Rewriting("name a.org b.org", transfer).ask(question("a.org", "AXFR"))
    assert (reply.rcode, reply.stream, stream.closed) == (2, None, 1)
    reply = await Rewriting("name a.org b.org", transfer).ask(question("b.org", "AXFR"))
    assert (reply.stream, stream.closed) == (stream, 1)


async def test_variants_are_changed_like_the_answer() -> None:
    first, second = rr("www.b.net", "A"), rr("www.b.net", "A", bytes(4))

    def rotating(query: Query) -> Reply:
        reply = from_records(query, "upstream", [first, second])
        bodies = tuple([encode(query.qname, records) for records in ([first, second], [second, first])])
        reply.replay = Replay(math.inf, variants=bodies)
        return reply

    rewriting = Rewriting("name regex ^a\\.org {0}.net answer name .* zz.org\n ttl .org 5", rotating)
    reply = await rewriting.ask(question("a.org"))
    assert reply.replay is not None
    read = [Reply(reply.question, octets=body).sections.answer for body in reply.replay.variants]
    assert [[(show(one), one.rdata) for one in records] for records in read] == [
        [("zz.org. 60 A", ADDRESS), ("zz.org. 60 A", bytes(4))],
        [("zz.org. 60 A", bytes(4)), ("zz.org. 60 A", ADDRESS)],
    ]


# --- codes


@pytest.mark.parametrize(
    ("rules", "rcode", "expected"),
    [
        ("rcode a.org SERVFAIL NOERROR", 2, 0),
        ("rcode a.org SERVFAIL NOERROR", 3, 3),
        ("rcode b.org SERVFAIL NOERROR", 2, 2),
        ("continue rcode a.org 2 3\n rcode a.org 3 0", 2, 3),
        ("continue rcode a.org 3 0\n rcode a.org 2 3", 2, 0),
        ("rcode regex ^a 3 23", 3, 23),
    ],
)
@pytest.mark.parametrize("records", [(), (rr("a.org", "A"),)])
async def test_codes(rules: str, rcode: int, expected: int, records: tuple[Record, ...]) -> None:
    reply = await Rewriting(rules, upstream(*records, rcode=rcode)).ask(question("a.org"))
    assert (reply.rcode, len(reply.sections.answer)) == (expected, len(records))


# --- TTLs


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("ttl a.org 30", [30, 30, 30]),
        ("ttl a.org 30-300", [30, 60, 300]),
        ("ttl suffix org -30", [5, 30, 30]),
        ("ttl regex ^a 100-", [100, 100, 900]),
        ("continue ttl a.org 30\n ttl a.org 40-50", [30, 30, 30]),
        ("continue ttl a.org 40-\n ttl a.org -30", [40, 40, 40]),
        ("ttl b.org 30", [5, 60, 900]),
        ("continue name a.org b.org\n ttl b.org 30", [30, 30, 30]),
    ],
)
@pytest.mark.parametrize("encoded", [True, False])
async def test_ttls(rules: str, expected: list[int], encoded: bool) -> None:
    answer = upstream(
        rr("a.org", "A", ttl=5), authority=[rr("a.org", "A", ttl=60)], additional=[rr("a.org", "A", ttl=900)],
        encoded=encoded,
    )  # fmt: skip
    reply = await Rewriting(rules, answer).ask(question("a.org"))
    assert [one.ttl for section in Reply(reply.question, octets=reply.body).sections for one in section] == expected


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=3), st.integers(0, 60), st.integers(0, 60),
    st.floats(0, 30), st.floats(0, 100), st.booleans(),
)  # fmt: skip
def test_a_replay_has_the_ttls_that_an_answer_would_have(
    before: list[int], low: int, span: int, age: float, later: float, stands_still: bool
) -> None:
    """Against the same answer, aged first and then brought within bounds, at any time within the leave."""
    base, now, high = 1000.0, 1000.0 + age, low + span
    query = question("a.org")
    records = [Record(query.qname, 1, 1, max(0, ttl), ADDRESS) for ttl in before]
    reply = from_records(query, "x", records)
    reply.replay = Replay(base + 200, None if stands_still else base)
    bounded = Answers(query, query, [Ttl(low, high)]).of(reply, now)
    leave = bounded.replay
    when = now + later
    if leave is None or when >= leave.until:
        return

    def since(start: float) -> int:
        return int(when - start) - int(now - start)

    body = bounded.body
    replayed = body.data if leave.base is None else aged(body.data, body.ttls, since(leave.base))
    passed = 0 if stands_still else since(base)
    expected = [min(max(max(0, ttl - passed), low), high) for ttl in before]
    assert [int.from_bytes(replayed[at : at + 4], "big") for at in body.ttls] == expected


@pytest.mark.parametrize(
    ("ttls", "bounds", "until"),
    [
        ([60, 60], (30, 30), 2000.0),
        ([10], (30, 300), 2000.0),
        ([60], (30, 300), 1031.0),
        ([400], (30, 300), 1101.0),
        ([400, 60], (30, 300), None),
        ([], (30, 300), 2000.0),
    ],
)
def test_leave_ends_when_a_ttl_meets_a_bound(ttls: list[int], bounds: tuple[int, int], until: float | None) -> None:
    query = question("a.org")
    reply = from_records(query, "x", [Record(query.qname, 1, 1, ttl, ADDRESS) for ttl in ttls])
    reply.replay = Replay(2000.0, 1000.0)
    leave = Answers(query, query, [Ttl(*bounds)]).of(reply, 1000.5).replay
    assert (None if leave is None else leave.until) == until


# --- aliases

_ALIAS = (rr("a.org", "CNAME", "b.org"), rr("b.org", "CNAME", "x.cdn.net"), rr("x.cdn.net", "A", bytes(4)))


def _aliases(
    *records: Record, code: int = 0, source: str = "upstream", until: float = math.inf
) -> Callable[[Query], Reply]:
    """The alias for a.org, and an answer of one's own for what it is led to."""

    def answer(query: Query) -> Reply:
        if query.depth == 0:
            reply = from_records(query, "upstream", _ALIAS)
            reply.flags |= AD
            reply.replay = Replay(2000.0, 900.0)
            return reply
        if code:
            return failure(query, source, code)
        reply = from_records(query, source, [Record(query.qname, query.qtype, 1, 30, ADDRESS)])
        reply.flags |= TC
        reply.replay = Replay(math.inf, tags=("tag",))
        return reply

    return answer


@pytest.mark.parametrize(
    ("rules", "target"),
    [
        ("cname X.cdn.net y.com", "y.com."),
        ("cname suffix .cdn.net. .com.", "x.com."),
        ("cname prefix x y", "y.cdn.net."),
        ("cname prefix x. y.", "y.cdn.net."),
        ("cname substring cdn com", "x.com.net."),
        ("cname regex ^(\\w)\\.CDN\\.net\\.$ {1}{1}.com.", "xx.com."),
        ("continue cname y.com z.com\n cname x.cdn.net y.com", "z.com."),
    ],
)
async def test_an_alias_leads_elsewhere(rules: str, target: str) -> None:
    rewriting = Rewriting(rules, _aliases())
    reply = await rewriting.ask(question("a.org", do=True))
    assert shown(reply) == ["a.org. 60 CNAME b.org.", f"b.org. 60 CNAME {target}", f"{target} 30 A"]
    assert (rewriting.asked.depth, rewriting.asked.do, len(rewriting.seen)) == (1, True, 2)
    assert (reply.flags & AD, reply.flags & TC) == (0, TC)
    assert reply.replay is not None
    assert (reply.replay.until, reply.replay.base, reply.replay.tags) == (2000.0, 1000.0, ("tag",))


async def test_the_new_target_is_asked_for_with_the_rewritten_type() -> None:
    rewriting = Rewriting("continue type AAAA A\n cname x.cdn.net y.com", _aliases())
    query = question("a.org", "AAAA")
    reply = await rewriting.ask(query)
    assert (rewriting.asked.qtype, reply.question) == (1, query.question)


async def test_an_alias_of_another_target_stays() -> None:
    rewriting = Rewriting("cname other.net y.com", _aliases())
    reply = await rewriting.ask(question("a.org"))
    assert shown(reply) == ["a.org. 60 CNAME b.org.", "b.org. 60 CNAME x.cdn.net.", "x.cdn.net. 60 A"]
    assert (reply.flags & AD, len(rewriting.seen)) == (AD, 1)


async def test_an_answer_without_aliases_is_not_taken_apart() -> None:
    reply = await Rewriting("cname other.net y.com").ask(question("a.org"))
    assert reply.decoded is None
    assert shown(reply) == ["a.org. 60 A"]


@pytest.mark.parametrize(
    ("code", "source", "expected"),
    [(2, "forward", (2, 0)), (5, "", (0, 2)), (3, "forward", (0, 2))],
)
async def test_what_the_new_target_does_not_have(code: int, source: str, expected: tuple[int, int]) -> None:
    reply = await Rewriting("cname x.cdn.net y.com", _aliases(code=code, source=source)).ask(question("a.org"))
    assert (reply.rcode, len(reply.sections.answer)) == expected
    assert reply.replay is None or (reply.replay.until, reply.replay.live) == (1000.0, True)


async def test_names_of_an_alias_are_changed_as_well() -> None:
    rules = "continue name suffix .org .org answer name ^b\\.org c.org\n cname x.cdn.net y.com"
    reply = await Rewriting(rules, _aliases()).ask(question("a.org"))
    assert shown(reply) == ["a.org. 60 CNAME b.org.", "c.org. 60 CNAME y.com.", "y.com. 30 A"]


# --- any rule, any answer

_ANY = st.lists(st.sampled_from(["a", "b", "www", "x" * 63]), min_size=1, max_size=4).map(
    lambda found: b"".join(bytes((len(label),)) + label.encode() for label in found) + ROOT
).filter(lambda name: len(name) <= 255)  # fmt: skip


@given(_ANY, _ANY, st.lists(st.tuples(_ANY, _ANY), max_size=4), st.booleans(), st.booleans())
def test_an_answer_is_the_same_from_octets_and_from_records(
    name: bytes, rewritten: bytes, records: list[tuple[bytes, bytes]], plain: bool, mapped: bool
) -> None:
    """And can be read behind the client's question, whatever its length."""
    query, asked = Query(name, 1), Query(rewritten, 1)
    back = Back(rewritten, name)
    steps: list[Step] = [Owner(back), Value(back)] if mapped else []
    answer = [Record(rewritten, 1, 1, 9, ADDRESS) if plain else Record(owner, 5, 1, 9, held) for owner, held in records]
    reply = from_records(asked, "x", answer, additional=answer)
    encoded = Reply(asked.question, octets=reply.body)
    try:
        from_octets = Answers(query, asked, [Ttl(5, 7), *steps]).of(encoded, 0.0)
    except WireError:
        return
    from_values = Answers(query, asked, [Ttl(5, 7), *steps]).of(reply, 0.0)
    assert shown(from_octets) == shown(from_values)
    owners = {one.owner for one in Reply(query.question, octets=from_octets.body).sections.answer}
    assert not plain or owners <= {name if mapped else rewritten}
