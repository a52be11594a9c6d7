"""Which host names a route of the Gateway API has through which Gateways, and from there its addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from resolver.kube.selectors import Selector
from resolver.plugins.gateway.claims import Items, Origin
from resolver.plugins.gateway.hosts import WILDCARD, Refused
from resolver.plugins.gateway.values import Annotations
from resolver.wire.names import is_below

GROUP: Final = "gateway.networking.k8s.io"
# Which protocols of listeners a kind of route attaches to; others, with a domain in front, are anybody's.
PROTOCOLS: Final = {
    "httproute": frozenset({"HTTP", "HTTPS"}),
    "grpcroute": frozenset({"HTTP", "HTTPS"}),
    "tlsroute": frozenset({"TLS"}),
}
KINDS: Final = {"HTTPRoute": "httproute", "GRPCRoute": "grpcroute", "TLSRoute": "tlsroute"}


class Listener(NamedTuple):
    """One listener: ``host`` is a wire name or None for all hosts; ``kinds`` None stands for those of its protocol.

    ``namespaces`` are those whose routes may attach: ``Same``, ``All``, ``None`` or those that a selector matches.
    """

    name: str
    host: bytes | None
    port: int
    protocol: str
    namespaces: str | Selector
    kinds: frozenset[str] | None

    def takes(self, kind: str, route_namespace: str, own: str, labels: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether a route of that kind and namespace may attach to the listener of a Gateway in namespace ``own``."""
        if self.kinds is not None and kind not in self.kinds:
            return False
        if self.kinds is None and "/" not in self.protocol and self.protocol not in PROTOCOLS[kind]:
            return False
        if isinstance(self.namespaces, Selector):
            found = labels.get(route_namespace)
            return found is not None and self.namespaces.matches(found)
        return self.namespaces == "All" or (self.namespaces == "Same" and route_namespace == own)


class Gateway(NamedTuple):
    """A Gateway: where it listens, and the addresses that its status or its annotation has."""

    namespace: str
    name: str
    class_name: str
    listeners: tuple[Listener, ...]
    items: Items
    annotations: Annotations = ()
    skipped: tuple[Refused, ...] = ()

    @property
    def selects(self) -> bool:
        """Whether labels of namespaces matter for it."""
        return any(isinstance(listener.namespaces, Selector) for listener in self.listeners)


class Parent(NamedTuple):
    """A Gateway that has accepted a route (``namespace/name``), perhaps for one of its listeners or ports only."""

    gateway: str
    section: str
    port: int


class Route(NamedTuple):
    """A route: its hosts as wire names and its parents that accepted it.

    Without ``names_hosts`` it has all hosts of its listeners.
    """

    origin: Origin
    hosts: tuple[bytes, ...]
    parents: tuple[Parent, ...]
    names_hosts: bool
    annotations: Annotations = ()
    skipped: tuple[Refused, ...] = ()


def hosts_at(
    route: Route, parent: Parent, gateway: Gateway, labels: Mapping[str, Mapping[str, str]]
) -> Iterator[bytes]:
    """The hosts that a route has at one of its parents, some perhaps twice. ``labels`` are those of namespaces."""
    origin = route.origin
    for listener in gateway.listeners:
        if parent.section not in ("", listener.name) or parent.port not in (0, listener.port):
            continue
        if not listener.takes(origin.kind, origin.namespace, gateway.namespace, labels):
            continue
        if listener.host is None:
            yield from route.hosts
        elif not route.names_hosts:
            yield listener.host
        else:
            yield from (both for host in route.hosts if (both := intersection(host, listener.host)) is not None)


def intersection(one: bytes, other: bytes) -> bytes | None:
    """The hosts that are in both, as one host; None where there are none. A wildcard has all names below its parent."""
    if one == other:
        return one
    if other.startswith(WILDCARD) and is_below(one, other[2:]) and one != other[2:]:
        return one
    if one.startswith(WILDCARD) and is_below(other, one[2:]) and other != one[2:]:
        return other
    return None
