"""kubernetes: what the directive may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.kubernetes import Kubernetes
from resolver.plugins.kubernetes.settings import Settings
from resolver.wire.names import ROOT, from_text
from tests.plugins.chains import World


def settings(block: str = "", *, args: str = "", zone: str = "cluster.local", root: Path = Path()) -> Settings:
    part: Kubernetes = World().part(f"{zone} {{\n kubernetes {args} {{\n{block}\n}}\n}}\n", root)
    return part.settings


def refusal(block: str, *, args: str = "", zone: str = "cluster.local") -> str:
    with pytest.raises(ConfigErrors) as caught:
        settings(block, args=args, zone=zone)
    return str(caught.value)


def test_what_holds_without_options() -> None:
    found = settings()
    assert (found.zones, found.primary) == ((from_text("cluster.local"),), from_text("cluster.local"))
    assert (found.ttl, found.startup_timeout, found.pods, found.endpoints) == (5, 5.0, "disabled", True)
    assert (found.fallthrough, found.namespaces, found.unused, found.source.endpoint) == ((), frozenset(), (), "")


def test_zones_are_those_of_the_directive_or_of_the_block() -> None:
    assert settings(args="A.test b.test").zones == (from_text("a.test"), from_text("b.test"))
    assert settings(args="10.0.0.0/8 a.test a.test").zones == (from_text("10.in-addr.arpa"), from_text("a.test"))
    assert settings(args="10.0.0.0/8 ip6.arpa a.test").primary == from_text("a.test")


def test_the_way_to_the_api() -> None:
    found = settings("endpoint http://a http://b\ntls c k \"\"\napiserver_qps 1.5\napiserver_burst 3\n"
                     "apiserver_max_inflight 7", root=Path("/etc"))  # fmt: skip
    source = found.source
    assert (source.endpoint, source.tls, source.root) == ("http://a", ("c", "k", ""), Path("/etc"))
    assert (source.qps, source.burst, source.max_inflight) == (1.5, 3, 7)
    assert found.unused == ("only the first endpoint is used: http://a",)
    assert settings("kubeconfig f c").source.context == "c"


def test_options_without_effect_are_remarked() -> None:
    assert "kubeconfig says where" in settings("kubeconfig f\nendpoint http://a").unused[0]
    assert settings("tls a b c").unused == ("tls is not used without endpoint",)
    assert "hides every service" in settings("noendpoints\nignore empty_service").unused[0]


def test_selectors_may_have_spaces() -> None:
    assert settings("labels env in (b, a), tier != x").labels == "env in (a,b),tier!=x"
    assert settings("namespace_labels tier=app").namespace_labels == "tier=app"


def test_namespaces_may_stand_on_several_lines() -> None:
    assert settings("namespaces a B\nnamespaces c").namespaces == {b"a", b"b", b"c"}


def test_fallthrough_is_for_all_zones_or_for_some() -> None:
    assert settings("fallthrough").fallthrough == (ROOT,)
    assert settings("fallthrough in-addr.arpa 2001:db8::/32").fallthrough == (
        from_text("in-addr.arpa"),
        from_text("8.b.d.0.1.0.0.2.ip6.arpa"),
    )


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("pods sometimes", "sometimes"),
        ("ttl 3601", "3601"),
        ("ttl -1", "-1"),
        ("ignore services", "services"),
        ("labels a=b=c", "label selector"),
        ("namespaces a\nnamespace_labels b=c", "exclude each other"),
        ("zonal\nnoendpoints", "zonal"),
        ("multicluster set.local", "set.local. is not among the zones"),
        ("multicluster", "at least 1 argument"),
        ("apiserver_qps nan", "nan"),
        ("apiserver_qps -1", "-1"),
        ("apiserver_burst x", "whole number"),
        ("tls a b", "3 arguments"),
        ("namespaces " + "x" * 64, "63 octets"),
        ("resyncperiod 1m", "remove the line"),
        ("upstream", "remove the line"),
        ("transfer to *", "the directive transfer"),
        ("endpoints", "no option"),
        ("noendpoints true", "its name alone"),
        ("startup_timeout 5", "write 5s"),
    ],
)
def test_what_makes_no_sense_is_refused(block: str, words: str) -> None:
    assert words in refusal(block)


def test_reverse_zones_alone_are_refused() -> None:
    assert "reverse zone" in refusal("", args="in-addr.arpa 10.0.0.0/8")


def test_one_directive_a_block() -> None:
    with pytest.raises(ConfigErrors, match="only once"):
        World().build("cluster.local {\n kubernetes\n kubernetes\n}\n")
