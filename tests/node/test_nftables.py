"""The octets that the kernel gets for the rules, and what it says."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.node import tables
from resolver.node.rules import Match, accepted, untracked
from resolver.sockets import netlink

V4, V6 = ip_address("169.254.20.10"), ip_address("fd00::10")


def expressions(rule: bytes) -> list[tuple[str, dict[int, bytes]]]:
    """Name and attributes of each expression of a rule."""
    found = []
    rest = netlink.attributes(rule)[4]
    while rest:
        length = struct.unpack_from("=H", rest)[0]
        one = netlink.attributes(rest[4:length])
        found.append((one[1].rstrip(b"\0").decode(), netlink.attributes(one.get(2, b""))))
        rest = rest[(length + 3) & ~3 :]
    return found


@pytest.mark.parametrize(
    ("match", "family", "address_at", "protocol", "port_at"),
    [
        (Match(V4, "udp", 53, answers=False), 2, 16, 17, 2),
        (Match(V4, "tcp", 53, answers=True), 2, 12, 6, 0),
        (Match(V6, "udp", 53, answers=False), 10, 24, 17, 2),
        (Match(V6, "tcp", 8080, answers=True), 10, 8, 6, 0),
    ],
)
def test_a_rule_compares_family_address_protocol_and_port(
    match: Match, family: int, address_at: int, protocol: int, port_at: int
) -> None:
    parts = expressions(tables.notrack_rule("table", "chain", match, comment="why"))
    assert [name for name, _ in parts] == ["meta", "cmp", "payload", "cmp", "meta", "cmp", "payload", "cmp", "counter", "notrack"]  # fmt: skip  # noqa: E501
    compared = [netlink.attributes(attributes[3])[1] for name, attributes in parts if name == "cmp"]
    assert compared == [bytes([family]), match.address.packed, bytes([protocol]), match.port.to_bytes(2, "big")]
    offsets = [struct.unpack(">I", attributes[3])[0] for name, attributes in parts if name == "payload"]
    assert offsets == [address_at, port_at]


def test_a_batch_takes_effect_as_a_whole_and_asks_for_one_answer() -> None:
    octets = netlink.batch([(tables.NEWTABLE, netlink.CREATE, tables.table("t", owned=True))] * 3)
    headers = []
    while octets:
        length, kind, flags, sequence, _ = struct.unpack_from("=IHHII", octets)
        headers.append((kind, bool(flags & netlink.ACK), sequence))
        octets = octets[length:]
    middle = [(tables.NEWTABLE, False, 1), (tables.NEWTABLE, False, 2), (tables.NEWTABLE, True, 3)]
    assert headers == [(netlink.BATCH_BEGIN, False, 0), *middle, (netlink.BATCH_END, False, 4)]


def test_an_owned_table_says_so() -> None:
    for owned, flags in ((True, tables.OWNED), (False, 0)):
        assert netlink.attributes(tables.table("t", owned=owned))[2] == struct.pack(">I", flags)


@pytest.mark.parametrize(
    ("hook", "policy", "shown"), [(tables.INPUT, 0, "strict in"), (tables.INPUT, 1, ""), (tables.PREROUTING, 0, "")]
)
def test_a_chain_that_drops_what_comes_in_is_shown(hook: int, policy: int, shown: str) -> None:
    attributes = netlink.attributes(tables.chain("strict", "in", hook, 0)) | {5: struct.pack(">I", policy)}
    assert tables.dropping(attributes) == shown


def test_dns_is_untracked_and_accepted_and_health_only_untracked() -> None:
    wanted = {(match.protocol, match.port, match.answers) for match in accepted([V4], 53)}
    assert wanted == {(protocol, 53, answers) for protocol in ("udp", "tcp") for answers in (True, False)}
    more = {(match.protocol, match.port, match.answers) for match in untracked([V4], 53, 8080)} - wanted
    assert more == {("tcp", 8080, True), ("tcp", 8080, False)}


@given(st.binary(max_size=200))
def test_any_octets_are_read_to_their_end(octets: bytes) -> None:
    list(netlink.replies(octets))
    tables.dropping(netlink.attributes(octets))
