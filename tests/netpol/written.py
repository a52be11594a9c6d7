"""What ``resolver netpol`` has written and said."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.netpol.schemas import mistakes

POLICY = """.:53 {
    prometheus :9153
    health localhost:8080
    ready :8181
    identity
    policy {
        default deny nxdomain
        group web namespace shop label app=web
        allow .cluster.local
        allow api.example.com .storage.example.net namespace payments shop as partners
        allow *.cdn.example.com clients web
        allow db.*.example.org namespace payments
        allow only-txt.example.com type TXT namespace payments
        allow office.example.com net 10.0.0.0/8
        allow account.example.com service_account shop/checkout
        deny bad.storage.example.net
        audit maybe.example.com namespace shop
    }
    forward . 9.9.9.9
}
"""
"""A Corefile with a rule of every kind."""


def documents(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    """What was written, valid by its schemas, and what was said."""
    said = capsys.readouterr()
    found = list(yaml.safe_load_all(said.out))
    assert mistakes(found) == []
    for line in said.err.splitlines():
        warning = line.removeprefix("resolver netpol: warning: ")
        assert warning.split()[0] in said.out  # also as a comment
    return found, said.err


def ports(rule: dict[str, Any]) -> list[tuple[int, str]]:
    """The ports of a rule with their protocols."""
    return [(port["port"], port["protocol"]) for port in rule["ports"]]


def networks(spec: dict[str, Any]) -> list[str]:
    """The networks that may be reached."""
    peers = [peer for rule in spec["egress"] for peer in rule.get("to", ())]
    return [peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer]
