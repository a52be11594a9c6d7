"""What is kept of the objects that a cluster may have names in, the same for all directives that watch them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final, NamedTuple

from resolver.errors import KubeError
from resolver.kube.objects import Service
from resolver.kube.reading import parse_service
from resolver.kube.selectors import Selector, parse_selector
from resolver.plugins.gateway.claims import Items, Origin
from resolver.plugins.gateway.hosts import Refused, read_host
from resolver.plugins.gateway.routes import GROUP, KINDS, Gateway, Listener, Parent, Route
from resolver.plugins.gateway.values import (
    Annotations,
    Json,
    inside,
    kept_annotations,
    number,
    objects,
    origin,
    read_hosts,
    read_targets,
    text,
    texts,
)

INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
MAX_LISTENERS: Final = 64  # as the Gateway API has it
EXCLUDED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"


class Ingress(NamedTuple):
    """An Ingress: the hosts of its rules, and the addresses that its controller has put into its status."""

    origin: Origin
    class_name: str
    hosts: tuple[bytes, ...]
    items: Items
    annotations: Annotations
    skipped: tuple[Refused, ...]


class Node(NamedTuple):
    """A node that is ready: its addresses by type (``ExternalIP``, ``InternalIP``)."""

    addresses: tuple[tuple[str, Items], ...]


def parse_ingress(item: Json, more: tuple[str, ...] = ()) -> Ingress:
    """An Ingress. Hosts of its TLS section do not count: a wildcard certificate is no wish for wildcard names."""
    skipped: list[Refused] = []
    spec = inside(item, "spec")
    class_name = text(spec, "ingressClassName") or text(inside(item, "metadata", "annotations"), INGRESS_CLASS)
    hosts = read_hosts([host for rule in objects(spec.get("rules")) if (host := text(rule, "host"))], skipped)
    items = read_targets(_balancer(item), skipped)
    return Ingress(origin("ingress", item), class_name, hosts, items, kept_annotations(item, more), tuple(skipped))


def parse_node(item: Json) -> Node | None:
    """A node; None for one that is not ready or kept out of load balancers."""
    if EXCLUDED in inside(item, "metadata", "labels"):
        return None
    status = inside(item, "status")
    conditions = {text(one, "type"): text(one, "status") for one in objects(status.get("conditions"))}
    if conditions.get("Ready") != "True":
        return None
    found: dict[str, Items] = {}
    for one in objects(status.get("addresses")):
        kind = text(one, "type")
        if kind in ("ExternalIP", "InternalIP"):
            found[kind] = found.get(kind, ()) + read_targets([text(one, "address")], [])
    return Node(tuple(found.items()))


def parse_namespace_labels(item: Json) -> dict[str, str]:
    """The labels of a namespace."""
    return {key: value for key, value in inside(item, "metadata", "labels").items() if isinstance(value, str)}


def parse_gateway(item: Json, more: tuple[str, ...] = ()) -> Gateway:
    """A Gateway with the addresses that it has been given."""
    skipped: list[Refused] = []
    metadata, spec = inside(item, "metadata"), inside(item, "spec")
    listeners = [_listener(one, skipped) for one in list(objects(spec.get("listeners")))[:MAX_LISTENERS]]
    values = [
        text(one, "value")
        for one in objects(inside(item, "status").get("addresses"))
        if one.get("type", "IPAddress") in ("IPAddress", "Hostname")
    ]
    return Gateway(
        text(metadata, "namespace"),
        text(metadata, "name"),
        text(spec, "gatewayClassName"),
        tuple([one for one in listeners if one is not None]),
        read_targets(values, skipped),
        kept_annotations(item, more),
        tuple(skipped),
    )


def parse_route(kind: str, item: Json, more: tuple[str, ...] = ()) -> Route:
    """A route with those of its parents that have accepted it."""
    skipped: list[Refused] = []
    spec = inside(item, "spec")
    hosts = read_hosts(texts(spec.get("hostnames")), skipped)
    found = origin(kind, item)
    wanted = {_parent(one, found.namespace) for one in objects(spec.get("parentRefs"))}
    parents = [
        _parent(inside(one, "parentRef"), found.namespace)
        for one in objects(inside(item, "status").get("parents"))
        if _is_accepted(one)
    ]
    accepted = dict.fromkeys(parent for parent in parents if parent is not None and parent in wanted)
    return Route(
        found, hosts, tuple(accepted), bool(list(texts(spec.get("hostnames")))),
        kept_annotations(item, more), tuple(skipped),
    )  # fmt: skip


@cache
def parsers(more: tuple[str, ...] = ()) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
    """The readers by kind, which keep these annotations more; always the same functions, so that watches are shared."""
    routes = {kind: partial(parse_route, kind, more=more) for kind in KINDS.values()}
    return {
        "ingress": partial(parse_ingress, more=more),
        "gateway": partial(parse_gateway, more=more),
        "service": partial(_parse_service, more) if more else parse_service,
        "node": parse_node,
        "namespace": parse_namespace_labels,
        **routes,
    }


# --- pieces


def _parse_service(more: tuple[str, ...], item: dict[str, Any]) -> Service:
    return replace(parse_service(item), annotations=kept_annotations(item, more))


def _balancer(item: Json) -> list[str]:
    entries = objects(inside(item, "status", "loadBalancer").get("ingress"))
    return [value for one in entries if (value := text(one, "ip") or text(one, "hostname"))]


def _listener(item: Json, skipped: list[Refused]) -> Listener | None:
    hostname = text(item, "hostname")
    try:
        host = read_host(hostname) if hostname else None
        allowed = inside(item, "allowedRoutes")
        namespaces = _namespaces(inside(allowed, "namespaces"))
    except Refused as refused:
        skipped.append(refused)
        return None
    kinds = None
    if allowed.get("kinds"):
        names = [text(one, "kind") for one in objects(allowed["kinds"]) if one.get("group", GROUP) == GROUP]
        kinds = frozenset(KINDS[name] for name in names if name in KINDS)
    return Listener(text(item, "name"), host, number(item, "port"), text(item, "protocol"), namespaces, kinds)


def _namespaces(item: Json) -> str | Selector:
    """Which namespaces a listener takes routes from: those of its Gateway, unless it says otherwise."""
    wanted = item.get("from", "Same")
    if wanted != "Selector":
        return wanted if wanted in ("Same", "All") else "None"
    selector = inside(item, "selector")
    parts = [f"{key}={value}" for key, value in inside(selector, "matchLabels").items()]
    parts += [_expression(one) for one in objects(selector.get("matchExpressions"))]
    try:
        return parse_selector(",".join(parts))
    except KubeError as error:
        raise Refused("selector", str(error)) from None


def _expression(item: Json) -> str:
    key, values = text(item, "key"), ",".join(texts(item.get("values")))
    match item.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return key
        case "DoesNotExist":
            return f"!{key}"
    raise Refused("selector", "an operator of a selector that is not known")


def _parent(item: Json, namespace: str) -> Parent | None:
    """The Gateway that a reference names, None for anything else."""
    if item.get("group", GROUP) != GROUP or item.get("kind", "Gateway") != "Gateway" or not text(item, "name"):
        return None
    gateway = f"{text(item, 'namespace') or namespace}/{text(item, 'name')}"
    return Parent(gateway, text(item, "sectionName"), number(item, "port"))


def _is_accepted(item: Json) -> bool:
    conditions = objects(item.get("conditions"))
    return any(text(one, "type") == "Accepted" and text(one, "status") == "True" for one in conditions)
