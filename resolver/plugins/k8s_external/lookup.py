"""Which services a name outside of the cluster means."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from resolver.kube.objects import Endpoint, Port, Service
from resolver.kube.view import ClusterView
from resolver.wire.constants import NOERROR, NXDOMAIN
from resolver.wire.names import labels

# A service or a slice without any port has addresses all the same, and no SRV record.
_NO_PORT = Port(b"", 0, b"")


class Match(NamedTuple):
    """One address of a service at one of its ports.

    ``address`` is packed, or empty where the load balancer is known by a ``host`` name (a wire name) only. ``port`` is
    0 where there is none. ``owner`` is the name of the address below the zone, without the root.
    """

    address: bytes
    host: bytes
    port: int
    owner: bytes


class Found(NamedTuple):
    """What a name means: matches, or the response code without any; ``tags`` name the data behind either."""

    matches: list[Match]
    rcode: int
    tags: tuple[Hashable, ...]


class _Wanted(NamedTuple):
    """The part of a name in front of a service; empty stands for anything."""

    endpoint: bytes = b""
    port: bytes = b""
    protocol: bytes = b""

    def takes(self, port: Port) -> bool:
        return self.port in (b"", port.name) and self.protocol in (b"", port.protocol)


def find(view: ClusterView, relative: bytes, *, headless: bool) -> Found:
    """What the labels in front of the zone mean: ``[[_port._protocol.|endpoint.]service.]namespace``.

    ``relative`` is in lower case and has no root; with ``headless`` endpoints count where there are no external
    addresses.
    """
    parts = list(labels(relative + b"\0"))
    namespace, index = parts[-1], view.index
    tag = index.namespace_tag(namespace)
    if not index.exposed(namespace):
        return Found([], NXDOMAIN, (tag,))
    if len(parts) == 1:
        return Found([], NOERROR, (tag,))
    key = _wire(parts[-2:])
    tags = (tag, index.service_tag(key))
    wanted = _wanted(parts[:-2])
    service = index.service(key)
    if wanted is None or service is None:
        return Found([], NXDOMAIN, tags)
    if headless and not _has_external(service) and (service.headless or wanted.endpoint):
        matches = list(_endpoints(view, service, wanted))
    else:
        matches = list(_externals(service, wanted))
    return Found(matches, NOERROR if matches else NXDOMAIN, tags)


def _wanted(front: list[bytes]) -> _Wanted | None:
    """What stands in front of the service, None where it is too much."""
    match front:
        case []:
            return _Wanted()
        case [endpoint]:
            return _Wanted(endpoint=endpoint.removeprefix(b"_"))
        case [port, protocol]:
            return _Wanted(port=port.removeprefix(b"_"), protocol=protocol.removeprefix(b"_"))
    return None


def _has_external(service: Service) -> bool:
    return bool(service.external_ips or service.balancer_ips or service.balancer_hosts)


def _externals(service: Service, wanted: _Wanted) -> Iterator[Match]:
    ports = [port for port in service.ports or (_NO_PORT,) if wanted.takes(port)]
    for address in (*service.external_ips, *service.balancer_ips):
        yield from (Match(address, b"", port.number, service.key) for port in ports)
    for host in service.balancer_hosts:
        yield from (Match(b"", host, port.number, service.key) for port in ports)


def _endpoints(view: ClusterView, service: Service, wanted: _Wanted) -> Iterator[Match]:
    for ports, endpoint in _each_endpoint(view, service.key):
        label = view.endpoint_label(endpoint)
        if wanted.endpoint not in (b"", label):
            continue
        owner = bytes((len(label),)) + label + service.key
        yield from (Match(endpoint.address, b"", port.number, owner) for port in ports if wanted.takes(port))


def _each_endpoint(view: ClusterView, key: bytes) -> Iterator[tuple[tuple[Port, ...], Endpoint]]:
    for piece in view.index.slices(key).values():
        ports = piece.ports or (_NO_PORT,)
        yield from ((ports, endpoint) for endpoint in piece.endpoints)


def _wire(parts: list[bytes]) -> bytes:
    return b"".join([bytes((len(part),)) + part for part in parts])
