"""Queries read from packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query, Site, edns_option, parse
from resolver.errors import EdnsError, WireError
from resolver.wire.constants import AAAA, CH, IN, OPTION_COOKIE, RD, TXT, A
from resolver.wire.edns import Edns, option, write_opt
from resolver.wire.message import scan
from resolver.wire.names import from_text
from tests.wire.strategies import any_octets, queries

CLIENT, LOCAL = ("192.0.2.1", 4242), ("192.0.2.53", 53)
WWW = from_text("WWW.example.org")
QUESTION = WWW + b"\0\1\0\1"


def read(packet: bytes, transport: str = "udp") -> Query:
    return parse(packet, CLIENT, LOCAL, transport, 7.5)


def packet(*additionals: bytes, flags: bytes = b"\1\0", question: bytes = QUESTION) -> bytes:
    return b"\x12\x34" + flags + b"\0\1\0\0\0\0\0" + bytes((len(additionals),)) + question + b"".join(additionals)


def test_a_query_says_what_was_asked_and_by_whom() -> None:
    query = read(packet())
    assert (query.id, query.flags, query.qname, query.name) == (0x1234, RD, WWW, WWW.lower())
    assert (query.qtype, query.qclass, query.question) == (A, IN, QUESTION)
    assert (query.client, query.local, query.transport, query.received) == (CLIENT, LOCAL, "udp", 7.5)
    assert query.size == len(packet())
    assert query.edns is None
    assert not query.do


def test_edns_is_read_wherever_it_stands() -> None:
    opt = write_opt(1232, do=True, options=option(OPTION_COOKIE, b"12345678"))
    tsig = b"\0\0\xfa\0\xff\0\0\0\0\0\3abc"
    for query in (read(packet(opt)), read(packet(opt, tsig)), read(packet(opt) + b"junk")):
        assert query.edns == Edns(1232, True, 0, option(OPTION_COOKIE, b"12345678"))
        assert edns_option(query.edns, OPTION_COOKIE) == b"12345678"
        assert query.do
    assert edns_option(read(packet(opt)).edns, 3) is None
    assert edns_option(None, 3) is None


@pytest.mark.parametrize(
    "octets",
    [
        packet(question=b"\3www\xc0\0\0\1\0\1"),
        packet(question=b"\xc0\x0c\0\1\0\1"),
        packet(question=WWW + b"\0\1\0"),
        packet(question=WWW[:-1]),
        packet(b"\0\0\x29"),
        packet(b"\0\0\1\0\1\0\0\0\0\0\5abcd"),
    ],
)
def test_a_malformed_query_is_refused(octets: bytes) -> None:
    with pytest.raises(WireError):
        read(octets)


@pytest.mark.parametrize(
    "octets",
    [
        packet(write_opt(1232, options=b"\0\3\0\1")),
        packet(write_opt(1232), write_opt(1232)),
        packet(b"\1a" + write_opt(0)),
    ],
)
def test_a_broken_opt_is_told_apart(octets: bytes) -> None:
    with pytest.raises(EdnsError):
        read(octets)


def test_another_version_of_edns_is_told_whatever_its_options() -> None:
    query = read(packet(write_opt(1232, version=1, options=b"\0\3\0\1")))
    assert query.edns == Edns(1232, version=1)


@pytest.mark.parametrize(
    ("transport", "size", "limit"),
    [
        ("udp", None, 512),
        ("udp", 0, 512),
        ("udp", 511, 512),
        ("udp", 1232, 1232),
        ("udp", 65535, 65507),
        ("tcp", None, 65535),
        ("tcp", 512, 65535),
        ("tls", 512, 65535),
        ("internal", None, 65535),
    ],
)
def test_a_client_takes_what_its_transport_and_edns_allow(transport: str, size: int | None, limit: int) -> None:
    octets = packet() if size is None else packet(write_opt(size))
    assert read(octets, transport).reply_limit == limit


def test_a_query_can_be_sent_on() -> None:
    opt = write_opt(1232, do=True, options=option(OPTION_COOKIE, b"12345678"))
    query = read(packet(opt, flags=b"\1\x30"))
    assert query.wire(0x1234) == packet(opt, flags=b"\1\x30")
    assert query.wire(9, b"")[2:] == packet(write_opt(1232, do=True), flags=b"\1\x30")[2:]
    assert read(packet()).wire(0x1234) == packet()


def test_a_derived_query_differs_in_what_was_changed() -> None:
    query = read(packet())
    other = query.derive(qname=from_text("Mail.test"), qtype=AAAA, site=Site("dns://:53", "test."))
    assert (other.name, other.qtype, other.site.zone) == (from_text("mail.test"), AAAA, "test.")
    assert other.question == from_text("Mail.test") + b"\0\x1c\0\1"
    assert (other.id, other.client, other.received) == (query.id, query.client, query.received)
    assert (query.qname, query.question) == (WWW, QUESTION)
    with pytest.raises(TypeError):
        query.derive(colour="green")


def test_a_query_can_be_made_of_a_name_and_a_type() -> None:
    query = Query(from_text("version.bind"), TXT, CH)
    assert scan(query.wire(1)).question == query.question
    assert query.size == len(query.wire(1))


@given(any_octets)
def test_any_octets_are_a_query_or_refused(octets: bytes) -> None:
    if len(octets) < 12:
        return
    try:
        query = read(octets)
    except WireError:
        return
    assert octets[12 : 12 + len(query.question)] == query.question
    repr(query)


@given(queries(), st.sampled_from(("udp", "tcp")))
def test_a_query_is_what_a_scan_finds(octets: bytes, transport: str) -> None:
    query, found = read(octets, transport), scan(octets)
    assert (query.id, query.flags, query.qname, query.qtype) == (found.id, found.flags, found.qname, found.qtype)
    assert query.edns == found.edns
    assert query.question == found.question
    assert query.wire(query.id) == octets


def test_a_query_with_other_flags_is_otherwise_the_same() -> None:
    query = Query(b"\3WWW\0", 28, 3, message_id=7, edns=Edns(4096), client=("192.0.2.1", 9), received=5.0, size=99)
    other = query.with_flags(0x20)
    assert other.flags == 0x20
    assert query.flags != 0x20
    assert all(getattr(other, slot) == getattr(query, slot) for slot in Query.__slots__ if slot != "flags")
