"""What the kinds with names in them may hold: every field that we write and no other, as their projects define them.

From the CustomResourceDefinitions of CiliumNetworkPolicy, FQDNNetworkPolicy, ServiceEntry and Sidecar, and for
EgressFirewall from the types of OVN-Kubernetes and the names that its DNSNameResolver takes. Names are held to more
than those ask for: host names, and wildcards where their meaning is documented.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from tests.deploy.crds import MAP, PORT, TEXT, Schema, closed, kind, listed, one_of
from tests.deploy.schemas import validate

Document = dict[str, Any]

_HOST = r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_TRANSPORT = one_of("TCP", "UDP", "SCTP")
_LABELS = closed([], matchLabels=MAP)

_NAME_RULE: Schema = {
    "oneOf": [
        closed(["matchName"], matchName={"type": "string", "maxLength": 255, "pattern": r"^([-a-zA-Z0-9_]+[.]?)+$"}),
        closed(
            ["matchPattern"], matchPattern={"type": "string", "maxLength": 255, "pattern": r"^([-a-zA-Z0-9_*]+[.]?)+$"}
        ),
    ]
}
_CILIUM_PORTS = listed(
    closed(
        ["ports"],
        ports=listed(
            closed(
                ["port"],
                port={"type": "string", "pattern": r"^[0-9]{1,5}$"},
                protocol=one_of("TCP", "UDP", "SCTP", "ANY"),
            ),
            at_most=40,
        ),
        rules=closed(["dns"], dns=listed(_NAME_RULE)),
    )
)
# Names stand in a rule of their own, beside nothing but ports.
_CILIUM_EGRESS: Schema = {
    "oneOf": [
        closed(["toEndpoints"], toEndpoints=listed(_LABELS), toPorts=_CILIUM_PORTS),
        closed(["toFQDNs"], toFQDNs=listed(_NAME_RULE, at_most=10_000), toPorts=_CILIUM_PORTS),
    ]
}

_GKE_MATCH: Schema = {
    "oneOf": [
        closed(["name"], name={"type": "string", "pattern": f"^{_HOST}$"}),
        closed(["pattern"], pattern={"type": "string", "pattern": rf"^\*\.{_HOST}$"}),
    ]
}
_GKE_EGRESS = closed(
    ["matches"],
    matches=listed(_GKE_MATCH, at_most=10_000),
    ports=listed(closed([], protocol=one_of("TCP", "UDP", "ALL"), port=PORT)),
)

_OVN_TO: Schema = {
    "oneOf": [
        closed(["dnsName"], dnsName={"type": "string", "maxLength": 254, "pattern": rf"^(\*\.)?{_HOST}$"}),
        closed(["cidrSelector"], cidrSelector=TEXT),
    ]
}
_OVN_RULE = closed(
    ["type", "to"],
    type=one_of("Allow", "Deny"),
    to=_OVN_TO,
    ports=listed(closed(["protocol", "port"], protocol=_TRANSPORT, port=PORT)),
)

_ISTIO_HOST: Schema = {"type": "string", "pattern": rf"^(\*\.)?{_HOST}$"}
_SERVICE_ENTRY = closed(
    ["hosts", "ports"],
    hosts=listed(_ISTIO_HOST, at_most=256),
    exportTo=listed(TEXT),
    location=one_of("MESH_EXTERNAL", "MESH_INTERNAL"),
    resolution=one_of("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
    ports=listed(
        closed(
            ["number", "name"],
            number=PORT,
            name=TEXT,
            protocol=one_of("HTTP", "HTTPS", "GRPC", "HTTP2", "MONGO", "TCP", "TLS"),
        )
    ),
)
_SIDECAR = closed(
    [],
    outboundTrafficPolicy=closed(["mode"], mode=one_of("REGISTRY_ONLY", "ALLOW_ANY")),
    egress=listed(closed(["hosts"], hosts=listed(TEXT))),
)

SCHEMAS: dict[tuple[str, str], Schema] = {
    ("cilium.io/v2", "CiliumNetworkPolicy"): kind(
        closed(["endpointSelector"], endpointSelector=_LABELS, egress=listed(_CILIUM_EGRESS))
    ),
    ("networking.gke.io/v1alpha1", "FQDNNetworkPolicy"): kind(
        closed(["podSelector", "egress"], podSelector=_LABELS, egress=listed(_GKE_EGRESS))
    ),
    ("k8s.ovn.org/v1", "EgressFirewall"): kind(closed(["egress"], egress=listed(_OVN_RULE, at_most=8000))),
    ("networking.istio.io/v1", "ServiceEntry"): kind(_SERVICE_ENTRY),
    ("networking.istio.io/v1", "Sidecar"): kind(_SIDECAR),
}


def mistakes(documents: list[Document]) -> list[str]:
    """Every reason why a document would be refused."""
    found = []
    for document in documents:
        schema = SCHEMAS.get((document["apiVersion"], document["kind"]))
        if schema is None:
            found += validate([document])
            continue
        found += [
            f"{document['kind']}: {error.json_path}: {error.message}"
            for error in Draft202012Validator(schema).iter_errors(document)
        ]
        if document["kind"] == "EgressFirewall" and document["metadata"]["name"] != "default":
            found.append("EgressFirewall: an EgressFirewall is called default")
        hosts = document["spec"].get("hosts", ())
        if document["spec"].get("resolution") == "DNS" and any("*" in host for host in hosts):
            found.append("ServiceEntry: a wildcard cannot be looked up")
    return found
