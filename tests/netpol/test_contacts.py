"""Each directive that connects out, or is connected to, says so: network policies are made of nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import resolver.plugins
from resolver.chain.capabilities import Called, Connecting, offering
from resolver.chain.contacts import API, BOTH, TCP, UDP, Caller, Contact
from resolver.config.load import load_text
from resolver.netpol.outgoing import CLUSTER_DNS, Outgoing, outgoing
from resolver.runtime.plan import Plan, assemble
from resolver.runtime.throwaway import throwaway_host

FOLDERS = Path(resolver.plugins.__path__[0])
# Ways out of a process, and the modules of this project that go them.
OUT = re.compile(
    r"\b(open_connection|create_connection|create_datagram_endpoint|sock_connect)\(|http\.client|httpx|urllib\.request"
    r"|resolver\.(kube\.(pool|access|client)|zone\.primary|upstream\.(pool|lookup|upstream)) import"
)
IN = re.compile(r"\b(start_server|create_server)\(")
# health asks itself over loopback.
WITHIN = {"health"}

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://192.0.2.40:6443"}}]
users: [{name: me, user: {token: t}}]
"""


def plan_of(text: str) -> Plan:
    return assemble(load_text(text, environ={}), throwaway_host(), 53)


def contacts(text: str) -> list[Contact]:
    return [one for part in offering(plan_of(text).parts, Connecting) for one in part.contacts()]


def callers(text: str) -> list[Caller]:
    return [one for part in offering(plan_of(text).parts, Called) for one in part.callers()]


def places(text: str) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(one.host, one.port, one.protocols) for one in contacts(text)]


def matching(pattern: re.Pattern[str]) -> Iterator[str]:
    """Plugins whose modules have such a text."""
    for folder in sorted(FOLDERS.iterdir()):
        if any(pattern.search(path.read_text()) for path in folder.glob("*.py")):
            yield folder.name


def saying(method: str) -> set[str]:
    """Plugins with such a method."""
    return set(matching(re.compile(rf"    def {method}\(self\)")))


def test_every_directive_that_opens_connections_says_whom_it_speaks_with() -> None:
    found = set(matching(OUT))
    assert {"forward", "kubernetes", "trace", "audit", "dnstap"} <= found
    assert found - WITHIN - saying("contacts") == set()


def test_every_directive_that_opens_a_socket_says_who_comes() -> None:
    found = set(matching(IN))
    assert found == {"dnstap"}
    assert found - saying("callers") == set()


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("forward . 192.0.2.1", [("192.0.2.1", 53, BOTH)]),
        ("forward . 192.0.2.1 {\n force_tcp\n}", [("192.0.2.1", 53, TCP)]),
        ("forward . tls://192.0.2.1", [("192.0.2.1", 853, TCP)]),
        ("forward . https://192.0.2.1/dns-query", [("192.0.2.1", 443, TCP)]),
        ("forward . https3://192.0.2.1:8443", [("192.0.2.1", 8443, UDP)]),
        ("forward . quic://[2001:db8::1]", [("2001:db8::1", 853, UDP)]),
        (
            "forward . tls://dns.example {\n resolver 192.0.2.2:5353\n}",
            [("dns.example", 853, TCP), ("192.0.2.2", 5353, BOTH)],
        ),
        ("secondary example.org {\n transfer from 192.0.2.3\n}", [("192.0.2.3", 53, TCP)]),
        ("transfer example.org {\n to 192.0.2.4:5300\n}", [("192.0.2.4", 5300, UDP)]),
        ("dnstap tcp://192.0.2.5:6000", [("192.0.2.5", 6000, TCP)]),
        ("dnstap tls://192.0.2.5:6000", [("192.0.2.5", 6000, TCP)]),
        ("dnstap /run/dnstap.sock", []),
        ("dnstap listen tcp://0.0.0.0:6000", []),
        ("trace 192.0.2.6:9411", [("192.0.2.6", 9411, TCP)]),
        ("trace otlp https://192.0.2.6", [("192.0.2.6", 443, TCP)]),
        ("etcd example.org {\n endpoint http://192.0.2.7:2379 https://192.0.2.8:2379\n}",
            [("192.0.2.7", 2379, TCP), ("192.0.2.8", 2379, TCP)]),
        ("audit {\n otlp http://192.0.2.9:4318\n}", [("192.0.2.9", 4318, TCP)]),
        ("audit {\n otlp https://192.0.2.9\n}", [("192.0.2.9", 443, TCP)]),
        ("audit {\n dnstap tls://192.0.2.10:6000\n}", [("192.0.2.10", 6000, TCP)]),
        ("audit {\n dnstap unix:///run/dnstap.sock\n file audit.json\n stdout\n}", []),
        ("kubernetes cluster.local", [(API, 443, TCP)]),
        ("kubernetes cluster.local {\n endpoint https://192.0.2.11:6443\n}", [("192.0.2.11", 6443, TCP)]),
        ("gateway example.org", [(API, 443, TCP)]),
        ("identity", [(API, 443, TCP)]),
        ("identity {\n endpoint http://192.0.2.12:8080\n}", [("192.0.2.12", 8080, TCP)]),
        (
            "identity\npolicy {\n configmaps\n delegate shop .shop.example\n}",
            [(API, 443, TCP), (API, 443, TCP)],
        ),
        ("policy {\n rpz feed.example transfer from 192.0.2.13:5300\n}", [("192.0.2.13", 5300, TCP)]),
        ("hosts {\n 192.0.2.1 a.example\n}", []),
    ],
)  # fmt: skip
def test_a_directive_says_whom_it_connects_to(directive: str, expected: list[tuple[str, int, tuple[str, ...]]]) -> None:
    assert places(f". {{\n{directive}\n}}\n") == expected


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("secondary example.org {\n transfer from 192.0.2.3:5300\n}", [("192.0.2.3", 0)]),
        ("transfer example.org {\n to 192.0.2.4 *\n}", [("192.0.2.4", 0)]),
        ("dnstap listen tcp://0.0.0.0:6000", [("", 6000)]),
        ("dnstap tcp://192.0.2.5:6000", []),
        ("dnstap listen /run/dnstap.sock", []),
        ("proxyproto {\n allow 192.0.2.0/24\n}", [("192.0.2.0/24", 0)]),
    ],
)
def test_a_directive_says_who_connects_to_the_server_for_it(directive: str, expected: list[tuple[str, int]]) -> None:
    assert [(one.network, one.port) for one in callers(f". {{\n{directive}\n}}\n")] == expected


def test_the_server_of_a_kubeconfig_is_named_and_one_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    assert places(f". {{\nkubernetes cluster.local {{\nkubeconfig {tmp_path}/config\n}}\n}}\n") == [
        ("192.0.2.40", 6443, TCP)
    ]
    (missing,) = contacts(f". {{\nkubernetes cluster.local {{\nkubeconfig {tmp_path}/none\n}}\n}}\n")
    assert missing.host == ""
    assert "cannot be read here" in missing.why


def found(directive: str) -> list[Outgoing]:
    return outgoing(plan_of(f". {{\n{directive}\n}}\n"), "cluster.local", "resolver")[0]


@pytest.mark.parametrize(
    ("host", "namespace"),
    [
        ("collector.monitoring.svc", "monitoring"),
        ("Collector.Monitoring.svc.cluster.local.", "monitoring"),
        ("collector", "resolver"),
        ("collector.example", ""),
        ("collector.monitoring.svc.example", ""),
    ],
)
def test_names_of_services_are_known_by_their_form(host: str, namespace: str) -> None:
    target, dns = found(f"audit {{\n otlp http://{host}:4318\n}}")
    assert target.namespace == namespace
    assert target.is_name == (not namespace)
    assert dns.host == CLUSTER_DNS


@pytest.mark.parametrize(
    "host", ["kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
)
def test_the_service_of_the_api_server_has_no_pods(host: str) -> None:
    target, _ = found(f"identity {{\n endpoint https://{host}\n}}")
    assert (target.host, target.namespace) == (API, "")


def test_what_is_in_the_pod_itself_needs_nothing() -> None:
    assert found("trace\netcd example.org\naudit {\n otlp http://[::1]:4318\n dnstap tcp://localhost:6000\n}") == []


def test_names_that_a_line_looks_up_elsewhere_do_not_need_the_dns_of_the_cluster() -> None:
    hosts = [one.host for one in found("forward . tls://dns.example {\n resolver 192.0.2.2\n}")]
    assert hosts == ["dns.example", "192.0.2.2"]
