"""One answer out of several replies."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as some

from resolver.chain.joined import because_of, behind, denial_ttl, joined, shortest_ttl
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, decode, failure, from_records
from resolver.wire.constants import AA, AD, CNAME, NXDOMAIN, RA, SOA, A
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode, record

ASKED, FOUND = from_text("www.one.test"), from_text("www.two.test")
QUERY, OTHER = Query(ASKED, A), Query(FOUND, A)
FIRST, SECOND = (record(FOUND, A, 60, bytes((192, 0, 2, last))) for last in (1, 2))
ALIAS = record(ASKED, CNAME, 30, FOUND)


def reply_with(leave: Replay | None) -> Reply:
    reply = from_records(OTHER, "below", [FIRST])
    reply.replay = leave
    return reply


def soa(ttl: int, minimum: int) -> Record:
    return record(from_text("test"), SOA, ttl, from_text("ns.test") * 2 + bytes(16) + minimum.to_bytes(4, "big"))


leaves = some.builds(
    Replay, some.floats(0, 1e6), tags=some.lists(some.integers(0, 5), max_size=3).map(tuple), live=some.booleans()
)


@given(leaves, some.lists(leaves, max_size=4))
def test_a_joined_leave_is_never_wider_than_one_of_its_parts(own: Replay, others: list[Replay]) -> None:
    leave = joined(reply_with(own), [reply_with(other) for other in others])
    assert leave is not None
    assert leave.until == min(other.until for other in (own, *others))
    assert set(leave.tags) == {tag for other in (own, *others) for tag in other.tags}
    assert len(leave.tags) == len(set(leave.tags))
    assert leave.live == all(other.live for other in (own, *others))


def test_without_a_leave_in_one_of_them_there_is_none() -> None:
    free, bound = reply_with(Replay(math.inf)), reply_with(None)
    assert joined(free, [free, bound]) is None
    assert joined(bound, [free]) is None
    assert because_of(free, [bound]).replay is None


def test_everybody_who_counts_one_of_them_counts_the_answer() -> None:
    counted: list[tuple[str, int]] = []
    one = reply_with(Replay(5.0, counts=(lambda times: counted.append(("one", times)),)))
    two = reply_with(Replay(5.0, counts=(lambda times: counted.append(("two", times)),)))
    leave = joined(one, [two, two])
    assert leave is not None
    for count in leave.counts:
        count(3)
    assert counted == [("one", 3), ("two", 3), ("two", 3)]


def test_ttls_and_popularity_are_those_of_the_answer() -> None:
    seen = [0]
    leave = joined(reply_with(Replay(9.0, 2.0, seen=seen)), [reply_with(Replay(8.0, 1.0, seen=[0]))])
    assert leave is not None
    assert (leave.until, leave.base) == (8.0, 2.0)
    assert leave.seen is seen


def test_a_reply_without_anything_consulted_keeps_its_own_leave() -> None:
    reply = reply_with(Replay(9.0, 2.0, tags=("a",), live=True))
    assert because_of(reply, []) == reply


def test_records_of_another_name_stand_behind_the_alias() -> None:
    found = from_records(OTHER, "below", [FIRST], [soa(30, 30)])
    found.flags |= AD | RA
    found.upstream, found.options = "192.0.2.9:53", b"\0\x0f\0\2\0\3"
    reply = behind(QUERY, found, ALIAS, None)
    assert reply.sections.answer == [ALIAS, FIRST]
    assert reply.sections.authority == [soa(30, 30)]
    assert (reply.question, reply.flags) == (QUERY.question, AA | RA)
    assert (reply.source, reply.upstream, reply.options) == ("below", "192.0.2.9:53", found.options)
    assert decode(QUERY.question, reply.body).answer == [ALIAS, FIRST]
    assert found.sections.answer == [FIRST]


def test_octets_that_stood_behind_another_question_are_written_anew() -> None:
    longer = Query(from_text("a.much.longer.name.than.the.one.that.was.asked.test"), A)
    record_of_it = record(longer.qname, A, 60, bytes((192, 0, 2, 1)))
    found = Reply(longer.question, octets=encode(longer.qname, [record_of_it]))
    assert decode(QUERY.question, behind(QUERY, found, None, None).body).answer == [record_of_it]


def test_every_variant_gets_the_alias() -> None:
    variants = (encode(FOUND, [FIRST, SECOND]), encode(FOUND, [SECOND, FIRST]))
    reply = behind(QUERY, from_records(OTHER, "below", [FIRST, SECOND]), ALIAS, Replay(9.0, variants=variants))
    assert reply.replay is not None
    assert [decode(QUERY.question, body).answer for body in reply.replay.variants] == [
        [ALIAS, FIRST, SECOND], [ALIAS, SECOND, FIRST],
    ]  # fmt: skip


def test_a_failure_stays_one() -> None:
    reply = behind(QUERY, failure(OTHER, "", ede=22, text="nobody there"), None, None)
    assert (reply.rcode, reply.error, reply.question) == (2, "nobody there", QUERY.question)
    assert reply.body.data == b""


def test_a_denial_holds_as_long_as_its_soa_says() -> None:
    assert denial_ttl(from_records(QUERY, "", authority=[soa(30, 5)], rcode=NXDOMAIN)) == 5
    assert denial_ttl(from_records(QUERY, "", authority=[soa(3, 60)], rcode=NXDOMAIN)) == 3
    assert denial_ttl(from_records(QUERY, "", rcode=NXDOMAIN)) == 0


def test_the_shortest_ttl_of_nothing_is_nothing() -> None:
    assert shortest_ttl([]) is None
    assert shortest_ttl([FIRST, ALIAS]) == 30
