"""Zones packed into messages, and messages put together to zones."""

from __future__ import annotations

import dns.message
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError, ZoneError
from resolver.wire.constants import A
from resolver.wire.message import Message, scan
from resolver.wire.names import from_text
from resolver.wire.records import Body, Record, encode
from resolver.zone.data import Zone
from resolver.zone.journal import soa_of
from resolver.zone.transfer_in import Incoming, Refused, check_answer, question, request
from resolver.zone.transfer_out import MESSAGE_SIZE, Outgoing, whole
from tests.zone.zones import zone_of

ORIGIN = from_text("example.org")
AXFR, IXFR = 252, 251


def version(serial: int, *lines: str) -> Zone:
    return zone_of("\n".join(("$TTL 300", f"@ SOA ns host {serial} 7200 1800 86400 300", "@ NS ns", *lines)))


def message(records: list[Record], flags: int = 0x8400, qtype: int = AXFR) -> Message:
    return as_message(encode(ORIGIN, records), flags, qtype)


def as_message(body: Body, flags: int = 0x8400, qtype: int = AXFR) -> Message:
    head = b"\0\1" + flags.to_bytes(2, "big") + b"\0\1" + body.answers.to_bytes(2, "big") + b"\0\0\0\0"
    return scan(head + question(ORIGIN, qtype) + body.data)


def soa(serial: int) -> Record:
    return soa_of(version(serial))


def address(name: str, number: int = 1) -> Record:
    return Record(from_text(name), A, 1, 300, bytes((192, 0, 2, number)))


def sent(zone: Zone, size: int = MESSAGE_SIZE) -> list[Body]:
    records = iter(zone.records())
    next(records)
    stream = Outgoing(ORIGIN, whole(soa_of(zone), records), lambda _: None, size)
    bodies = []
    while True:
        try:
            bodies.append(next(stream))
        except StopIteration:
            return bodies


# --- out


@given(st.integers(1, 3000))
def test_a_zone_arrives_whole_whatever_the_size_of_messages(size: int) -> None:
    zone = version(3, *(f"host{number} A 192.0.2.{number}" for number in range(40)), "x TXT " + '"y" ' * 60)
    incoming = Incoming(ORIGIN)
    done = [incoming.take(as_message(body)) for body in sent(zone, size)]
    assert done == [False] * (len(done) - 1) + [True]
    assert set(incoming.zone().records()) == set(zone.records())


def test_messages_are_made_when_they_are_asked_for() -> None:
    zone = version(3, *(f"host{number} A 192.0.2.1" for number in range(5000)))
    taken = 0

    def counted(records: list[Record]) -> object:
        nonlocal taken
        for record in records:
            taken += 1
            yield record

    stream = Outgoing(ORIGIN, counted(list(zone.records())), lambda _: None)  # type: ignore[arg-type]
    assert taken == 0
    body = next(stream)
    assert taken == body.answers + 1
    assert len(body.data) < MESSAGE_SIZE


def test_the_end_of_a_transfer_is_told_once() -> None:
    ended: list[tuple[int, bool]] = []
    stream = Outgoing(ORIGIN, [soa(1), soa(1)], lambda one: ended.append((one.count, one.is_whole)))
    next(stream)
    with pytest.raises(StopIteration):
        next(stream)
    stream.close()
    stream.close()
    assert ended == [(2, True)]


def test_a_transfer_that_is_given_up_says_so() -> None:
    ended: list[tuple[int, bool]] = []
    stream = Outgoing(
        ORIGIN, [soa(1), address("a.example.org"), soa(1)], lambda one: ended.append((one.count, one.is_whole)), 60
    )
    next(stream)
    stream.close()
    assert ended == [(1, False)]
    with pytest.raises(StopIteration):
        next(stream)


# --- in


def test_a_request_for_a_zone_is_one_that_others_read() -> None:
    found = dns.message.from_wire(request(7, ORIGIN, None))
    assert (found.id, found.question[0].rdtype, found.authority) == (7, dns.rdatatype.AXFR, [])
    found = dns.message.from_wire(request(7, ORIGIN, version(9)))
    assert (found.question[0].rdtype, found.authority[0][0].serial) == (dns.rdatatype.IXFR, 9)


def test_the_soa_alone_says_that_nothing_is_newer() -> None:
    incoming = Incoming(ORIGIN, version(5))
    assert incoming.take(message([soa(5)], qtype=IXFR))
    assert incoming.is_current


def test_an_older_primary_has_nothing_newer() -> None:
    incoming = Incoming(ORIGIN, version(5))
    assert incoming.take(message([soa(4)], qtype=IXFR))
    assert incoming.is_current


def test_a_newer_soa_alone_is_no_transfer() -> None:
    with pytest.raises(ZoneError, match="no changes"):
        Incoming(ORIGIN, version(5)).take(message([soa(6)], qtype=IXFR))


def test_a_whole_zone_may_answer_a_request_for_differences() -> None:
    incoming = Incoming(ORIGIN, version(5))
    zone = version(6, "a A 192.0.2.1")
    assert all(incoming.take(as_message(body, qtype=IXFR)) for body in sent(zone))
    assert set(incoming.zone().records()) == set(zone.records())


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([address("a.example.org")], "begin with the SOA"),
        ([soa(1), address("a.example.org"), soa(2)], "changed during"),
        ([soa(1), soa(1), soa(1)], "follows the end"),
        ([soa(1), Record(ORIGIN, A, 3, 0, b"abcd")], "no zone has"),
        ([soa(1), Record(ORIGIN, 252, 1, 0, b"")], "no zone has"),
    ],
)
def test_what_is_no_transfer_is_refused(records: list[Record], why: str) -> None:
    with pytest.raises(ZoneError, match=why):
        Incoming(ORIGIN).take(message(records))


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([soa(9), soa(4), soa(9)], "another version"),
        ([soa(9), soa(5), soa(8), soa(7)], "do not follow"),
    ],
)
def test_differences_that_make_no_sense_are_refused(records: list[Record], why: str) -> None:
    with pytest.raises(ZoneError, match=why):
        Incoming(ORIGIN, version(5)).take(message(records, qtype=IXFR))


def test_names_of_others_are_left_out() -> None:
    incoming = Incoming(ORIGIN)
    names = ["a.example.org", "ns.example.net", "notexample.org"]
    incoming.take(message([soa(1), *map(address, names), soa(1)]))
    assert {record.owner for record in incoming.zone().records()} == {ORIGIN, from_text("a.example.org")}


def test_an_unfinished_transfer_is_no_zone() -> None:
    incoming = Incoming(ORIGIN)
    assert not incoming.take(message([soa(1), address("a.example.org")]))
    with pytest.raises(ZoneError, match="not complete"):
        incoming.zone()


@pytest.mark.parametrize(("records", "octets"), [(2, 1000), (3, 100)])
def test_a_zone_that_is_too_large_is_not_taken_in(records: int, octets: int) -> None:
    with pytest.raises(ZoneError, match="larger"):
        Incoming(ORIGIN, records=records, octets=octets).take(message([soa(1), address("a.example.org"), soa(1)]))


@given(st.lists(st.sampled_from(["soa1", "soa2", "soa3", "a", "b"]), max_size=9), st.booleans())
def test_any_order_of_records_is_a_zone_or_an_error(order: list[str], with_base: bool) -> None:
    known = {"soa1": soa(1), "soa2": soa(2), "soa3": soa(3)}
    known |= {"a": address("a.example.org"), "b": address("b.example.org")}
    incoming = Incoming(ORIGIN, version(1, "a A 192.0.2.1") if with_base else None)
    try:
        done = incoming.take(message([known[name] for name in order]))
        if done and not incoming.is_current:
            assert incoming.zone().serial in (1, 2, 3)
    except (WireError, ZoneError):
        return


@given(st.binary(max_size=300))
def test_any_octets_are_a_message_or_an_error(octets: bytes) -> None:
    try:
        Incoming(ORIGIN).take(scan(octets))
    except (WireError, ZoneError):
        return


@pytest.mark.parametrize(
    ("flags", "kind"), [(0x0400, WireError), (0x8600, WireError), (0x9400, WireError), (0x8405, Refused)]
)
def test_only_answers_are_taken(flags: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        check_answer(message([soa(1)], flags), 1, question(ORIGIN, AXFR))


def test_answers_to_others_are_not_taken() -> None:
    answer = message([soa(1)])
    with pytest.raises(WireError):
        check_answer(answer, 2, question(ORIGIN, AXFR))
    with pytest.raises(WireError):
        check_answer(answer, 1, question(ORIGIN, IXFR))
