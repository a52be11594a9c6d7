"""Answers behind an alias: how long they may be given again."""

from __future__ import annotations

import math

import pytest

from resolver.chain.alias import failed, leave_behind
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.wire.constants import EDE_BLOCKED, REFUSED, SERVFAIL, A
from resolver.wire.edns import extended_error
from resolver.wire.names import from_text

NOW, TTL = 100.0, 5
OWN, OTHER = object(), object()


def about(replay: Replay | None) -> Reply:
    return Reply(b"\0\0\1\0\1", replay=replay)


@pytest.mark.parametrize(
    ("leave", "until", "base"),
    [
        (Replay(NOW + 3, NOW - 1), NOW + 3, NOW - 1),
        (Replay(NOW + 60, NOW - 1), NOW + TTL, NOW - 1),
        (Replay(math.inf, live=True), math.inf, None),
        (Replay(NOW + 2, live=True), NOW + 2, None),
        (Replay(math.inf), NOW + TTL, None),
        (None, NOW, None),
    ],
)
def test_it_ends_with_that_of_the_target_and_is_live(leave: Replay | None, until: float, base: float | None) -> None:
    found = leave_behind([about(leave)], (OWN,), TTL, NOW)
    assert (found.until, found.base, found.live) == (until, base, True)
    assert OWN in found.tags


def test_tags_and_counters_of_the_targets_are_taken_over() -> None:
    told: list[int] = []
    found = leave_behind([about(Replay(math.inf, tags=(OTHER,), counts=(told.append,), live=True))], (OWN,), TTL, NOW)
    assert found.tags == (OWN, OTHER)
    found.counts[0](3)
    assert told == [3]


def test_several_targets_may_be_given_again_while_all_of_them_may() -> None:
    both = [about(Replay(NOW + 3, NOW)), about(Replay(NOW + 2, NOW))]
    assert leave_behind(both, (), TTL, NOW).until == NOW + 2
    assert leave_behind([both[0], about(None)], (), TTL, NOW).until == NOW
    assert leave_behind([both[0], about(Replay(NOW + 3, NOW - 1))], (), TTL, NOW).until == NOW  # TTLs of another age


@pytest.mark.parametrize(
    ("rcode", "upstream", "told"),
    [(REFUSED, "", REFUSED), (REFUSED, "192.0.2.53:53", SERVFAIL), (SERVFAIL, "", SERVFAIL), (4, "", SERVFAIL)],
)
def test_a_target_without_an_answer_is_a_failure_that_nobody_keeps(rcode: int, upstream: str, told: int) -> None:
    query = Query(from_text("www.example.org"), A)
    target = failure(Query(from_text("target.test"), A), "policy", rcode, ede=EDE_BLOCKED, text="a rule")
    target.upstream = upstream
    reply = failed(query, target, "file", NOW)
    assert (reply.rcode, reply.question, reply.source) == (told, query.question, "file")
    assert reply.options == extended_error(EDE_BLOCKED, "a rule")
    assert reply.replay is not None
    assert (reply.replay.until, reply.replay.live) == (NOW, True), "the next client may be one that gets an answer"
