"""What may stand as TO."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.model import Word
from resolver.errors import ConfigError, Place, UpstreamError
from resolver.upstream.address import Address
from resolver.upstream.targets import HostName, NameServerFile, Target, name_servers, parse_target


def parsed(text: str, root: Path = Path("/nowhere")) -> Target:
    return parse_target(Word(text, Place("Corefile", 2, 3)), root)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9.9.9.9", Address("9.9.9.9", 53)),
        ("9.9.9.9:5353", Address("9.9.9.9", 5353)),
        ("dns://9.9.9.9", Address("9.9.9.9", 53)),
        ("DNS://9.9.9.9:54", Address("9.9.9.9", 54)),
        ("2620:fe::fe", Address("2620:fe::fe", 53)),
        ("[2620:fe::fe]", Address("2620:fe::fe", 53)),
        ("[2620:fe::fe]:54", Address("2620:fe::fe", 54)),
        ("fe80::1%eth0", Address("fe80::1%eth0", 53)),
        ("[fe80::1%eth0]:54", Address("fe80::1%eth0", 54)),
        ("tls://9.9.9.9", Address("9.9.9.9", 853, "tls")),
        ("tls://9.9.9.9:8853", Address("9.9.9.9", 8853, "tls")),
        ("tls://9.9.9.9%dns.quad9.net", Address("9.9.9.9", 853, "tls", "dns.quad9.net")),
        ("tls://9.9.9.9%dns.quad9.net:10853", Address("9.9.9.9", 10853, "tls", "dns.quad9.net")),
        ("tls://9.9.9.9:10853%dns.quad9.net", Address("9.9.9.9", 10853, "tls", "dns.quad9.net")),
        ("tls://[2620:fe::fe]:10853%dns.quad9.net", Address("2620:fe::fe", 10853, "tls", "dns.quad9.net")),
        ("tls://2620:fe::fe%dns.quad9.net", Address("2620:fe::fe", 853, "tls", "dns.quad9.net")),
        ("tls://[2620:fe::fe]:10853", Address("2620:fe::fe", 10853, "tls")),
        ("tls://[2620:fe::fe%dns.quad9.net]:10853", Address("2620:fe::fe", 10853, "tls", "dns.quad9.net")),
        ("tls://[2620:fe::fe]%dns.quad9.net:10853", Address("2620:fe::fe", 10853, "tls", "dns.quad9.net")),
    ],
)
def test_an_address(text: str, address: Address) -> None:
    assert parsed(text) == address


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("dns.example.org", HostName("dns.example.org", 53)),
        ("dns.example.org:54", HostName("dns.example.org", 54)),
        ("kube-dns", HostName("kube-dns", 53)),
        ("tls://dns.example.org", HostName("dns.example.org", 853, "tls")),
        ("tls://dns.example.org%other.test:8853", HostName("dns.example.org", 8853, "tls", "other.test")),
    ],
)
def test_a_host_name(text: str, host: HostName) -> None:
    assert parsed(text) == host


def test_a_host_name_knows_where_it_was_written() -> None:
    assert parsed("dns.example.org").place == "Corefile:2:3: "  # type: ignore[union-attr]


def test_a_file_is_looked_for_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "up.conf").write_text("nameserver 192.0.2.1\n")
    assert parsed("up.conf", tmp_path) == NameServerFile(tmp_path / "up.conf")
    assert parsed(str(tmp_path / "up.conf")) == NameServerFile(tmp_path / "up.conf")


@pytest.mark.parametrize("scheme", ["grpc", "unix"])
def test_what_is_no_protocol_of_upstreams_is_refused_with_these_words(scheme: str) -> None:
    with pytest.raises(ConfigError, match=rf"{scheme}:// is not a protocol of upstreams"):
        parsed(f"{scheme}://9.9.9.9")


@pytest.mark.parametrize("scheme", ["https", "https3"])
@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9.9.9.9", ("9.9.9.9", 443, "", "/dns-query")),
        ("9.9.9.9:8443", ("9.9.9.9", 8443, "", "/dns-query")),
        ("9.9.9.9/", ("9.9.9.9", 443, "", "/")),
        ("9.9.9.9/own/path?tenant=7", ("9.9.9.9", 443, "", "/own/path?tenant=7")),
        ("9.9.9.9/dns-query{?dns}", ("9.9.9.9", 443, "", "/dns-query")),
        ("9.9.9.9%dns.quad9.net", ("9.9.9.9", 443, "dns.quad9.net", "/dns-query")),
        ("9.9.9.9%dns.quad9.net:8443/q", ("9.9.9.9", 8443, "dns.quad9.net", "/q")),
        ("9.9.9.9/q%dns.quad9.net", ("9.9.9.9", 443, "dns.quad9.net", "/q")),
        ("9.9.9.9/q%2Fr%quad9.net", ("9.9.9.9", 443, "quad9.net", "/q%2Fr")),
        ("9.9.9.9/q%2Fr", ("9.9.9.9", 443, "", "/q%2Fr")),
        ("[2620:fe::fe]:8443/q", ("2620:fe::fe", 8443, "", "/q")),
        ("[2620:fe::fe%dns.quad9.net]:8443/q", ("2620:fe::fe", 8443, "dns.quad9.net", "/q")),
    ],
)
def test_an_address_over_http(scheme: str, text: str, address: tuple[str, int, str, str]) -> None:
    host, port, server_name, path = address
    assert parsed(f"{scheme}://{text}") == Address(host, port, scheme, server_name, path)


def test_a_host_name_over_http() -> None:
    assert parsed("https://dns.google/dns-query") == HostName("dns.google", 443, "https", "", "/dns-query")
    assert parsed("https://dns.google:8443%other.test/q") == HostName("dns.google", 8443, "https", "other.test", "/q")


def test_an_address_over_quic() -> None:
    assert parsed("quic://94.140.14.14") == Address("94.140.14.14", 853, "quic")
    assert parsed("quic://94.140.14.14%dns.test:8853") == Address("94.140.14.14", 8853, "quic", "dns.test")


def test_a_host_name_gives_upstreams_that_are_spoken_to_alike() -> None:
    name = HostName("dns.google", 8443, "https", "dns.google", "/q", "GET")
    assert name.at("8.8.8.8") == Address("8.8.8.8", 8443, "https", "dns.google", "/q", "GET")


@pytest.mark.parametrize(
    "text",
    [
        "", "dns://", "ftp://9.9.9.9", "9.9.9.9:", "9.9.9.9:0", "9.9.9.9:65536", "9.9.9.9:5a", "[::1", "[::1]x",
        "[nine]:53", "1.2.3", "1.2.3.4.5", "300.1.1.1", "/no/such/file", "sub/no-such-file", "a..b",
        "-a.test", "a b", "exämple.org", "x" * 64, "tls://", "tls:///etc/hosts", "9.9.9.9/24", "tls://9.9.9.9%name:port",
        "https://", "https:///dns-query", "https://9.9.9.9:x/q", "https://9.9.9.9/q#part", "https://9.9.9.9/a b",
        "https://9.9.9.9%one.test/q%two.test", "https://9.9.9.9/q%", "https://9.9.9.9/q%.", "quic://9.9.9.9/q",
    ],
)  # fmt: skip
def test_nonsense_is_refused_at_its_word(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert str(caught.value.at) == "Corefile:2:3"


@given(st.text(max_size=40), st.sampled_from(["", "dns://", "tls://", "https://", "https3://", "quic://"]))
def test_any_text_is_a_target_or_a_mistake(text: str, scheme: str) -> None:
    try:
        assert isinstance(parsed(scheme + text), Address | HostName | NameServerFile)
    except ConfigError:
        pass


def test_name_servers_are_read_in_order_and_once(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# comment\nsearch corp.test\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # second\n"
        "nameserver nonsense\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\noptions ndots:5"
    )
    assert [address.host for address in name_servers(file)] == ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"]
    assert {address.port for address in name_servers(file)} == {53}


def test_a_file_without_name_servers_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("search corp.test\n")
    with pytest.raises(UpstreamError, match="has no nameserver line"):
        name_servers(file)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="cannot read"):
        name_servers(tmp_path / "resolv.conf")
