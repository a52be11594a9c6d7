"""Keys of server blocks and zone arguments."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.zones import ServerAddress, duplicates, normalize_zones, server_addresses
from resolver.errors import ConfigError, ConfigErrors
from resolver.wire import names
from tests.config.sources import mistakes, word


def served(*keys: str, default_port: int = 53) -> list[tuple[str, str, int]]:
    found = server_addresses([word(key) for key in keys], default_port=default_port)
    return [(address.scheme, address.zone, address.port) for address in found]


def zones(*keys: str) -> list[str]:
    return [zone for _, zone, _ in served(*keys)]


def wrong(*keys: str) -> list[str]:
    return mistakes(lambda: served(*keys))


def test_a_key_is_a_zone_on_port_53() -> None:
    assert served("example.org") == [("dns", "example.org.", 53)]


def test_the_root_zone_is_a_dot() -> None:
    assert served(".:1053") == [("dns", ".", 1053)]


def test_zones_are_kept_in_lower_case_with_their_wire_form() -> None:
    key = word("Example.ORG.")
    expected = ServerAddress("dns", "example.org.", b"\7example\3org\0", 53, key)
    assert server_addresses([key]) == (expected,)


@pytest.mark.parametrize(
    ("scheme", "port"), [("dns", 53), ("tls", 853), ("https", 443), ("https3", 443), ("quic", 853), ("grpc", 443)]
)
def test_every_scheme_has_its_port(scheme: str, port: int) -> None:
    assert served(f"{scheme}://example.org") == [(scheme, "example.org.", port)]
    assert served(f"{scheme}://example.org:5300") == [(scheme, "example.org.", 5300)]


def test_schemes_may_be_written_in_capitals() -> None:
    assert served("TLS://example.org") == [("tls", "example.org.", 853)]


def test_the_default_port_is_for_plain_dns_without_a_port_of_its_own() -> None:
    assert served("a", "dns://b", "c:5300", "tls://d", default_port=1053) == [
        ("dns", "a.", 1053),
        ("dns", "b.", 1053),
        ("dns", "c.", 5300),
        ("tls", "d.", 853),
    ]


def test_escapes_stand_for_any_octet() -> None:
    (address,) = server_addresses([word(r"a\.b\032c.org")])
    assert address.wire == b"\5a.b c\3org\0"
    assert address.zone == r"a\.b\032c.org."


# --- networks


@pytest.mark.parametrize(
    ("network", "zone"),
    [
        ("10.0.0.0/8", "10.in-addr.arpa."),
        ("10.20.0.0/16", "20.10.in-addr.arpa."),
        ("192.0.2.0/24", "2.0.192.in-addr.arpa."),
        ("192.0.2.7/32", "7.2.0.192.in-addr.arpa."),
        ("0.0.0.0/0", "in-addr.arpa."),
        ("2001:db8:1::/48", "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."),
        ("2001:DB8::/32", "8.b.d.0.1.0.0.2.ip6.arpa."),
        ("::/0", "ip6.arpa."),
        ("0::/4", "0.ip6.arpa."),
    ],
)
def test_a_network_on_a_label_boundary_is_one_reverse_zone(network: str, zone: str) -> None:
    assert served(network) == [("dns", zone, 53)]
    assert served(f"{network}:5300") == [("dns", zone, 5300)]
    assert served(f"tls://{network}") == [("tls", zone, 853)]


def test_a_slash_20_covers_sixteen_reverse_zones() -> None:
    assert zones("172.16.32.0/20") == [f"{third}.16.172.in-addr.arpa." for third in range(32, 48)]


def test_a_slash_27_covers_the_names_of_its_addresses() -> None:
    assert zones("192.0.2.32/27") == [f"{last}.2.0.192.in-addr.arpa." for last in range(32, 64)]


def test_an_ipv6_prefix_inside_a_nibble_covers_the_nibbles_in_it() -> None:
    assert zones("2001:db8:8000::/34") == [f"{nibble}.8.b.d.0.1.0.0.2.ip6.arpa." for nibble in "89ab"]


def test_bits_behind_the_mask_are_ignored() -> None:
    assert zones("192.168.1.1/23") == ["0.168.192.in-addr.arpa.", "1.168.192.in-addr.arpa."]


def test_a_classless_reverse_zone_is_a_name_like_any_other() -> None:
    assert zones("0/25.2.0.192.in-addr.arpa") == ["0/25.2.0.192.in-addr.arpa."]


@given(st.ip_addresses(v=4), st.integers(1, 32))
def test_an_address_is_below_the_reverse_zones_exactly_when_it_is_in_the_network(
    inside: ipaddress.IPv4Address, prefix: int
) -> None:
    network = ipaddress.ip_network(f"{inside}/{prefix}", strict=False)
    found = normalize_zones(word(str(network)))
    outside = ipaddress.ip_address((int(network.broadcast_address) + 1) % 2**32)
    assert len(found) <= 128
    assert _covers(found, inside)
    assert _covers(found, outside) == (outside in network)


@given(st.ip_addresses(v=6), st.integers(1, 128))
def test_the_same_holds_for_ipv6(inside: ipaddress.IPv6Address, prefix: int) -> None:
    network = ipaddress.ip_network(f"{inside}/{prefix}", strict=False)
    found = normalize_zones(word(str(network)))
    outside = ipaddress.ip_address((int(network[-1]) + 1) % 2**128)
    assert len(found) <= 8
    assert _covers(found, inside)
    assert _covers(found, ipaddress.IPv6Address(int(outside))) == (outside in network)


def _covers(zones: tuple[bytes, ...], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    name = names.from_text(address.reverse_pointer)
    return sum(names.is_below(name, zone) for zone in zones) == 1


# --- mistakes


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "a zone cannot be empty"),
        (":53", "there is no zone before the port"),
        ("zone:", "a port must follow the colon"),
        ("zone:53x", "53x is not a port"),
        ("zone:-1", "-1 is not a port"),
        ("zone:0", "port 0 is out of range"),
        ("zone:65536", "port 65536 is out of range"),
        ("zone:" + "9" * 5000, "is out of range"),
        ("zone:53:53", "has ':' in it"),
        ("zone{", "has '{' in it"),
        ("a b", "has ' ' in it"),
        ("a..b", "empty label"),
        (".example.org", "begins with a dot (write example.org)"),
        ("*.example.org", "a zone has all names below it: write example.org"),
        ("a" * 64, "more than 63 octets"),
        (".".join(["a" * 60] * 5), "longer than 255 octets"),
        ("bücher.example", "write xn--bcher-kva.example"),
        ("\ud800.example", "is not ASCII"),
        ("10.0.0.1", "is an address, not a zone"),
        ("10.0.0.1:53", "is an address, not a zone"),
        ("::1", "is an address, not a zone"),
        ("[::1]:53", "is an address, not a zone"),
        ("10.0.0.0/33", "is not a network"),
        ("10.0.0.0/255.0.0.0", "is not a network"),
        ("2001:db8::/129", "is not a network"),
        ("htps://example.org", "scheme htps is not known (did you mean https?)"),
        ("unix://example.org", "scheme unix is not known"),
        ("https://example.org/dns-query", "a server block has no path (write https://example.org)"),
        (r"a\999", "is not an octet"),
        ("a\\", "unfinished escape"),
    ],
)
def test_what_is_no_zone_is_refused_at_its_word(key: str, message: str) -> None:
    (mistake,) = wrong(key)
    assert mistake.startswith("1:1: ")
    assert message in mistake


def test_all_bad_keys_are_reported_at_once() -> None:
    assert len(wrong("a:0", "fine", "b:x")) == 2


def test_the_message_about_a_very_long_key_is_short() -> None:
    (mistake,) = wrong("x." * 30_000)
    assert len(mistake) < 500


def test_the_same_zone_twice_in_one_block_is_an_error() -> None:
    assert wrong("example.org", "EXAMPLE.org.:53") == ["1:1: dns://example.org.:53 is already defined at Corefile:1:1"]


def test_networks_that_overlap_in_one_block_are_an_error() -> None:
    assert "0.10.in-addr.arpa.:53 is already defined" in wrong("10.0.0.0/15", "10.0.0.0/16")[0]


def test_the_same_zone_with_another_port_or_scheme_is_another_server() -> None:
    assert len(served("example.org", "example.org:54", "tls://example.org:53")) == 3


def test_the_zones_of_a_block_are_limited() -> None:
    many = [f"{first}.{second}.128.0/17" for first in range(16) for second in range(110)]
    assert "more than 200000 zones" in wrong(*many)[0]


# --- zones of directives


def test_a_zone_argument_is_a_wire_name_in_lower_case() -> None:
    assert normalize_zones(word("Example.org")) == (b"\7example\3org\0",)
    assert normalize_zones(word(".")) == (b"\0",)


def test_a_network_as_argument_stands_for_its_reverse_zones() -> None:
    assert normalize_zones(word("10.0.0.0/15")) == (b"\0010\00210\7in-addr\4arpa\0", b"\0011\00210\7in-addr\4arpa\0")


@pytest.mark.parametrize("text", ["example.org:53", "tls://example.org", "", "foo://a"])
def test_a_zone_argument_has_neither_scheme_nor_port(text: str) -> None:
    with pytest.raises(ConfigError):
        normalize_zones(word(text))


# --- duplicates between blocks

ORG = b"\7example\3org\0"


def test_different_zones_ports_schemes_and_addresses_do_not_meet() -> None:
    claims = [
        ("dns", ORG, 53, "127.0.0.1", word("a")),
        ("dns", ORG, 53, "127.0.0.2", word("b")),
        ("dns", ORG, 54, "", word("c")),
        ("tls", ORG, 53, "", word("d")),
        ("dns", b"\3org\0", 53, "", word("e")),
    ]
    assert duplicates(claims) is None


def test_the_same_zone_port_and_address_in_two_blocks_is_a_duplicate() -> None:
    found = duplicates([("dns", ORG, 53, "::1", word("a")), ("dns", ORG, 53, "::1", word("b"))])
    assert found is not None
    assert "dns://example.org.:53 on ::1 is already defined at Corefile:1:1" in str(found)


@pytest.mark.parametrize("addresses", [("", "127.0.0.1"), ("127.0.0.1", "")])
def test_a_block_without_bind_meets_one_with_an_address(addresses: tuple[str, str]) -> None:
    found = duplicates([("dns", ORG, 53, address, word("a")) for address in addresses])
    assert found is not None
    assert "give both a bind" in str(found)


def test_every_duplicate_is_reported() -> None:
    claims = [("dns", ORG, port, "", word(f"key{copy}")) for port in (53, 54) for copy in range(3)]
    found = duplicates([(*claim[:4], word(f"k{number}")) for number, claim in enumerate(claims)])
    assert found is not None
    assert len(found.errors) == 2  # the third copy says the same at the same place


@given(st.text(max_size=60))
def test_any_text_is_zones_or_our_error(text: str) -> None:
    try:
        found = server_addresses([word(text)])
    except ConfigErrors:
        return
    assert all(0 < len(address.wire) <= 255 and 0 < address.port < 65536 for address in found)


@given(st.from_regex(r"([a-z]{2,5}://)?[0-9a-f.:]{0,12}(/[0-9]{1,3})?(:[0-9]{1,6})?", fullmatch=True))
def test_any_text_like_an_address_is_zones_or_our_error(text: str) -> None:
    try:
        found = server_addresses([word(text)])
    except ConfigErrors:
        return
    assert 0 < len(found) <= 128
