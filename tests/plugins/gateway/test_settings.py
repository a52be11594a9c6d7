"""What the directive accepts, what it makes of it, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import ConfigErrors, KubeError
from resolver.plugins.gateway.settings import Settings
from resolver.plugins.gateway.values import alias_item, packed_item
from resolver.wire.names import from_text
from tests.plugins.chains import World


def parsed(*lines: str, line: str = "gateway example.com", more: str = "") -> Settings:
    block = "\n".join(lines)
    part = World().build(f"example.org {{\n {line} {{\n {block}\n }}\n {more}\n}}\n", Path("/etc/x")).parts[0]
    settings: Settings = part.settings  # type: ignore[attr-defined]
    return settings


def test_defaults() -> None:
    found = parsed()
    assert found.resources == ("ingress", "service", "httproute", "grpcroute", "tlsroute")
    assert (found.zones, found.ttl, found.fallthrough) == ((from_text("example.com"),), 5, ())
    assert (found.labels, found.namespaces) == ("", ())
    assert (found.apex, found.hostmaster, found.startup_timeout, found.delegated) == (
        b"\3dns",
        b"\x0ahostmaster",
        5.0,
        (),
    )
    assert parsed(line="gateway").zones == (from_text("example.org"),)


def test_options() -> None:
    found = parsed(
        "resources ingress nodeport",
        "ingress_class a b",
        "gateway_class c",
        "labels tier in (web, api)",
        "namespaces one two",
        "delegate a.example.com shop",
        "delegate b.example.com web shop",
        "annotation example.org/name",
        "addresses override 192.0.2.1 lb.example.net",
        "node_addresses internal",
        "apex edge.zone",
        "hostmaster admin",
        "nameservers 192.0.2.53 2001:db8::53",
        "ttl 60",
        "startup_timeout 1m",
        "fallthrough sub.example.com",
    )
    reading = found.reading
    assert (reading.ingress_classes, reading.gateway_classes) == (frozenset("ab"), frozenset("c"))
    assert reading.addresses == (packed_item(b"\xc0\0\2\1"), alias_item(from_text("lb.example.net")))
    assert reading.override
    assert (reading.annotations, reading.node_types) == (("example.org/name",), ("InternalIP",))
    assert dict(found.delegated) == {
        from_text("a.example.com"): {"shop"},
        from_text("b.example.com"): {"shop", "web"},
    }
    assert (found.labels, found.namespaces) == ("tier in (api,web)", ("one", "two"))
    assert (found.apex, found.hostmaster, found.ttl, found.startup_timeout) == (b"\4edge\4zone", b"\5admin", 60, 60.0)
    assert (found.owned_zones, found.annotations) == ((from_text("example.com"),), ("example.org/name",))


@pytest.mark.parametrize(
    ("line", "option", "owned"),
    [
        ("gateway example.com", "", ["example.com"]),
        ("gateway example.com", "fallthrough", []),
        ("gateway example.com example.net", "fallthrough example.com", ["example.net"]),
        ("gateway sub.example.com", "fallthrough example.com", []),
        ("gateway .", "", []),
    ],
)
def test_which_zones_are_served_whole(line: str, option: str, owned: list[str]) -> None:
    assert parsed(option, line=line).owned_zones == tuple(from_text(zone) for zone in owned)


def test_the_api_is_that_of_kubernetes_in_the_same_block_unless_it_says_otherwise() -> None:
    kubernetes = "kubernetes cluster.local {\n endpoint http://127.0.0.1:1\n apiserver_qps 9\n pods insecure\n }"
    found = parsed(more=kubernetes).source
    assert (found.endpoint, found.qps, found.root) == ("http://127.0.0.1:1", 9.0, Path("/etc/x"))
    assert parsed("endpoint http://127.0.0.1:2", more=kubernetes).source.endpoint == "http://127.0.0.1:2"
    assert parsed(more=kubernetes).cluster_zones == (from_text("cluster.local"),)
    with pytest.raises(KubeError, match="not inside of a cluster"):
        parsed().source.access()


def test_it_may_stand_several_times() -> None:
    block = World().build("example.org {\n gateway a.example\n gateway b.example {\n fallthrough\n }\n}\n")
    assert [part.settings.zones for part in block.parts] == [(from_text("a.example"),), (from_text("b.example"),)]  # type: ignore[attr-defined]  # fmt: skip


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("resources", "resources needs"),
        ("resources ingress pods", "pods is not known"),
        ("labels tier in", "label selector"),
        ("addresses", "needs at least 1"),
        ("addresses override", "needs at least 2"),
        ("addresses *.example.com", "neither an address nor a host name"),
        ("node_addresses outer", "outer is not known"),
        ("node_addresses internal", "needs the resource nodeport"),
        ("nameservers ns.example.com", "is not an IP address"),
        ("ttl -1", "out of range"),
        ("ttl 86401", "out of range"),
        ("apex .", "apex is a label"),
        ("apex a..b", "empty label"),
        ("delegate example.com", "needs at least 2"),
        ("delegate example.net shop", "in none of the zones"),
        ("service_names yes", "takes no arguments"),
        ("resources ingress\nservice_names", "needs the resource service"),
        ("startup_timeout soon", "is not a duration"),
        ("tls a b", "needs 3 arguments"),
        ("apiserver_qps many", "not a number of requests"),
        ("nonsense", "no option nonsense"),
        ("ttl 5\nttl 6", "already given"),
    ],
)
def test_mistakes(option: str, word: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parsed(option)
    assert word in str(caught.value)


def test_names_of_services_need_a_zone() -> None:
    with pytest.raises(ConfigErrors, match="service_names needs a zone"):
        parsed("service_names", line="gateway .")
