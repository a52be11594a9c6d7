"""Response Policy Zones."""

from __future__ import annotations

from ipaddress import ip_address

import dns.rdata
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.policy import response_zone as rpz
from resolver.policy.clients import numbered
from resolver.policy.response_zone import ResponseZone
from resolver.wire.constants import CNAME, IN, SOA, A
from resolver.wire.names import from_text
from resolver.wire.records import Record

ORIGIN = from_text("rpz.test")
HEAD = "@ 60 SOA ns. hm. 42 60 60 60 60\n@ 60 NS ns.\n"


def zone_of(text: str) -> ResponseZone:
    parsed = dns.zone.from_text(HEAD + text, "rpz.test.", relativize=False)
    records = [
        Record(name.to_wire() or b"", rdata.rdtype, IN, ttl, rdata.to_wire() or b"")
        for name, ttl, rdata in parsed.iterate_rdatas()
    ]
    return ResponseZone.of(ORIGIN, records)


def kind(zone: ResponseZone, name: str) -> str:
    trigger = zone.for_name(from_text(name))
    return "" if trigger is None else trigger.kind


def test_names_have_actions() -> None:
    zone = zone_of(
        "nx.example CNAME .\nnodata.example CNAME *.\npass.example CNAME rpz-passthru.\ndrop.example CNAME rpz-drop.\n"
        "tcp.example CNAME rpz-tcp-only.\nself.example CNAME self.example.\nlocal.example A 192.0.2.1\n"
    )
    names = ("nx", "nodata", "pass", "drop", "tcp", "self", "local", "other")
    assert [kind(zone, f"{name}.example") for name in names] == [
        rpz.NXDOMAIN, rpz.NODATA, rpz.PASSTHRU, rpz.DROP, rpz.TCP_ONLY, rpz.PASSTHRU, rpz.DATA, "",
    ]  # fmt: skip
    assert (zone.serial, zone.count) == (42, 7)


def test_wildcards_are_for_names_below_and_the_longest_counts() -> None:
    zone = zone_of("*.example CNAME .\n*.b.example CNAME *.\na.b.example CNAME rpz-drop.\n")
    assert kind(zone, "example") == ""
    assert kind(zone, "x.y.example") == rpz.NXDOMAIN
    assert kind(zone, "b.example") == rpz.NXDOMAIN
    assert kind(zone, "x.y.b.example") == rpz.NODATA
    assert kind(zone, "a.b.example") == rpz.DROP


@pytest.mark.parametrize(
    ("owner", "inside", "outside"),
    [
        ("24.0.2.0.192.rpz-client-ip", "192.0.2.99", "192.0.3.1"),
        ("32.1.2.0.192.rpz-client-ip", "192.0.2.1", "192.0.2.2"),
        ("32.zz.db8.2001.rpz-client-ip", "2001:db8::7", "2001:db9::7"),
        ("128.1.zz.db8.2001.rpz-client-ip", "2001:db8::1", "2001:db8::2"),
        ("128.1.zz.rpz-client-ip", "::1", "::2"),
        ("48.0.0.0.0.0.1.db8.2001.rpz-client-ip", "2001:db8:1::9", "2001:db8:2::9"),
    ],
)
def test_clients_are_found_by_network(owner: str, inside: str, outside: str) -> None:
    zone = zone_of(f"{owner} CNAME rpz-drop.\n")
    assert zone.for_client(*numbered(inside)) is not None
    assert zone.for_client(*numbered(outside)) is None


def test_the_smallest_network_of_an_address_counts() -> None:
    zone = zone_of("8.0.0.0.10.rpz-ip CNAME .\n32.1.0.0.10.rpz-ip CNAME rpz-passthru.\n")
    one, other = (zone.for_addresses([ip_address(text).packed]) for text in ("10.0.0.1", "10.9.0.1"))
    assert one is not None
    assert other is not None
    assert (one.kind, other.kind) == (rpz.PASSTHRU, rpz.NXDOMAIN)


def test_what_does_nothing_here_is_counted() -> None:
    zone = zone_of(
        "ns.evil.rpz-nsdname CNAME .\n32.1.2.0.192.rpz-nsip CNAME .\n"
        "99.1.2.0.192.rpz-ip CNAME .\nx CNAME rpz-new-thing.\n"
    )
    assert dict(zone.ignored) == {"nsdname": 1, "nsip": 1, "network": 1, "action": 1}
    assert kind(zone, "x") == rpz.PASSTHRU


def test_local_data_has_the_asked_name_and_type() -> None:
    trigger = zone_of('*.example A 192.0.2.1\n*.example TXT "no"\n').for_name(from_text("a.example"))
    assert trigger is not None
    records, target = trigger.answer(from_text("A.example"), A)
    assert ([(one.owner, one.type) for one in records], target) == ([(from_text("A.example"), A)], b"")
    assert trigger.answer(from_text("a.example"), 28) == ([], b"")


def test_an_alias_to_a_wildcard_leads_below_it() -> None:
    trigger = zone_of("bad.example CNAME *.garden.test.\n").for_name(from_text("bad.example"))
    assert trigger is not None
    records, target = trigger.answer(from_text("bad.example"), A)
    assert target == from_text("bad.example.garden.test")
    assert records[0].type == CNAME


@given(
    st.lists(st.tuples(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=5), st.binary(max_size=30)))
)
def test_any_records_make_a_zone(found: list[tuple[list[bytes], bytes]]) -> None:
    special = [b"rpz-ip", b"rpz-client-ip", b"rpz-nsip"]
    records = [
        Record(
            b"".join(bytes((len(label),)) + label for label in [*labels, special[len(rdata) % 3]]) + ORIGIN,
            A,
            IN,
            60,
            rdata,
        )
        for labels, rdata in found
    ]
    ResponseZone.of(ORIGIN, [Record(ORIGIN, SOA, IN, 60, b""), *records])
