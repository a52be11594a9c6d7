"""dnspython and dnslib read what we write as we meant it, and we read what they write as they meant it."""

from __future__ import annotations

from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rrset
import dnslib
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.finish import finish
from resolver.chain.query import Query, parse
from resolver.chain.reply import Reply, failure, from_records
from resolver.wire import names as codec
from resolver.wire.constants import BADVERS, EDE_STALE_ANSWER, TXT, A
from resolver.wire.edns import Edns, extended_error, option
from resolver.wire.message import scan
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from tests.wire.strategies import Sections, any_names, common_names, names, queries, sections, sections_of, wire_name

CLIENT, LOCAL = ("192.0.2.1", 4242), ("192.0.2.53", 53)
Plain = tuple[bytes, int, int, int, bytes]

# A line for each type that is met in the field.
ZONE = """
example.org. 3600 IN SOA ns.example.org. host.example.org. 7 3600 900 86400 30
example.org. 3600 IN NS ns.example.org.
example.org. 3600 IN NS ns.other.test.
example.org. 300 IN MX 10 mail.example.org.
example.org. 300 IN TXT "v=spf1 -all" "more"
example.org. 300 IN CAA 0 issue "ca.test"
example.org. 300 IN HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
example.org. 300 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxIL
example.org. 300 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
example.org. 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 12345 example.org. AAAA
a.example.org. 300 IN NSEC b.example.org. A AAAA RRSIG NSEC
www.example.org. 60 IN A 192.0.2.1
WWW.Example.org. 60 IN A 192.0.2.2
www.example.org. 60 IN AAAA 2001:db8::1
alias.example.org. 0 IN CNAME www.example.org.
sub.example.org. 60 IN DNAME other.test.
1.2.0.192.in-addr.arpa. 60 IN PTR www.example.org.
_sip._udp.example.org. 60 IN SRV 1 2 5060 sip.example.org.
example.org. 60 IN NAPTR 10 20 "s" "SIP+D2U" "" _sip._udp.example.org.
example.org. 60 IN HINFO "cpu" "os"
example.org. 60 IN RP host.example.org. txt.example.org.
example.org. 60 IN AFSDB 1 afs.example.org.
example.org. 60 IN KX 1 kx.example.org.
example.org. 60 IN RT 1 rt.example.org.
example.org. 60 IN PX 1 px.example.org. other.example.org.
example.org. 60 IN TLSA 3 1 1 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
example.org. 60 IN SSHFP 1 1 E06D44B80B8F1D39A95C0B0D7C65D08458E88040
example.org. 60 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
example.org. 60 IN URI 10 1 "https://example.org/"
example.org. 60 IN SVCB 0 svc.example.org.
example.org. 60 IN TYPE65280 \\# 3 010203
""".strip().splitlines()
DNSLIB_TYPES = {"SOA", "NS", "MX", "TXT", "CAA", "A", "AAAA", "CNAME", "PTR", "SRV", "NAPTR", "DS", "RP", "TLSA"}
lines = st.lists(st.sampled_from(ZONE), max_size=8)


def plain(found: list[Record]) -> list[Plain]:
    """Records for comparing. Compression may take the spelling of another name."""
    return [(one.owner.lower(), one.type, one.rclass, one.ttl, one.rdata.lower()) for one in found]


def plain_by_dnspython(rrsets: list[Any]) -> list[Plain]:
    return [
        (rrset.name.to_wire().lower(), rrset.rdtype, rrset.rdclass, rrset.ttl, rdata.to_wire().lower())
        for rrset in rrsets
        for rdata in rrset
    ]


@given(queries(), sections, st.sampled_from(("udp", "tcp")))
def test_dnspython_reads_our_answers(packet: bytes, given_sections: Sections, transport: str) -> None:
    query = parse(packet, CLIENT, LOCAL, transport, 0.0)
    octets = finish(query, from_records(query, "file", *given_sections))
    ours = scan(octets)
    theirs = dns.message.from_wire(octets, one_rr_per_rrset=True)
    assert (theirs.id, theirs.rcode()) == (query.id, ours.rcode)
    assert theirs.question[0].name.to_wire() == query.qname
    for their_section, our_section in zip(
        (theirs.answer, theirs.authority, theirs.additional), ours.sections(), strict=True
    ):
        assert plain_by_dnspython(their_section) == plain(our_section)
    assert theirs.edns == (-1 if query.edns is None else 0)
    if query.edns is not None:
        assert theirs.payload == max(query.edns.size, 512)
        assert bool(theirs.ednsflags & dns.flags.DO) == query.do


# dnslib takes labels for text.
printed_names = st.lists(st.from_regex(rb"[A-Za-z0-9_-]{1,20}", fullmatch=True), max_size=5).map(wire_name)


@given(sections_of(common_names | printed_names))
def test_dnslib_reads_our_answers(given_sections: Sections) -> None:
    query = Query(from_text("www.example.org"), A, message_id=7)
    octets = finish(query, from_records(query, "file", *given_sections))
    theirs = dnslib.DNSRecord.parse(octets)
    assert theirs.header.id == 7
    for their_section, our_section in zip((theirs.rr, theirs.auth, theirs.ar), given_sections, strict=True):
        assert [
            (tuple(label.lower() for label in one.rname.label), one.rtype, one.rclass, one.ttl) for one in their_section
        ] == [(tuple(codec.labels(one.owner.lower())), one.type, one.rclass, one.ttl) for one in our_section]
        for one, ours in zip(their_section, our_section, strict=True):
            if ours.type == A:
                assert bytes(one.rdata.data) == ours.rdata
            elif ours.type in (2, 5, 12):
                assert tuple(label.lower() for label in one.rdata.label.label) == tuple(
                    codec.labels(ours.rdata.lower())
                )
            elif ours.type == TXT:
                assert b"".join(bytes((len(part),)) + part for part in one.rdata.data) == ours.rdata


@given(lines, lines, lines, st.booleans())
def test_we_read_what_dnspython_writes(
    answer: list[str], authority: list[str], additional: list[str], edns: bool
) -> None:
    query = dns.message.make_query("www.example.org", "A", use_edns=edns, want_dnssec=edns)
    response = dns.message.make_response(query)
    response.answer, response.authority, response.additional = (
        [rrset_of(line) for line in part] for part in (answer, authority, additional)
    )
    octets = response.to_wire(max_size=65535)
    found = scan(octets)
    expected = (response.answer, response.authority, response.additional)
    assert [plain(part) for part in found.sections()] == [plain_by_dnspython(part) for part in expected]
    assert (found.edns is not None) == edns
    body = Reply(found.question, octets=found.body())
    assert [plain(part) for part in body.sections] == [plain_by_dnspython(part) for part in expected]


@given(st.lists(st.sampled_from([line for line in ZONE if line.split()[3] in DNSLIB_TYPES]), max_size=8))
def test_we_read_what_dnslib_writes(given_lines: list[str]) -> None:
    response = dnslib.DNSRecord.question("www.example.org").reply()
    for line in given_lines:
        response.add_answer(*dnslib.RR.fromZone(line))
    assert plain(scan(response.pack()).sections().answer) == plain_by_dnspython(
        [rrset_of(line) for line in given_lines]
    )


def rrset_of(line: str) -> dns.rrset.RRset:
    owner, ttl, rclass, rtype, rdata = line.split(maxsplit=4)
    return dns.rrset.from_text(owner, int(ttl), rclass, rtype, rdata)


@given(names, st.booleans(), st.booleans(), st.integers(0, 65535))
def test_we_read_the_queries_of_dnspython(name: bytes, edns: bool, do: bool, size: int) -> None:
    asked, _ = dns.name.from_wire(name, 0)
    theirs = dns.message.make_query(asked, "AAAA", use_edns=edns, want_dnssec=do and edns, payload=size)
    query = parse(theirs.to_wire(), CLIENT, LOCAL, "udp", 0.0)
    assert (query.qname, query.qtype, query.id) == (name, 28, theirs.id)
    assert (query.edns is not None, query.do) == (edns, do and edns)
    if query.edns is not None:
        assert query.edns.size == size
    assert query.wire(query.id) == theirs.to_wire()


def test_dnspython_and_dnslib_read_what_we_say_about_an_error() -> None:
    query = Query(from_text("www.example.org"), A, edns=Edns(1232, do=True))
    local = option(65001, b"\1\2\3")
    reply = failure(query, "cache", BADVERS, ede=EDE_STALE_ANSWER, text="älter")
    reply.options += local
    octets = finish(query, reply)
    theirs = dns.message.from_wire(octets)
    assert theirs.rcode() == dns.rcode.BADVERS
    assert [(one.otype, one.to_wire()) for one in theirs.options] == [
        (dns.edns.OptionType.EDE, b"\0\3" + "älter".encode()),
        (65001, b"\1\2\3"),
    ]
    assert theirs.options[0].text == "älter"
    [opt] = dnslib.DNSRecord.parse(octets).ar
    assert [(one.code, bytes(one.data)) for one in opt.rdata] == [
        (15, extended_error(EDE_STALE_ANSWER, "älter")[4:]),
        (65001, b"\1\2\3"),
    ]


@given(any_names)
def test_dnspython_writes_and_reads_names_as_we_do(name: bytes) -> None:
    theirs, _ = dns.name.from_wire(name, 0)
    assert from_text(theirs.to_text()) == name
    assert dns.name.from_text(to_text(name)).to_wire() == name


@given(any_names, any_names)
def test_dnspython_agrees_on_what_is_below_what(name: bytes, zone: bytes) -> None:
    name, zone = name.lower(), zone.lower()
    for inner in (name, name[:-1] + zone if len(name) + len(zone) <= 255 else name):
        theirs = dns.name.from_wire(inner, 0)[0].is_subdomain(dns.name.from_wire(zone, 0)[0])
        assert codec.is_below(inner, zone) == theirs
