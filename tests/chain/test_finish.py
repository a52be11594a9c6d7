"""Replies as they leave."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.finish import finish, repeats
from resolver.chain.query import Query, parse
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.wire.constants import AA, AD, BADVERS, CD, EDE_BLOCKED, NXDOMAIN, OPTION_NSID, RD, SERVFAIL, SRV, TC, A
from resolver.wire.edns import Edns, extended_error, option
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode, record
from tests.wire.strategies import Sections, options, queries, sections

WWW = from_text("www.example.org")
ADDRESS = record(WWW, A, 60, bytes((192, 0, 2, 1)))


def asked(transport: str = "udp", size: int | None = None, *, do: bool = False, flags: int = RD) -> Query:
    edns = None if size is None else Edns(size, do)
    return Query(WWW, A, message_id=7, flags=flags, edns=edns, transport=transport)


def addresses(count: int) -> list[Record]:
    return [record(WWW, A, 60, number.to_bytes(4, "big")) for number in range(count)]


def test_a_reply_has_the_id_the_question_and_the_flags_of_its_query() -> None:
    query = asked(flags=RD | CD | AD)
    octets = finish(query, from_records(query, "hosts", [ADDRESS]))
    found = scan(octets)
    assert (found.id, found.flags, found.question) == (7, 0x8000 | RD | CD | AA, query.question)
    assert found.sections().answer == [ADDRESS]
    assert found.edns is None


def test_opt_answers_opt_with_the_size_and_do_of_the_client() -> None:
    query = asked(size=1400, do=True)
    found = scan(finish(query, failure(query, "acl", NXDOMAIN, ede=EDE_BLOCKED, text="no")))
    assert found.edns == Edns(1400, True, 0, extended_error(EDE_BLOCKED, "no"))
    assert found.rcode == NXDOMAIN


def test_a_code_above_15_needs_edns() -> None:
    with_edns, without = asked(size=1232), asked()
    assert scan(finish(with_edns, failure(with_edns, "", BADVERS))).rcode == BADVERS
    assert scan(finish(without, failure(without, "", BADVERS))).rcode == SERVFAIL


def test_an_answer_that_is_too_long_is_truncated() -> None:
    query = asked()
    octets = finish(query, from_records(query, "hosts", addresses(100)))
    assert 496 < len(octets) <= 512
    assert scan(octets).flags & TC
    over_tcp = asked("tcp")
    assert len(scan(finish(over_tcp, from_records(over_tcp, "hosts", addresses(100)))).spans) == 100


def test_what_is_said_about_an_error_goes_before_records_do() -> None:
    """RFC 8914 section 3."""
    query = asked(size=512)
    full = from_records(query, "hosts", addresses(28))
    assert not scan(finish(query, full)).flags & TC
    told = scan(finish(query, replace(full, options=extended_error(3, "x" * 30))))
    assert told.edns == Edns(512)
    assert told.flags & TC
    assert len(told.spans) == 28
    other = scan(finish(query, replace(full, options=option(OPTION_NSID, b"x" * 30))))
    assert other.edns == Edns(512)
    assert not other.flags & TC


def test_options_alone_cannot_make_an_answer_too_long() -> None:
    query = asked(size=512)
    octets = finish(query, Reply(query.question, options=option(OPTION_NSID, bytes(60_000))))
    assert len(octets) <= 512


def test_no_answer_is_longer_than_a_datagram_can_be() -> None:
    query = asked(size=65535)
    assert len(finish(query, from_records(query, "hosts", addresses(5000)))) <= 65507


def test_a_reply_repeats_in_each_of_its_variants() -> None:
    query = asked()
    orders = [addresses(3), addresses(3)[::-1]]
    bodies = tuple(encode(WWW, order) for order in orders)
    leave = Replay(9.0, 0.0, variants=bodies)
    reply = replace(from_records(query, "hosts", orders[0]).with_body(bodies[0]), replay=leave)
    messages = repeats(query, reply, finish(query, reply))
    assert [scan(octets).sections().answer for octets, _ in messages] == orders
    for octets, offsets in messages:
        assert [octets[at : at + 4] for at in offsets] == [b"\0\0\0\x3c"] * 3


def test_a_reply_without_variants_repeats_as_it_is() -> None:
    query = asked(size=1232)
    reply = replace(from_records(query, "hosts", [ADDRESS]), replay=Replay(9.0, 0.0))
    octets = finish(query, reply)
    assert repeats(query, reply, octets) == [(octets, (len(query.question) + 12 + 6,))]


def test_a_truncated_reply_is_not_repeated() -> None:
    query = asked()
    short, long = encode(WWW, addresses(1)), encode(WWW, addresses(100))
    for bodies in ((long,), (short, long)):
        reply = Reply(query.question, octets=bodies[0], replay=Replay(9.0, 0.0, variants=bodies))
        assert repeats(query, reply, finish(query, reply)) == []


def test_records_that_had_to_go_have_no_ttl_in_a_repeat() -> None:
    query = asked(size=512)
    services = [record(WWW, SRV, 60, bytes(6) + from_text("a.example.org"))]
    extra = [record(from_text(f"host{number}.example.org"), A, 60, bytes(4)) for number in range(40)]
    reply = replace(from_records(query, "hosts", services, (), extra), replay=Replay(9.0, 0.0))
    [(octets, offsets)] = repeats(query, reply, finish(query, reply))
    found = scan(octets)
    assert not found.flags & TC
    assert 1 < len(found.spans) < 41
    assert offsets == tuple(span.ttl_at for span in found.spans)


@given(queries(), sections, options, st.integers(0, 4095), st.sampled_from(("udp", "tcp")))
def test_any_reply_fits_its_client_and_can_be_read(
    packet: bytes, given_sections: Sections, octets: bytes, rcode: int, transport: str
) -> None:
    query = parse(packet, ("127.0.0.1", 1), ("127.0.0.1", 53), transport, 0.0)
    body = encode(query.qname, *given_sections)
    reply = Reply(query.question, rcode, options=octets, octets=body, replay=Replay(9.0, 0.0))
    answer = finish(query, reply)
    assert len(answer) <= max(query.reply_limit, 12 + len(query.question) + 11)
    found = scan(answer)
    assert (found.id, found.question) == (query.id, query.question)
    assert found.rcode == (rcode if query.edns is not None or rcode < 16 else SERVFAIL)
    assert (found.edns is None) == (query.edns is None)
    for message, offsets in repeats(query, reply, answer):
        assert message == answer
        assert offsets == tuple(span.ttl_at for span in found.spans)


def test_what_does_not_age_needs_no_places_of_ttls() -> None:
    query = asked()
    reply = replace(from_records(query, "hosts", [ADDRESS]), replay=Replay(9.0))
    octets = finish(query, reply)
    assert repeats(query, reply, octets) == [(octets, ())]
