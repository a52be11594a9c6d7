"""What each object offers: the names that it wants, with records, as the configuration reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from resolver.kube.objects import LOAD_BALANCER, NODE_PORT, Service
from resolver.plugins.gateway.claims import Items, Origin
from resolver.plugins.gateway.hosts import WILDCARD, Refused
from resolver.plugins.gateway.objects import Ingress, Node
from resolver.plugins.gateway.routes import Gateway, Route, hosts_at
from resolver.plugins.gateway.table import Item
from resolver.plugins.gateway.values import (
    DEFAULT_TTL,
    Annotations,
    alias_item,
    packed_item,
    read_hosts,
    read_targets,
    seconds,
    with_ttl,
    words,
)
from resolver.wire.constants import MAX_NAME, SRV

PREFIXES: Final = ("external-dns.alpha.kubernetes.io", "resolver.k8s")
HOSTNAMES: Final = ("external-dns.alpha.kubernetes.io/hostname", "resolver.k8s/hostname", "coredns.io/hostname")
_TARGETS: Final = tuple(f"{prefix}/target" for prefix in PREFIXES)
_TTLS: Final = tuple(f"{prefix}/ttl" for prefix in PREFIXES)
_WEIGHT: Final = 50

Labels = Mapping[str, Mapping[str, str]]


class Offer(NamedTuple):
    """The names that an object wants and their records; what of it had to be left out."""

    origin: Origin
    wanted: Mapping[bytes, Items]
    skipped: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How objects are read.

    ``annotations`` hold host names. Empty classes are all classes. ``addresses`` stand in for those of the status of
    Ingresses and Gateways: always with ``override``, else where it has none. ``service_zones`` are those in which
    Services of type LoadBalancer have names of their own. ``node_types`` are types of node addresses, the first that a
    node has counts.
    """

    annotations: tuple[str, ...] = HOSTNAMES
    ingress_classes: frozenset[str] = frozenset()
    gateway_classes: frozenset[str] = frozenset()
    addresses: Items = ()
    override: bool = False
    service_zones: tuple[bytes, ...] = ()
    node_types: tuple[str, ...] = ("ExternalIP", "InternalIP")

    def placed(self, items: Items) -> Items:
        """The addresses to give for an object that has these in its status."""
        return self.addresses if self.override or not items else items


@dataclass(slots=True)
class _Wishes:
    """What the annotations of an object say."""

    hosts: tuple[bytes, ...] = ()
    items: Items = ()
    ttl: int = DEFAULT_TTL
    skipped: list[Refused] = field(default_factory=list)

    @classmethod
    def of(cls, annotations: Annotations, names: tuple[str, ...]) -> _Wishes:
        wishes = cls()
        if not annotations:
            return wishes
        hosts: list[str] = []
        targets: list[str] = []
        for name, value in annotations:
            if name in names:
                hosts += words(value)
            elif name in _TARGETS:
                targets += words(value)
            elif name in _TTLS:
                wishes.take_ttl(value.strip())
        wishes.hosts = read_hosts(hosts, wishes.skipped)
        wishes.items = read_targets(targets, wishes.skipped)
        return wishes

    def take_ttl(self, value: str) -> None:
        try:
            self.ttl = seconds(value)
        except Refused as refused:
            self.skipped.append(refused)


def ingress_offer(ingress: Ingress, reading: Reading) -> Offer:
    """The hosts of its rules and its annotation, with the addresses of its controller."""
    if reading.ingress_classes and ingress.class_name not in reading.ingress_classes:
        return Offer(ingress.origin, {})
    wishes = _Wishes.of(ingress.annotations, reading.annotations)
    items = wishes.items or reading.placed(ingress.items)
    wanted = _same((*ingress.hosts, *wishes.hosts), with_ttl(items, wishes.ttl))
    return Offer(ingress.origin, wanted, (*ingress.skipped, *wishes.skipped))


def service_offer(service: Service, reading: Reading) -> Offer | None:
    """The hosts of its annotation, and if wanted its own name, with its external addresses; None without any host."""
    wishes = _Wishes.of(service.annotations, reading.annotations)
    hosts = list(wishes.hosts)
    if service.type == LOAD_BALANCER:
        hosts += [service.key + zone for zone in reading.service_zones]
    if not hosts and not wishes.skipped:
        return None
    addresses = dict.fromkeys((*service.balancer_ips, *service.external_ips))
    items = tuple(packed_item(packed) for packed in addresses) + tuple(
        alias_item(host) for host in service.balancer_hosts
    )
    wanted = _same(hosts, with_ttl(wishes.items or items, wishes.ttl))
    return Offer(_origin("service", service), wanted, tuple(wishes.skipped))


def nodeport_offer(service: Service, reading: Reading, nodes: Items) -> Offer | None:
    """The hosts of its annotation with the addresses of the nodes, and SRV records for its ports; None without any."""
    wishes = _Wishes.of(service.annotations, reading.annotations)
    if service.type != NODE_PORT or (not wishes.hosts and not wishes.skipped):
        return None
    wanted: dict[bytes, Items] = _same(wishes.hosts, with_ttl(wishes.items or nodes, wishes.ttl))
    for host in list(wanted):
        wanted.update(_port_records(service, host, wishes.ttl))
    return Offer(_origin("nodeport", service), wanted, tuple(wishes.skipped))


def node_items(nodes: Iterable[Node], reading: Reading) -> Items:
    """The addresses of the nodes: of each those of the first wanted type that it has."""
    found: dict[Item, None] = {}
    for node in nodes:
        have = dict(node.addresses)
        found.update(dict.fromkeys(next((have[kind] for kind in reading.node_types if kind in have), ())))
    return tuple(sorted(found))


def route_offer(route: Route, reading: Reading, gateways: Mapping[str, Gateway], labels: Labels) -> Offer:
    """Its hosts at each Gateway that has accepted it, with the addresses there. ``gateways`` are by namespace/name."""
    wishes = _Wishes.of(route.annotations, reading.annotations)
    wanted: dict[bytes, Items] = {}
    for parent in route.parents:
        gateway = gateways.get(parent.gateway)
        if gateway is None or (reading.gateway_classes and gateway.class_name not in reading.gateway_classes):
            continue
        items = with_ttl(wishes.items or gateway_items(gateway, reading), wishes.ttl)
        if not items:
            continue
        for host in dict.fromkeys((*hosts_at(route, parent, gateway, labels), *wishes.hosts)):
            have = wanted.get(host, ())
            wanted[host] = have + tuple(item for item in items if item not in have)
    return Offer(route.origin, wanted, (*route.skipped, *wishes.skipped))


def gateway_items(gateway: Gateway, reading: Reading) -> Items:
    """Where a Gateway is reached: as its annotation says, else as its status or the configuration has it."""
    return _Wishes.of(gateway.annotations, ()).items or reading.placed(gateway.items)


def _origin(kind: str, service: Service) -> Origin:
    return Origin(service.created, service.namespace, service.name, kind)


def _same(hosts: Iterable[bytes], items: Items) -> dict[bytes, Items]:
    """The same records at each host; an object without addresses claims nothing."""
    return dict.fromkeys(hosts, items) if items else {}


def _port_records(service: Service, host: bytes, ttl: int) -> Iterator[tuple[bytes, Items]]:
    """An SRV record for each named port of a node, which points at the host (RFC 2782)."""
    if host.startswith(WILDCARD):
        return
    for port in service.ports:
        if not (port.name and port.node_port):
            continue
        name = b"".join([bytes((1 + len(label),)) + b"_" + label for label in (port.name, port.protocol)]) + host
        if len(name) <= MAX_NAME:
            head = (0).to_bytes(2, "big") + _WEIGHT.to_bytes(2, "big") + port.node_port.to_bytes(2, "big")
            yield name, (Item(SRV, ttl, head + host),)
