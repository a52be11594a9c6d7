"""JSON schemas of the custom kinds that our manifests use: every field that we may write, and no other.

Strict on purpose: a field that is missing here is either a typing error in a manifest or has to be added with a look at
the definition of its project (Prometheus Operator, Gateway API, Cilium).
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
DURATION: Schema = {
    "type": "string",
    "pattern": r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
MAP: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
# ObjectMeta as far as somebody who applies a manifest writes it.
METADATA: Schema = {
    "type": "object",
    "properties": {"name": TEXT, "namespace": TEXT, "labels": MAP, "annotations": MAP},
    "required": ["name"],
    "additionalProperties": False,
}


def listed(items: Schema, at_least: int = 1, at_most: int = 64) -> Schema:
    """An array of such items."""
    return {"type": "array", "items": items, "minItems": at_least, "maxItems": at_most}


def closed(required: list[str], **properties: Schema) -> Schema:
    """An object with these properties and no other."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def one_of(*words: str) -> Schema:
    """One of these words."""
    return {"enum": list(words)}


def kind(spec: Schema) -> Schema:
    """A document with metadata and this spec."""
    return closed(["apiVersion", "kind", "metadata", "spec"], apiVersion=TEXT, kind=TEXT, metadata=METADATA, spec=spec)


SELECTOR = closed(
    [],
    matchLabels=MAP,
    matchExpressions=listed(
        closed(
            ["key", "operator"],
            key=TEXT,
            operator=one_of("In", "NotIn", "Exists", "DoesNotExist"),
            values=listed(TEXT),
        )
    ),
)
NAMESPACES = closed([], any=FLAG, matchNames=listed(TEXT))
RELABELING = closed(
    [],
    action=one_of("replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep", "hashmod", "lowercase", "uppercase"),
    sourceLabels=listed(TEXT),
    separator={"type": "string"},
    targetLabel=TEXT,
    regex=TEXT,
    replacement={"type": "string"},
    modulus={"type": "integer"},
)
ENDPOINT: dict[str, Schema] = {
    "port": TEXT,
    "path": TEXT,
    "scheme": one_of("http", "https"),
    "interval": DURATION,
    "scrapeTimeout": DURATION,
    "honorLabels": FLAG,
    "relabelings": listed(RELABELING),
    "metricRelabelings": listed(RELABELING),
}
LIMITS: dict[str, Schema] = {"sampleLimit": {"type": "integer"}, "labelLimit": {"type": "integer"}}

SERVICE_MONITOR = kind(
    closed(
        ["selector", "endpoints"],
        jobLabel=TEXT,
        targetLabels=listed(TEXT),
        podTargetLabels=listed(TEXT),
        endpoints=listed(
            closed(
                ["port"],
                **ENDPOINT,
                targetPort={"anyOf": [PORT, TEXT]},
                bearerTokenFile=TEXT,
                tlsConfig={"type": "object"},
            )
        ),
        selector=SELECTOR,
        namespaceSelector=NAMESPACES,
        **LIMITS,
    )
)
POD_MONITOR = kind(
    closed(
        ["selector", "podMetricsEndpoints"],
        jobLabel=TEXT,
        podTargetLabels=listed(TEXT),
        podMetricsEndpoints=listed(closed([], **ENDPOINT, portNumber=PORT, filterRunning=FLAG)),
        selector=SELECTOR,
        namespaceSelector=NAMESPACES,
        **LIMITS,
    )
)
RULE = {
    **closed(
        ["expr"],
        alert=TEXT,
        record={"type": "string", "pattern": "^[a-zA-Z_:][a-zA-Z0-9_:]*$"},
        expr={"anyOf": [TEXT, {"type": "integer"}]},
        labels=MAP,
        annotations=MAP,
        keep_firing_for=DURATION,
        **{"for": DURATION},
    ),
    "oneOf": [{"required": ["alert"]}, {"required": ["record"]}],
}
PROMETHEUS_RULE = kind(
    closed(
        ["groups"],
        groups=listed(
            closed(["name", "rules"], name=TEXT, interval=DURATION, labels=MAP, rules=listed(RULE, at_most=200))
        ),
    )
)

HOST_NAME: Schema = {
    "type": "string",
    "maxLength": 253,
    "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}
PARENT = closed(["name"], group={"type": "string"}, kind=TEXT, name=TEXT, namespace=TEXT, sectionName=TEXT, port=PORT)
BACKEND = closed(
    ["name"],
    group={"type": "string"},
    kind=TEXT,
    name=TEXT,
    namespace=TEXT,
    port=PORT,
    weight={"type": "integer", "minimum": 0},
    filters={"type": "array"},
)
FILTER = {"type": "object", "required": ["type"], "properties": {"type": TEXT}}
GATEWAY = kind(
    closed(
        ["gatewayClassName", "listeners"],
        gatewayClassName=TEXT,
        addresses=listed(closed(["value"], type=TEXT, value=TEXT), at_most=16),
        infrastructure=closed([], labels=MAP, annotations=MAP),
        listeners=listed(
            closed(
                ["name", "port", "protocol"],
                name=TEXT,
                hostname=HOST_NAME,
                port=PORT,
                protocol=TEXT,
                tls={"type": "object"},
                allowedRoutes={"type": "object"},
            )
        ),
    )
)
GATEWAY_CLASS = kind(
    closed(["controllerName"], controllerName=TEXT, description=TEXT, parametersRef={"type": "object"})
)


def route(*rule_parts: str) -> Schema:
    """A route whose rules may have these parts beside ``backendRefs``."""
    parts: dict[str, Schema] = {
        "name": TEXT,
        "matches": listed({"type": "object"}),
        "filters": listed(FILTER),
        "timeouts": closed([], request=TEXT, backendRequest=TEXT),
    }
    rule = closed([], backendRefs=listed(BACKEND, at_most=16), **{part: parts[part] for part in rule_parts})
    return kind(closed([], parentRefs=listed(PARENT), hostnames=listed(HOST_NAME), rules=listed(rule)))


REDIRECT_PORT = closed(
    ["port", "protocol"], name=TEXT, port={"type": "string", "pattern": "^[0-9]{1,5}$"}, protocol=one_of("TCP", "UDP")
)
LOCAL_REDIRECT_POLICY = kind(
    closed(
        ["redirectFrontend", "redirectBackend"],
        description=TEXT,
        skipRedirectFromBackend=FLAG,
        redirectFrontend={
            **closed(
                [],
                addressMatcher=closed(["ip", "toPorts"], ip=TEXT, toPorts=listed(REDIRECT_PORT)),
                serviceMatcher=closed(
                    ["serviceName", "namespace"], serviceName=TEXT, namespace=TEXT, toPorts=listed(REDIRECT_PORT)
                ),
            ),
            "oneOf": [{"required": ["addressMatcher"]}, {"required": ["serviceMatcher"]}],
        },
        redirectBackend=closed(
            ["localEndpointSelector", "toPorts"], localEndpointSelector=SELECTOR, toPorts=listed(REDIRECT_PORT)
        ),
    )
)
DNS_ENDPOINT = kind(
    closed(
        [],
        endpoints=listed(
            closed(
                ["dnsName", "recordType", "targets"],
                dnsName=TEXT,
                recordType=TEXT,
                recordTTL={"type": "integer", "minimum": 0},
                targets=listed(TEXT),
                setIdentifier=TEXT,
                labels=MAP,
                providerSpecific=listed(closed(["name"], name=TEXT, value={"type": "string"})),
            )
        ),
    )
)

CUSTOM: dict[tuple[str, str], Schema] = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): SERVICE_MONITOR,
    ("monitoring.coreos.com/v1", "PodMonitor"): POD_MONITOR,
    ("monitoring.coreos.com/v1", "PrometheusRule"): PROMETHEUS_RULE,
    ("gateway.networking.k8s.io/v1", "Gateway"): GATEWAY,
    ("gateway.networking.k8s.io/v1", "GatewayClass"): GATEWAY_CLASS,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): route("name", "matches", "filters", "timeouts"),
    ("gateway.networking.k8s.io/v1", "GRPCRoute"): route("name", "matches", "filters"),
    ("gateway.networking.k8s.io/v1", "TLSRoute"): route("name"),
    ("gateway.networking.k8s.io/v1alpha2", "TLSRoute"): route("name"),
    ("gateway.networking.k8s.io/v1alpha2", "TCPRoute"): route("name"),
    ("cilium.io/v2", "CiliumLocalRedirectPolicy"): LOCAL_REDIRECT_POLICY,
    ("externaldns.k8s.io/v1alpha1", "DNSEndpoint"): DNS_ENDPOINT,
}
