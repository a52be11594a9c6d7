"""The variables of a template Corefile."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import ResolverError
from resolver.node.pillar import Values, cluster_dns, fill
from resolver.node.settings import Address

V4, V6 = ip_address("169.254.20.10"), ip_address("fd00::10")


def values(*upstream: str, local: tuple[Address, ...] = (V4,), service: str = "10.96.0.99") -> Values:
    return Values(local, service, "cluster.local", upstream, "127.0.0.1:9253")


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("bind __PILLAR__LOCAL__DNS__", "bind 169.254.20.10"),
        ("bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__", "bind 169.254.20.10 "),
        ("__PILLAR__DNS__DOMAIN__:53 {", "cluster.local:53 {"),
        ("forward . __PILLAR__CLUSTER__DNS__ {", "forward . 10.96.0.99 {"),
        ("forward . __PILLAR__UPSTREAM__SERVERS__", "forward . /etc/resolv.conf"),
        ("prometheus __PROMETHEUS__ENDPOINT__", "prometheus 127.0.0.1:9253"),
        ("health __PILLAR__LOCAL__DNS__:8080", "health 169.254.20.10:8080"),
    ],
)
def test_each_variable_has_its_value(template: str, filled: str) -> None:
    assert fill(template, values()) == filled


def test_both_families_are_listed_for_bind_and_the_first_address_is_that_of_endpoints() -> None:
    template = "bind __PILLAR__LOCAL__DNS__\nhealth __PILLAR__LOCAL__DNS__:8080"
    assert fill(template, values(local=(V6, V4))) == "bind fd00::10 169.254.20.10\nhealth [fd00::10]:8080"


def test_without_upstream_servers_those_of_the_system_are_asked_over_tcp_as_the_template_says() -> None:
    template = "  forward . __PILLAR__UPSTREAM__SERVERS__ {\n    force_tcp\n  }\n"
    assert fill(template, values()) == "  forward . /etc/resolv.conf {\n    force_tcp\n  }\n"


@pytest.mark.parametrize("indent", ["", "    ", "\t", "            "])
def test_given_upstream_servers_are_asked_over_udp_first_however_the_template_is_indented(indent: str) -> None:
    template = (
        f"cluster.local {{\n{indent}forward . __PILLAR__CLUSTER__DNS__ {{\n{indent}{indent}force_tcp\n{indent}}}\n}}\n"
        f". {{\n{indent}forward . __PILLAR__UPSTREAM__SERVERS__ {{\n{indent}{indent}force_tcp\n{indent}max_fails 2\n"
        f"{indent}}}\n}}\n"
    )
    filled = fill(template, values("192.0.2.1", "192.0.2.2:5353"))
    assert filled.count("force_tcp") == 1
    assert f"forward . 10.96.0.99 {{\n{indent}{indent}force_tcp" in filled
    assert f"forward . 192.0.2.1 192.0.2.2:5353 {{\n{indent}max_fails 2" in filled


def test_an_unknown_variable_is_named() -> None:
    with pytest.raises(ResolverError, match=r"unknown variable __PILLAR__DNS__SERVRE__$"):
        fill("bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVRE__", values())


def test_the_address_of_the_service_is_missed_only_where_it_is_used() -> None:
    assert fill("bind __PILLAR__LOCAL__DNS__", values(service="")) == "bind 169.254.20.10"
    with pytest.raises(ResolverError, match="__PILLAR__CLUSTER__DNS__ has no value"):
        fill("forward . __PILLAR__CLUSTER__DNS__", values(service=""))


@pytest.mark.parametrize(
    ("service", "environ", "address"),
    [
        ("kube-dns-upstream", {"KUBE_DNS_UPSTREAM_SERVICE_HOST": "10.96.0.99"}, "10.96.0.99"),
        ("kube-dns", {"KUBE_DNS_SERVICE_HOST": "fd00:96::a"}, "fd00:96::a"),
        ("10.96.0.7", {}, "10.96.0.7"),
        ("kube-dns", {}, ""),
    ],
)
def test_the_service_is_found_in_the_environment(service: str, environ: dict[str, str], address: str) -> None:
    assert cluster_dns(service, environ) == address


def test_a_service_without_an_address_is_refused() -> None:
    with pytest.raises(ResolverError, match=r"KUBE_DNS_SERVICE_HOST is 'None'.*headless"):
        cluster_dns("kube-dns", {"KUBE_DNS_SERVICE_HOST": "None"})


@given(st.text(st.sampled_from("forward .{}\n_PILAR__UTSEMVD/ #"), max_size=200))
def test_any_template_is_filled_or_refused(template: str) -> None:
    try:
        assert "__PILLAR__LOCAL__DNS__" not in fill(template, values("192.0.2.1"))
    except ResolverError:
        pass
