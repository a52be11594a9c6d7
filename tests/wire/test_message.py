"""Whole messages: what is found in them, what is refused, and what it costs."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import EdnsError, WireError
from resolver.wire.constants import MAX_TTL, MX, NS, OPT, SOA, TSIG, TXT, A
from resolver.wire.edns import option, write_opt
from resolver.wire.message import MAX_DECODED, as_message, read_question, scan
from resolver.wire.names import ROOT, from_text
from resolver.wire.records import Body, Record, encode, record
from resolver.wire.ttl import ttls, with_ttl
from tests.wire.strategies import Sections, any_octets, damaged, message, messages, names, queries, sections

WWW = from_text("www.example.org")
QUESTION = WWW + b"\0\1\0\1"
START = 12 + len(QUESTION)
TO_QUESTION = b"\xc0\x0c"


def header(answers: int = 0, authorities: int = 0, additionals: int = 0, questions: int = 1) -> bytes:
    counts = (questions, answers, authorities, additionals)
    return b"\0\7\x81\x80" + b"".join(count.to_bytes(2, "big") for count in counts)


def raw(owner: bytes, rtype: int, rdata: bytes, ttl: int = 60, rclass: int = 1) -> bytes:
    fixed = rtype.to_bytes(2, "big") + rclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return owner + fixed + len(rdata).to_bytes(2, "big") + rdata


def pointer(offset: int) -> bytes:
    return (0xC000 | offset).to_bytes(2, "big")


ADDRESS = raw(TO_QUESTION, A, b"\xc0\0\2\1")
TSIG_RECORD = raw(ROOT, TSIG, bytes(20), 0, 255)


def test_what_stands_in_a_message_is_found() -> None:
    opt = write_opt(1232, do=True, options=option(10, b"12345678"), rcode=23)
    octets = header(1, 0, 1) + QUESTION + ADDRESS + opt
    found = scan(octets)
    assert (found.id, found.flags, found.qname, found.qtype, found.qclass) == (7, 0x8180, WWW, A, 1)
    assert found.question == QUESTION
    assert [span.end for span in found.spans] == [len(octets) - len(opt)]
    assert found.edns is not None
    assert (found.edns.size, found.edns.do, found.edns.options) == (1232, True, option(10, b"12345678"))
    assert found.rcode == 16
    assert octets[found.opt :] == opt
    assert not found.tsig
    assert found.body() == Body(1, 0, 0, ADDRESS, (6,))


def test_octets_behind_the_last_record_are_ignored() -> None:
    assert scan(header(1) + QUESTION + ADDRESS + b"junk").body() == Body(1, 0, 0, ADDRESS, (6,))


def test_a_message_without_a_question_has_none() -> None:
    found = scan(header(questions=0))
    assert (found.question, found.qname, found.spans) == (b"", ROOT, [])


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes(11),
        header(questions=2) + QUESTION + QUESTION,
        header() + QUESTION[:-1],
        header() + b"\3www\xc0\0" + b"\0\1\0\1",
        header() + TO_QUESTION + b"\0\1\0\1",
        header(1) + QUESTION,
        header(65535, 65535, 65535) + QUESTION,
        header(1) + QUESTION + ADDRESS[:-1],
        header(1) + QUESTION + raw(TO_QUESTION, A, b"\xc0\0\2"),
        header(1) + QUESTION + raw(TO_QUESTION, 28, bytes(4)),
        header(1) + QUESTION + raw(TO_QUESTION, NS, b""),
        header(1) + QUESTION + raw(TO_QUESTION, NS, b"\xc0"),
        header(1) + QUESTION + raw(TO_QUESTION, NS, b"\xc0") + b"\x0c",
        header(1) + QUESTION + raw(TO_QUESTION, MX, b"\0\1\xc0") + b"\x0c",
        header(1) + QUESTION + raw(TO_QUESTION, NS, b"\xc0\xff"),
        header(1) + QUESTION + raw(TO_QUESTION, MX, b"\0\1"),
        header(2) + QUESTION + ADDRESS + raw(pointer(START + 6), A, bytes(4)),  # to the zeros of a TTL
        header(2) + QUESTION + ADDRESS + raw(pointer(START + 2), A, bytes(4)),
        header(2) + QUESTION + raw(TO_QUESTION, A, b"\1a\0\0") + raw(pointer(START + 12), A, bytes(4)),  # to an address
        header(3)
        + QUESTION
        + raw(ROOT, TXT, b"\5x")
        + ADDRESS
        + raw(pointer(START + 11), A, bytes(4)),  # across a type
        header(1) + QUESTION + raw(b"\xc0\x02", A, bytes(4)),
        header(1) + QUESTION + raw(b"\xc0\x08", A, bytes(4)),  # to the zeros of a count
        header(1) + QUESTION + raw(pointer(START), A, bytes(4)),
    ],
)
def test_a_malformed_message_is_refused(octets: bytes) -> None:
    with pytest.raises(WireError):
        scan(octets)


@pytest.mark.parametrize(
    "octets",
    [
        header(0, 0, 2) + QUESTION + write_opt(1232) * 2,
        header(1) + QUESTION + write_opt(1232),
        header(0, 0, 1) + QUESTION + b"\1a" + write_opt(1232),
        header(0, 0, 1) + QUESTION + write_opt(1232, options=b"\0\3\0\5ab"),
    ],
)
def test_a_message_with_a_broken_opt_is_refused_as_such(octets: bytes) -> None:
    with pytest.raises(EdnsError):
        scan(octets)


def test_a_tsig_must_be_the_last_record() -> None:
    found = scan(header(1, 0, 1) + QUESTION + ADDRESS + TSIG_RECORD)
    assert found.tsig
    assert found.body() == Body(1, 0, 0, ADDRESS, (6,))
    for behind in (ADDRESS, TSIG_RECORD, write_opt(1232)):
        with pytest.raises(WireError):
            scan(header(0, 0, 2) + QUESTION + TSIG_RECORD + behind)


def test_an_opt_in_front_of_other_records_is_taken_out_of_the_body() -> None:
    owner = raw(b"\4mail\xc0\x10", MX, b"\0\1\3www\xc0\x10")
    pointing = raw((0xC000 | START + 11).to_bytes(2, "big"), TXT, b"\1x")
    found = scan(header(0, 0, 3) + QUESTION + write_opt(1232) + owner + pointing)
    body = found.body()
    assert scan(as_message(QUESTION, body)).sections() == found.sections()
    assert [one.owner for one in found.sections().additional] == [from_text("mail.example.org")] * 2


def test_a_ttl_with_the_top_bit_set_is_zero_in_records_and_octets() -> None:
    octets = header(2) + QUESTION + raw(TO_QUESTION, A, bytes(4), 0x80000001) + raw(TO_QUESTION, A, bytes(4), MAX_TTL)
    found = scan(octets)
    assert [one.ttl for one in found.sections().answer] == [0, MAX_TTL]
    assert ttls(found.body()) == [0, MAX_TTL]


def test_a_root_question_can_be_pointed_at() -> None:
    found = scan(header(1) + b"\0\0\2\0\1" + raw(TO_QUESTION, NS, TO_QUESTION))
    assert found.sections().answer == [record(ROOT, NS, 60, ROOT)]


def bomb(count: int, rdata: bytes, rtype: int) -> bytes:
    """A message of so many records whose names all point at a question as long as can be."""
    long = b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + b"\x3d" + b"d" * 61 + ROOT
    return header(count) + long + b"\0\1\0\1" + raw(TO_QUESTION, rtype, rdata) * count


@pytest.mark.parametrize(
    ("rtype", "rdata"), [(NS, TO_QUESTION), (SOA, TO_QUESTION * 2 + bytes(20)), (14, TO_QUESTION * 2), (TXT, b"\1x")]
)
def test_a_message_cannot_unfold_into_megabytes(rtype: int, rdata: bytes) -> None:
    """CVE-2026-82399: counts and compression made ten megabytes of one message."""
    count = (65535 - 300) // (12 + len(rdata))
    octets = bomb(count, rdata, rtype)
    assert len(octets) <= 65535
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(WireError, match="too large"):
            scan(octets)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 2


def test_an_honest_message_of_64_kib_can_be_read() -> None:
    addresses = [record(WWW, A, 60, number.to_bytes(4, "big")) for number in range(4090)]
    octets = as_message(QUESTION, encode(WWW, addresses))
    assert 65000 < len(octets) <= 65535
    assert scan(octets).sections().answer == addresses


def test_names_of_many_labels_all_over_a_message_take_no_more_than_moments() -> None:
    deep = b"\1a" * 127 + ROOT
    octets = header(4650) + deep + b"\0\1\0\1" + raw(b"\1a\xc0\x0e", NS, TO_QUESTION) * 4650
    begun = time.process_time()
    with pytest.raises(WireError, match="too large"):
        scan(octets)
    assert time.process_time() - begun < 2


def test_a_name_takes_no_more_pointers_than_it_may_however_they_were_met() -> None:
    first = START + 11
    chain = ROOT + pointer(first) + b"".join(pointer(first + 1 + 2 * number) for number in range(200))
    head = QUESTION + raw(ROOT, 65280, chain)
    near, far = (raw(pointer(first + 1 + 2 * number), TXT, b"") for number in (100, 150))
    found = scan(header(2) + head + near)
    assert [one.owner for one in found.sections().answer] == [ROOT, ROOT]
    for octets in (header(2) + head + far, header(3) + head + near + far):
        with pytest.raises(WireError):
            scan(octets)


def test_chains_of_pointers_all_over_a_message_take_no_more_than_moments() -> None:
    chains = bytearray(ROOT)
    first = START + 11
    while len(chains) < 16_000 - first:
        at = first + len(chains)
        chains += pointer(first if len(chains) % 250 == 1 else at - 2)
    targets = range(first + len(chains) - 2, first, -2)
    names = b"".join(raw(pointer(targets[number * 3 % len(targets)]), TXT, b"") for number in range(4000))
    octets = header(4001) + QUESTION + raw(ROOT, 65280, bytes(chains)) + names
    assert len(octets) <= 65535
    begun = time.process_time()
    assert len(scan(octets).sections().answer) == 4001
    assert time.process_time() - begun < 2


@given(any_octets)
def test_any_octets_are_a_message_or_refused(octets: bytes) -> None:
    try:
        found = scan(octets)
    except WireError:
        return
    decoded = found.sections()
    assert sum(len(one.owner) + len(one.rdata) for section in decoded for one in section) <= MAX_DECODED + len(octets)
    assert all(0 <= one.ttl <= MAX_TTL for section in decoded for one in section)
    assert all(one.type not in (OPT, TSIG) for section in decoded for one in section)
    body = found.body()
    assert len(body.ttls) == body.answers + body.authorities + body.additionals
    assert list(ttls(body)) == [one.ttl for section in decoded for one in section]


@given(damaged())
def test_what_passes_the_scan_can_be_encoded_anew(octets: bytes) -> None:
    try:
        found = scan(octets)
    except WireError:
        return
    if not found.question:
        return
    again = scan(as_message(found.question, encode(found.qname, *found.sections()))).sections()
    assert lowered(again) == lowered(found.sections())


@given(damaged(), st.integers(0, 0xFFFFFFFF))
def test_names_in_a_message_do_not_depend_on_its_ttls(octets: bytes, ttl: int) -> None:
    try:
        found = scan(octets)
    except WireError:
        return
    body = found.body()
    if found.question:
        again = scan(as_message(found.question, body._replace(data=with_ttl(body.data, body.ttls, ttl)))).sections()
        for before, after in zip(found.sections(), again, strict=True):
            assert [one._replace(ttl=0) for one in before] == [one._replace(ttl=0) for one in after]


@given(messages())
def test_the_body_of_a_message_says_what_the_message_said(octets: bytes) -> None:
    found = scan(octets)
    assert scan(as_message(found.question, found.body())).sections() == found.sections()


@given(names, sections)
def test_records_come_back_from_their_octets(qname: bytes, given_sections: Sections) -> None:
    body = encode(qname, *given_sections)
    found = scan(message(qname, body))
    assert lowered(found.sections()) == lowered(given_sections)
    assert found.body() == body


@given(any_octets)
def test_any_octets_have_a_question_or_are_refused(octets: bytes) -> None:
    try:
        qname, _, _, end = read_question(octets)
    except WireError:
        return
    assert octets[12 : 12 + len(qname)] == qname
    assert end == 12 + len(qname) + 4 <= len(octets)


@given(queries())
def test_the_question_of_a_query_is_the_one_that_a_scan_finds(octets: bytes) -> None:
    found = scan(octets)
    assert read_question(octets)[:3] == (found.qname, found.qtype, found.qclass)


def lowered(given_sections: tuple[list[Record], ...]) -> list[list[tuple[bytes, int, int, int, bytes]]]:
    """Records for comparing: compression may take the spelling of another name."""
    return [
        [(o.owner.lower(), o.type, o.rclass, o.ttl, o.rdata.lower()) for o in section] for section in given_sections
    ]
