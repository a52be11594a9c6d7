"""Hosts, addresses, names and images as a user types them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import ResolverError
from resolver.manifests import settings as read
from resolver.manifests.settings import Host, ManifestError

READERS: list[Callable[[str], object]] = [
    read.host,
    read.host_name,
    read.domain,
    read.label,
    read.service_name,
    read.address,
    read.network,
    read.upstream,
    read.image,
    read.nat,
    read.workload,
    read.service_type,
    read.port_number,
]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("api.example.com", Host("api.example.com", "api.example.com", 443)),
        ("API.Example.com.:8443", Host("api.example.com", "api.example.com", 8443)),
        ("external.example.com=api.example.com:80", Host("external.example.com", "api.example.com", 80)),
        ("db.example.com=192.0.2.7:5432", Host("db.example.com", "192.0.2.7", 5432)),
        ("db.example.com=2001:db8::1", Host("db.example.com", "2001:db8::1", 443)),
        ("db.example.com=[2001:db8::1]:5432", Host("db.example.com", "2001:db8::1", 5432)),
        ("db.example.com=[2001:db8::1]", Host("db.example.com", "2001:db8::1", 443)),
    ],
)
def test_hosts(text: str, host: Host) -> None:
    assert read.host(text) == host


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("api_v1.example.com", "is no host name"),
        ("-api.example.com", "is no host name"),
        ("api..example.com", "is no host name"),
        (f"{'a' * 64}.example.com", "is no host name"),
        (".".join(["abcdefgh"] * 40), "is no host name"),
        ("*.example.com", "is no host name"),
        ("https://api.example.com", "is no port"),
        ("api", "only one label"),
        ("", "is no host name"),
        ("api.example.com:0", "is no port"),
        ("api.example.com:65536", "is no port"),
        ("api.example.com:http", "is no port"),
        ("api.example.com:", "is no port"),
        ("b\u00fccher.example.com", "xn--"),
        ("192.0.2.1", "give it a name"),
        ("[2001:db8::1]:443", "give it a name"),
        ("a.example.com=[api.example.com]:443", "IPv6 address"),
        ("a.example.com=[2001:db8::1]443", "only :PORT may follow"),
        ("1.2.3.4=api.example.com", "host name is needed"),
        ("api.example.123", "is not a number"),
        ("=api.example.com", "is no host name"),
    ],
)
def test_what_is_no_host(text: str, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        read.host(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9.9.9.9", ("9.9.9.9", 53)),
        ("dns://9.9.9.9:5353", ("9.9.9.9", 5353)),
        ("2620:fe::fe", ("2620:fe::fe", 53)),
        ("tls://9.9.9.9", ("9.9.9.9", 853)),
        ("tls://9.9.9.9%dns.quad9.net", ("9.9.9.9", 853)),
        ("tls://9.9.9.9%dns.quad9.net:8853", ("9.9.9.9", 8853)),
        ("tls://[2620:fe::fe]:8853", ("2620:fe::fe", 8853)),
    ],
)
def test_upstreams(text: str, place: tuple[str, int]) -> None:
    assert read.upstream(text) == text
    assert read.upstream_address(text) == place


@pytest.mark.parametrize(
    "text", ["dns.google", "https://9.9.9.9/dns-query", "9.9.9.9%name.example", "9.9.9.9:x", "", "tls://"]
)
def test_what_is_no_upstream(text: str) -> None:
    with pytest.raises(ManifestError, match=r"upstream|port"):
        read.upstream(text)


@pytest.mark.parametrize(
    "text", ["k8s-resolver:0.1.0", "registry.example.com:5000/team/k8s-resolver:1", f"a/b@sha256:{'0' * 64}"]
)
def test_images(text: str) -> None:
    assert read.image(text) == text


@pytest.mark.parametrize("text", ["k8s-resolver", "k8s-resolver:latest", "registry:5000/resolver", "A:1", "a b:1", ""])
def test_images_need_a_version(text: str) -> None:
    with pytest.raises(ManifestError, match="image"):
        read.image(text)


@pytest.mark.parametrize(
    ("host", "slug"),
    [
        ("api.example.com", "api-example-com"),
        ("3com.example", "host-3com-example"),
        (f"{'a' * 60}.b.example.com", f"{'a' * 60}-b"),
    ],
)
def test_objects_are_named_after_hosts(host: str, slug: str) -> None:
    assert Host(host, host).slug == slug


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text(max_size=40) | st.text("0123456789abc.:[]%/=-@", max_size=40))
def test_any_word_gives_a_value_or_our_error(reader: Callable[[str], object], text: str) -> None:
    with suppress(ResolverError):
        reader(text)
