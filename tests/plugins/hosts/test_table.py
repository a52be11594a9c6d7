"""The table of hosts entries."""

from __future__ import annotations

import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.reply import decode
from resolver.plugins.hosts.table import MAX_ADDRESSES, MAX_POINTERS, Table, read_address, read_table
from resolver.wire.constants import AAAA, PTR, A
from resolver.wire.names import ROOT, from_text
from resolver.wire.records import Body

TYPES = {A: b"\0\1\0\1", AAAA: b"\0\x1c\0\1", PTR: b"\0\x0c\0\1"}


def table(text: str, zones: tuple[bytes, ...] = (ROOT,), *, reverse: bool = True) -> Table:
    return read_table(text.encode().splitlines(), zones, 3600, reverse=reverse)


def shown(name: str, rtype: int, body: Body | None) -> list[tuple[int, str]] | None:
    """TTL and rdata of each record, after a trip through the octets; None for no answer."""
    if body is None:
        return None
    records = decode(from_text(name) + TYPES[rtype], body).answer
    assert all((record.owner, record.type) == (from_text(name), rtype) for record in records)
    if rtype == PTR:
        return [(record.ttl, record.rdata.decode("latin-1")) for record in records]
    return [(record.ttl, str(ipaddress.ip_address(record.rdata))) for record in records]


def addresses(found: Table, name: str, rtype: int = A) -> list[str] | None:
    records = shown(name, rtype, found.addresses(from_text(name), rtype))
    return None if records is None else [rdata for _, rdata in records]


def pointers(found: Table, name: str) -> list[str] | None:
    records = shown(name, PTR, found.names(from_text(name)))
    return None if records is None else [rdata for _, rdata in records]


def test_all_names_of_a_line_have_its_address() -> None:
    found = table("192.0.2.1 www.example.org www # comment\n192.0.2.2\twww.example.org\n2001:db8::1 www.example.org")
    assert addresses(found, "www.example.org") == ["192.0.2.1", "192.0.2.2"]
    assert addresses(found, "www") == ["192.0.2.1"]
    assert addresses(found, "www.example.org", AAAA) == ["2001:db8::1"]
    assert addresses(found, "www", AAAA) is None


def test_names_are_found_in_any_case_when_asked_in_lower_case() -> None:
    assert addresses(table("192.0.2.1 WWW.Example.ORG"), "www.example.org") == ["192.0.2.1"]


def test_every_record_has_the_ttl_and_its_offset_is_known() -> None:
    found = read_table([b"192.0.2.1 a", b"192.0.2.2 a"], (ROOT,), 77)
    body = found.addresses(b"\1a\0", A)
    assert body is not None
    assert [body.data[at : at + 4] for at in body.ttls] == [b"\0\0\0\x4d"] * 2


def test_addresses_point_back_to_their_names() -> None:
    found = table("192.0.2.1 www.example.org web.example.org\n2001:db8::1 six.example.org")
    reverse = ipaddress.ip_address("2001:db8::1").reverse_pointer
    assert pointers(found, "1.2.0.192.in-addr.arpa") == ["\3www\7example\3org\0", "\3web\7example\3org\0"]
    assert pointers(found, reverse) == ["\3six\7example\3org\0"]
    assert pointers(found, "2.2.0.192.in-addr.arpa") is None


def test_reverse_can_be_left_out() -> None:
    assert table("192.0.2.1 a", reverse=False).pointers == {}


def test_entries_outside_of_the_zones_are_left_out_with_their_pointers() -> None:
    found = table("192.0.2.1 www.example.org www.example.net notexample.org", (from_text("example.org"),))
    assert addresses(found, "www.example.net") is None
    assert addresses(found, "notexample.org") is None
    assert pointers(found, "1.2.0.192.in-addr.arpa") == ["\3www\7example\3org\0"]


def test_the_same_entry_twice_is_one_record() -> None:
    found = table("127.0.0.1 localhost\n127.0.0.1 localhost LOCALHOST")
    assert addresses(found, "localhost") == ["127.0.0.1"]
    assert pointers(found, "1.0.0.127.in-addr.arpa") == ["\x09localhost\0"]
    assert found.entries == 2


def test_an_address_that_ends_like_another_begins_is_no_duplicate() -> None:
    found = table("0.1.0.1 a\n12.0.0.1 a\n0.1.12.0 a")
    assert addresses(found, "a") == ["0.1.0.1", "12.0.0.1", "0.1.12.0"]


def test_a_wildcard_stands_for_one_label() -> None:
    found = table("192.0.2.10 *.example.com\n192.0.2.11 a.example.com")
    assert addresses(found, "apps.example.com") == ["192.0.2.10"]
    assert addresses(found, "a.example.com") == ["192.0.2.11"]
    assert addresses(found, "example.com") is None
    assert addresses(found, "deep.apps.example.com") is None
    assert pointers(found, "10.2.0.192.in-addr.arpa") is None


def test_a_name_with_an_entry_takes_nothing_from_a_wildcard() -> None:
    found = table("2001:db8::10 *.example.com\n192.0.2.11 a.example.com")
    assert addresses(found, "a.example.com", AAAA) is None
    assert found.knows(from_text("a.example.com"))


def test_a_wildcard_makes_names_known() -> None:
    found = table("2001:db8::10 *.example.com")
    assert found.knows(from_text("b.example.com"))
    assert not found.knows(from_text("example.com"))


def test_ipv4_in_ipv6_clothing_is_ipv4_and_interfaces_are_ignored() -> None:
    found = table("::ffff:192.0.2.1 a\nfe80::1%eth0 a")
    assert addresses(found, "a") == ["192.0.2.1"]
    assert addresses(found, "a", AAAA) == ["fe80::1"]


def test_lines_that_cannot_be_read_are_counted_and_the_first_is_known() -> None:
    found = table("# fine\n192.0.2.1 a\nnot-an-address b\n010.0.0.1 c\n192.0.2.1 d..e f\n192.0.2.9\n")
    assert (found.rejected, found.first_rejected) == (3, 3)
    assert addresses(found, "f") == ["192.0.2.1"]
    assert not found.knows(from_text("b"))


def test_entries_are_counted_forward_and_reverse() -> None:
    assert table("192.0.2.1 a b\n2001:db8::1 a\n192.0.2.2 *.c").entries == 7


def test_an_answer_holds_no_more_than_a_message_can() -> None:
    many = "\n".join(f"10.{n >> 8}.{n & 255}.1 big" for n in range(MAX_ADDRESSES + 3))
    found = table(many, reverse=False)
    body = found.addresses(b"\3big\0", A)
    assert body is not None
    assert body.answers == MAX_ADDRESSES
    assert found.cut == 3
    names = table("0.0.0.0 " + " ".join(f"ad{n}.example" for n in range(MAX_POINTERS + 2)))
    assert len(names.pointers[from_text("0.0.0.0.in-addr.arpa")]) == MAX_POINTERS
    assert names.cut == 2


@given(st.binary(max_size=200))
def test_any_octets_give_a_table(data: bytes) -> None:
    found = read_table(data.splitlines(), (ROOT,), 60)
    assert found.entries >= 0


@given(st.ip_addresses())
def test_every_address_reads_as_itself(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    packed = read_address(str(address).encode())
    mapped = address.ipv4_mapped if address.version == 6 else None
    assert packed == (mapped or address).packed


@given(st.ip_addresses(), st.randoms())
def test_every_address_has_its_pointer(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, chance: random.Random
) -> None:
    mapped = address.ipv4_mapped if address.version == 6 else None
    found = table(f"{address} name{chance.randrange(10)}")
    assert list(found.pointers) == [from_text((mapped or address).reverse_pointer)]


@pytest.mark.parametrize("word", ["", "1.2.3", "1.2.3.4.5", "::g", "1.2.3.4/8", "é", "0x7f.0.0.1", "[::1]"])
def test_what_is_no_address_is_none(word: str) -> None:
    assert read_address(word.encode()) is None
