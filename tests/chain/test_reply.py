"""Replies between octets and records."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, decode, failure, from_message, from_records
from resolver.errors import WireError
from resolver.wire.constants import AA, AD, CNAME, NXDOMAIN, RA, RD, SERVFAIL, A
from resolver.wire.edns import extended_error, write_opt
from resolver.wire.message import Sections, as_message, scan
from resolver.wire.names import from_text
from resolver.wire.records import EMPTY_BODY, Body, encode, record
from tests.wire.strategies import message, messages
from tests.wire.strategies import sections as any_sections

WWW = from_text("www.example.org")
QUERY = Query(WWW, A)
ADDRESS = record(WWW, A, 60, bytes((192, 0, 2, 1)))


def test_records_become_octets_once_somebody_asks() -> None:
    reply = from_records(QUERY, "hosts", [ADDRESS])
    assert reply.octets is None
    assert reply.body == encode(WWW, [ADDRESS])
    assert reply.body is reply.body
    assert (reply.flags, reply.rcode, reply.source) == (AA, 0, "hosts")
    assert from_records(QUERY, "hosts", authoritative=False).flags == 0


def test_octets_become_records_once_somebody_asks() -> None:
    reply = Reply(QUERY.question, octets=encode(WWW, [ADDRESS]))
    assert reply.decoded is None
    assert reply.sections == Sections([ADDRESS], [], [])
    assert reply.sections is reply.sections


def test_a_reply_without_anything_has_an_empty_body() -> None:
    assert Reply(QUERY.question).body is EMPTY_BODY
    assert Reply(QUERY.question).sections == Sections([], [], [])


def test_what_an_upstream_answered_is_passed_on_untouched() -> None:
    octets = message(WWW, encode(WWW, [ADDRESS]), write_opt(1232, options=extended_error(15)))
    reply = from_message(QUERY, scan(octets), "forward", "192.0.2.53:53")
    assert reply.body.data == octets[12 + len(QUERY.question) : -17]
    assert (reply.flags, reply.options, reply.upstream) == (RA, extended_error(15), "192.0.2.53:53")


def test_an_upstream_may_spell_the_question_differently() -> None:
    spelled = from_text("wWw.ExAmPlE.oRg")
    octets = message(spelled, encode(spelled, [ADDRESS]))
    reply = from_message(QUERY, scan(octets), "forward")
    assert reply.body.data == octets[12 + len(QUERY.question) :]
    assert reply.sections.answer == [ADDRESS]


def test_records_behind_another_question_are_written_anew() -> None:
    """Their pointers would lead elsewhere behind ours."""
    alias = from_text("a.much.longer.alias.example.org")
    answers = [record(alias, CNAME, 60, WWW), ADDRESS]
    for octets in (message(alias, encode(alias, answers)), _without_question()):
        found = scan(octets)
        reply = from_message(QUERY, found, "forward")
        assert reply.sections == found.sections()


def _without_question() -> bytes:
    owner_written_out = WWW + b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
    return b"\0\7\x81\x80\0\0\0\1\0\0\0\0" + owner_written_out


def test_a_failure_says_why() -> None:
    reply = failure(QUERY, "forward", ede=22, text="all upstreams are down", error="timeout")
    assert (reply.rcode, reply.options) == (SERVFAIL, extended_error(22, "all upstreams are down"))
    assert (reply.error, reply.body) == ("timeout", EMPTY_BODY)
    assert failure(QUERY, "", NXDOMAIN, text="words").error == "words"


def test_copies_differ_in_what_was_asked_for() -> None:
    leave = Replay(9.0, tags=("hosts",), seen=[0])
    reply = Reply(QUERY.question, NXDOMAIN, AD, b"", "hosts", leave, "why", "up", encode(WWW, [ADDRESS]))
    withheld = reply.withheld()
    assert (withheld.replay, withheld.body, withheld.rcode) == (None, reply.body, NXDOMAIN)
    assert reply.replay is leave
    other = reply.with_body(EMPTY_BODY)
    assert (other.body, other.replay, other.flags, other.error, other.upstream) == (EMPTY_BODY, leave, AD, "why", "up")
    renewed = reply.with_sections([], [], [ADDRESS])
    assert (renewed.body.additionals, renewed.replay, renewed.source) == (1, leave, "hosts")
    counts: list[int] = []
    counted = reply.counted(counts.append).replay
    assert counted is not None
    assert (len(counted.counts), counted.tags, counted.seen, counted.until) == (1, ("hosts",), leave.seen, 9.0)
    assert leave.counts == ()
    assert withheld.counted(counts.append) is withheld


def test_copies_keep_what_nobody_asked_to_change() -> None:
    leave, sections = Replay(9.0), Sections([ADDRESS], [], [])
    reply = Reply(
        QUERY.question, NXDOMAIN, AD, b"o", "hosts", leave, "why", "up", encode(WWW, [ADDRESS]), RD, True, sections,
        (one for one in (EMPTY_BODY,)), True,
    )  # fmt: skip
    body = encode(WWW, [])
    copies = [
        (reply.withheld(), {"replay"}),
        (reply.with_body(body), {"octets", "decoded"}),
        (reply.counted(lambda times: None), {"replay"}),
        (reply.tagged(("tag",)), {"replay"}),
    ]
    for copy, changed in copies:
        for one in fields(Reply):
            if one.name not in changed:
                assert getattr(copy, one.name) is getattr(reply, one.name), one.name


def test_a_body_that_makes_no_sense_is_refused() -> None:
    for body in (Body(1, 0, 0, b"junk", (4,)), Body(70000, 0, 0, b"", ())):
        with pytest.raises(WireError):
            decode(QUERY.question, body)


@given(messages())
def test_any_answer_of_an_upstream_stays_what_it_was(octets: bytes) -> None:
    found = scan(octets)
    query = Query(found.qname, A)
    reply = from_message(query, found, "forward")
    assert scan(as_message(query.question, reply.body)).sections() == found.sections()
    assert reply.with_sections(*reply.sections).body == encode(query.qname, *found.sections())


@given(any_sections)
def test_any_records_stay_what_they_were(given_sections: Sections) -> None:
    body = from_records(QUERY, "file", *given_sections).body
    again = Reply(QUERY.question, octets=body).sections
    assert [len(section) for section in again] == [len(section) for section in given_sections]
    assert [one.ttl for part in again for one in part] == [one.ttl for part in given_sections for one in part]
