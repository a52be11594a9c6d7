"""The watches behind the names, and what of one kind matters to objects of another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from resolver.chain.setup import Host
from resolver.kube import kinds
from resolver.kube.access import Access
from resolver.kube.kinds import Kind
from resolver.kube.objects import NODE_PORT, Service
from resolver.kube.pool import Pool, pool_of
from resolver.kube.watch import Changed, Watch
from resolver.plugins.gateway.claims import Origin
from resolver.plugins.gateway.endpoints import DnsEndpoint, parse_dns_endpoint
from resolver.plugins.gateway.names import Names
from resolver.plugins.gateway.objects import Ingress, Node, parsers
from resolver.plugins.gateway.offers import (
    Offer,
    ingress_offer,
    node_items,
    nodeport_offer,
    route_offer,
    service_offer,
)
from resolver.plugins.gateway.routes import Gateway, Route
from resolver.plugins.gateway.settings import Settings

LOOK: Final = 0.02  # seconds between two looks at whether everything is known
ROUTE_KINDS: Final = {"httproute": kinds.HTTP_ROUTES, "grpcroute": kinds.GRPC_ROUTES, "tlsroute": kinds.TLS_ROUTES}


class Cluster:
    """Feeds names from the API between ``begin`` and ``end``; what is known stays while the API is away."""

    def __init__(self, settings: Settings, names: Names, host: Host) -> None:
        self._settings = settings
        self._reading = settings.reading
        self._names = names
        self._host = host
        self._pool: Pool | None = None
        self._watches: list[Watch[Any]] = []
        self._ends: list[Callable[[], None]] = []
        self._untold = 0
        self._gateways: dict[str, Gateway] = {}
        self._routes: dict[tuple[str, str], Route] = {}
        self._attached: dict[str, set[tuple[str, str]]] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._nodes: dict[str, Node] = {}
        self._node_items = node_items((), self._reading)
        self._nodeports: dict[str, Service] = {}
        self._nodes_pending = False

    def begin(self, access: Access) -> None:
        """Watch what the configuration names. To be called within the event loop."""
        self._pool = pool_of(self._host)
        parse = parsers(self._settings.annotations)
        for resource in self._settings.resources:
            if resource == "ingress":
                self._watch(access, kinds.INGRESSES, parse[resource], self._ingress_changed)
            elif resource == "dnsendpoint":
                self._watch(access, kinds.DNS_ENDPOINTS, parse_dns_endpoint, self._dns_endpoint_changed)
            elif resource in ROUTE_KINDS:
                changed = partial(self._route_changed, resource)
                self._watch(access, ROUTE_KINDS[resource], parse[resource], changed)
        if not {"service", "nodeport"}.isdisjoint(self._settings.resources):
            self._watch(access, kinds.SERVICES, parse["service"], self._service_changed)
        if "nodeport" in self._settings.resources:
            self._watch_all(access, kinds.NODES, parse["node"], self._node_changed)
        if not ROUTE_KINDS.keys().isdisjoint(self._settings.resources):
            self._watch_all(access, kinds.GATEWAYS, parse["gateway"], self._gateway_changed)
            self._watch_all(access, kinds.NAMESPACES, parse["namespace"], self._namespace_changed)

    async def end(self) -> None:
        """Give the watches back."""
        for end in self._ends:
            end()
        pool, watches = self._pool, self._watches
        self._pool, self._watches, self._ends = None, [], []
        if pool is not None:
            for watch in watches:
                await pool.release(watch)

    async def wait(self, seconds: float) -> None:
        """Wait until everything is known, or for so long."""
        deadline = self._host.clock() + seconds
        while True:
            left = deadline - self._host.clock()
            if self.is_known or left <= 0:
                return
            await asyncio.sleep(min(LOOK, left))

    @property
    def is_known(self) -> bool:
        """Whether every kind was listed at least once, but for those that the API refuses."""
        return self._untold == 0 or self._untold == sum(watch.refused and not watch.synced for watch in self._watches)

    @property
    def problems(self) -> str:
        """Why kinds are not known, as far as that is known."""
        return "; ".join(dict.fromkeys(watch.problem for watch in self._watches if watch.problem and not watch.synced))

    def _watch(self, access: Access, kind: Kind, parse: Callable[..., Any], changed: Changed[Any]) -> None:
        """Watch objects that claim names: those that the configuration selects."""
        for namespace in self._settings.namespaces or ("",):
            self._begin_one(access, kind, parse, changed, namespace, self._settings.labels)

    def _watch_all(self, access: Access, kind: Kind, parse: Callable[..., Any], changed: Changed[Any]) -> None:
        """Watch objects that others refer to, wherever they are."""
        self._begin_one(access, kind, parse, changed, "", "")

    def _begin_one(
        self, access: Access, kind: Kind, parse: Callable[..., Any], changed: Changed[Any], namespace: str, labels: str
    ) -> None:
        if self._pool is None:
            return
        watch = self._pool.watch(access, kind, parse, namespace=namespace, labels=labels, speaker="gateway")
        self._watches.append(watch)
        self._untold += 1
        self._ends.append(watch.follow(changed, self._told))

    def _told(self) -> None:
        self._untold -= 1

    # --- objects that claim names by themselves

    def _ingress_changed(self, key: str, _: Ingress | None, new: Ingress | None) -> None:
        self._names.take("ingress", key, ingress_offer(new, self._reading) if new is not None else None)

    def _dns_endpoint_changed(self, key: str, _: DnsEndpoint | None, new: DnsEndpoint | None) -> None:
        self._names.take("dnsendpoint", key, Offer(*new) if new is not None else None)

    def _service_changed(self, key: str, _: Service | None, new: Service | None) -> None:
        if "service" in self._settings.resources:
            direct = new if new is not None and new.type != NODE_PORT else None
            self._names.take("service", key, service_offer(direct, self._reading) if direct is not None else None)
        if "nodeport" in self._settings.resources:
            self._take_nodeport(key, new)

    # --- Services on ports of the nodes

    def _take_nodeport(self, key: str, service: Service | None) -> None:
        offer = nodeport_offer(service, self._reading, self._node_items) if service is not None else None
        if service is None or offer is None:
            self._nodeports.pop(key, None)
        else:
            self._nodeports[key] = service
        self._names.take("nodeport", key, offer)

    def _node_changed(self, key: str, _: Node | None, new: Node | None) -> None:
        """Look at all nodes once for all that change in a turn of the loop."""
        if new is None:
            self._nodes.pop(key, None)
        else:
            self._nodes[key] = new
        if not self._nodes_pending:
            self._nodes_pending = True
            asyncio.get_running_loop().call_soon(self._nodes_changed)

    def _nodes_changed(self) -> None:
        self._nodes_pending = False
        items = node_items(self._nodes.values(), self._reading)
        if items != self._node_items:
            self._node_items = items
            for key, service in list(self._nodeports.items()):
                self._take_nodeport(key, service)

    # --- routes, whose addresses are those of their Gateways

    def _route_changed(self, kind: str, key: str, old: Route | None, new: Route | None) -> None:
        route = (kind, key)
        for parent in old.parents if old is not None else ():
            self._detach(parent.gateway, route)
        if new is None:
            self._routes.pop(route, None)
            self._names.take(kind, key, None)
            return
        self._routes[route] = new
        for parent in new.parents:
            self._attached.setdefault(parent.gateway, set()).add(route)
        self._take_route(route)

    def _detach(self, gateway: str, route: tuple[str, str]) -> None:
        routes = self._attached.get(gateway, set())
        routes.discard(route)
        if not routes:
            self._attached.pop(gateway, None)

    def _take_route(self, route: tuple[str, str]) -> None:
        value = self._routes.get(route)
        if value is not None:
            self._names.take(*route, route_offer(value, self._reading, self._gateways, self._labels))

    def _gateway_changed(self, key: str, _: Gateway | None, new: Gateway | None) -> None:
        if new is None:
            self._gateways.pop(key, None)
        else:
            self._gateways[key] = new
            self._names.note_skipped(Origin(0.0, new.namespace, new.name, "gateway"), new.skipped)
        for route in sorted(self._attached.get(key, ())):
            self._take_route(route)

    def _namespace_changed(self, key: str, _: dict[str, str] | None, new: dict[str, str] | None) -> None:
        """Labels of a namespace decide whether listeners take its routes."""
        if new is None:
            self._labels.pop(key, None)
        else:
            self._labels[key] = new
        if any(gateway.selects for gateway in self._gateways.values()):
            for route in [route for route, value in self._routes.items() if value.origin.namespace == key]:
                self._take_route(route)
