"""``resolver netpol`` for the server itself, as an operator types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resolver.cli.main import main
from tests.netpol.written import POLICY, documents, networks, ports
from tests.support.certificates import make_pair


@pytest.fixture
def corefile(tmp_path: Path) -> Path:
    path = tmp_path / "Corefile"
    path.write_text(POLICY)
    return path


def server_policy(corefile: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """The spec of the server's own policy."""
    corefile.write_text(text)
    assert main(["netpol", "-conf", str(corefile)]) == 0
    (found,), said = documents(capsys)
    assert found["kind"] == "NetworkPolicy"
    return found["spec"], said


def test_the_server_is_reached_at_its_listeners_metrics_and_probes(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = POLICY.replace(".:53 {", "tls://.:853 {\n tls\n}\n.:5300 {\n bind 127.0.0.1\n whoami\n}\n.:53 {")
    corefile.write_text(text.replace("tls://.:853 {\n tls\n}\n", ""))
    spec, _ = server_policy(corefile, corefile.read_text(), capsys)
    questions, metrics, probes = spec["ingress"]
    assert ports(questions) == [(53, "TCP"), (53, "UDP")]
    assert ports(metrics) == [(9153, "TCP")]
    assert ports(probes) == [(8181, "TCP")]


def test_the_server_reaches_its_upstreams_and_nothing_else(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """. {
    forward . tls://9.9.9.9 192.0.2.53:5353 {
        tls_servername dns.quad9.net
        mixed
    }
}
"""
    spec, said = server_policy(corefile, text, capsys)
    assert [(rule["to"][0]["ipBlock"]["cidr"], ports(rule)) for rule in spec["egress"]] == [
        ("9.9.9.9/32", [(853, "TCP")]),
        ("192.0.2.53/32", [(5353, "UDP"), (5353, "TCP")]),
    ]
    assert said == ""


def opened(rules: list[dict[str, Any]], side: str) -> dict[str, list[tuple[int, str]]]:
    """The ports by network, or by namespace where a rule has one."""
    found: dict[str, list[tuple[int, str]]] = {}
    for rule in rules:
        for peer in rule.get(side, ()):
            labels = peer.get("namespaceSelector", {}).get("matchLabels", {})
            place = peer["ipBlock"]["cidr"] if "ipBlock" in peer else "".join(labels.values()) or "all"
            found.setdefault(place, []).extend(ports(rule))
    return found


def test_transfers_and_collectors_are_reached_too(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """example.org {
    secondary {
        transfer from 192.0.2.10
    }
    transfer {
        to 192.0.2.11
    }
    dnstap tcp://192.0.2.12:6000
    trace zipkin 192.0.2.13:9411
    audit {
        otlp http://192.0.2.14:4318
        dnstap tls://192.0.2.15:6001
    }
    policy {
        rpz feed.example transfer from 192.0.2.16:5300
    }
}
"""
    spec, said = server_policy(corefile, text, capsys)
    assert opened(spec["egress"], "to") == {
        "192.0.2.10/32": [(53, "TCP")],
        "192.0.2.11/32": [(53, "UDP")],
        "192.0.2.12/32": [(6000, "TCP")],
        "192.0.2.13/32": [(9411, "TCP")],
        "192.0.2.14/32": [(4318, "TCP")],
        "192.0.2.15/32": [(6001, "TCP")],
        "192.0.2.16/32": [(5300, "TCP")],
    }
    assert said == ""


def test_who_fetches_zones_tells_of_changes_or_collects_may_come_in(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """example.org:5300 {
    secondary {
        transfer from 192.0.2.10
    }
    transfer {
        to 192.0.2.11
    }
}
.:53 {
    proxyproto {
        allow 198.51.100.0/24
    }
    dnstap listen tcp://0.0.0.0:6000
    dnstap listen tcp://127.0.0.1:6001
    pprof :6053
    forward . 9.9.9.9
}
"""
    spec, _ = server_policy(corefile, text, capsys)
    assert opened(spec["ingress"], "from") == {
        "all": [(53, "TCP"), (53, "UDP"), (5300, "TCP"), (5300, "UDP")],
        "192.0.2.10/32": [(5300, "TCP"), (5300, "UDP")],
        "192.0.2.11/32": [(5300, "TCP"), (5300, "UDP")],
        "198.51.100.0/24": [(53, "TCP"), (53, "UDP")],
        "monitoring": [(6000, "TCP"), (6053, "TCP")],
    }


def test_listeners_are_open_for_the_protocols_that_they_speak(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = make_pair()
    (corefile.parent / "cert.pem").write_bytes(certificate)
    (corefile.parent / "key.pem").write_bytes(key)
    schemes = ("tls://.", "https://.", "https3://.", "quic://.:8853", "grpc://.:50051", ".:1053")
    blocks = "".join(f"{scheme} {{\n    tls cert.pem key.pem\n    whoami\n}}\n" for scheme in schemes)
    spec, _ = server_policy(corefile, blocks, capsys)
    assert opened(spec["ingress"], "from") == {
        "all": [
            (443, "TCP"),
            (443, "UDP"),
            (853, "TCP"),
            (1053, "TCP"),
            (1053, "UDP"),
            (8853, "UDP"),
            (50051, "TCP"),
        ]
    }


def test_services_of_the_cluster_are_reached_by_their_namespace(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """. {
    audit {
        otlp http://collector.monitoring.svc:4318
    }
    trace otlp jaeger.tracing:4318
}
"""
    spec, said = server_policy(corefile, text, capsys)
    assert opened(spec["egress"], "to")["monitoring"] == [(4318, "TCP")]
    assert opened(spec["egress"], "to")["kube-system"] == [(53, "UDP"), (53, "TCP")]
    assert "jaeger.tracing has no addresses here" in said
    assert "NAME.NAMESPACE.svc" in said


def test_probes_and_scrapes_at_one_port_are_both_let_in(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, _ = server_policy(corefile, ".:53 {\n prometheus :8080\n health :8080\n whoami\n}\n", capsys)
    _, scrapes, probes = spec["ingress"]
    assert ports(scrapes) == ports(probes) == [(8080, "TCP")]
    assert "from" not in probes


def test_the_api_server_is_reached_where_the_cluster_is_asked(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, _ = server_policy(corefile, POLICY, capsys)
    assert any(ports(rule) == [(443, "TCP"), (6443, "TCP")] for rule in spec["egress"])
    spec, _ = server_policy(corefile, ". {\n    forward . 9.9.9.9\n}\n", capsys)
    assert networks(spec) == ["9.9.9.9/32"]
    assert len(spec["egress"]) == 1


def test_upstreams_by_name_need_addresses_and_the_dns_of_the_cluster(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, said = server_policy(corefile, ". {\n    forward . tls://dns.example.com\n}\n", capsys)
    assert "dns.example.com has no addresses here" in said
    assert spec["egress"][0]["to"][0]["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
    assert "9.9.9.9/32" not in networks(spec)


def test_the_resolver_file_of_this_machine_is_not_that_of_the_pod(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, said = server_policy(corefile, ". {\n    forward . /etc/resolv.conf\n}\n", capsys)
    assert spec["egress"] == []
    assert "/etc/resolv.conf is another file in the Pod" in said


def test_the_api_server_is_reached_where_it_is_where_that_is_said(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["netpol", "-conf", str(corefile), "--api-server", "192.0.2.1", "--api-server", "[2001:db8::1]:6443"]
    assert main([*command, "--api-server", "192.0.2.2"]) == 0
    ((found,), _) = documents(capsys)
    assert opened(found["spec"]["egress"], "to") == {
        "9.9.9.9/32": [(53, "UDP"), (53, "TCP")],
        "192.0.2.1/32": [(443, "TCP"), (6443, "TCP")],
        "192.0.2.2/32": [(443, "TCP"), (6443, "TCP")],
        "2001:db8::1/128": [(6443, "TCP")],
    }
    assert all("to" in rule for rule in found["spec"]["egress"])


def test_without_a_directive_that_asks_it_the_api_server_stays_closed(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile.write_text(". {\n    forward . 9.9.9.9\n}\n")
    assert main(["netpol", "-conf", str(corefile), "--api-server", "192.0.2.1"]) == 0
    ((found,), _) = documents(capsys)
    assert networks(found["spec"]) == ["9.9.9.9/32"]
