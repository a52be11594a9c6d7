"""From a name to what the cluster has under it, as the DNS specification of Kubernetes lays out the names."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeAlias

from resolver.kube.index import ClusterIndex
from resolver.kube.objects import EXTERNAL_NAME, Endpoint, Port, Service, ServiceImport, Slice
from resolver.plugins.kubernetes import needs
from resolver.plugins.kubernetes.dashes import dashed, undashed
from resolver.plugins.kubernetes.outcome import EMPTY, MISSING, Outcome
from resolver.plugins.kubernetes.records import Found, address_body, srv_body, version_body
from resolver.plugins.kubernetes.settings import DISABLED, INSECURE, Settings
from resolver.plugins.kubernetes.zones import SERVICES, Zone
from resolver.wire.constants import AAAA, SRV, TXT, A
from resolver.wire.names import labels as labels_of
from resolver.wire.records import Body

_Tags: TypeAlias = tuple[Hashable, ...]
_PROTOCOLS = (b"_tcp", b"_udp", b"_sctp")
_PIN, _PREFER = b"pin", b"prefer"


class Lookup:
    """Looks names of forward zones up. Says what it found, and decides nothing."""

    def __init__(self, settings: Settings, index: ClusterIndex) -> None:
        self._settings = settings
        self._index = index

    def find(self, zone: Zone, name: bytes, qtype: int) -> Outcome:
        """What there is for a name below the apex of a zone, in lower case."""
        *labels, kind = labels_of(name[: -len(zone.name)] + b"\0")
        if kind == b"svc":
            return self._below_services(zone, name, labels, qtype) if labels else EMPTY
        if kind == b"pod":
            return self._below_pods(labels, qtype) if labels else EMPTY
        if name == zone.version:
            return Outcome(exists=True, body=version_body(name) if qtype == TXT else None)
        if name == zone.nameserver:
            return Outcome(exists=True, nameservers=qtype in (A, AAAA))
        return EMPTY if name == zone.nameservers else MISSING

    def endpoint_label(self, endpoint: Endpoint) -> bytes:
        """The label of an endpoint: its host name, else that of its Pod where asked for, else its dashed address."""
        if endpoint.hostname:
            return endpoint.hostname
        if self._settings.endpoint_pod_names and endpoint.pod:
            return endpoint.pod
        return dashed(endpoint.address)

    # --- services

    def _below_services(self, zone: Zone, name: bytes, labels: list[bytes], qtype: int) -> Outcome:
        index = self._index
        *front, namespace = labels
        if len(front) > 3 and not self._is_zonal(zone, front):
            return MISSING  # longer than any name can be
        tags: _Tags = (index.namespace_tag(namespace),)
        if not index.exposed(namespace):
            return Outcome(exists=False, tags=tags, needs=needs.NAMESPACES)
        if not front:
            return Outcome(exists=True, tags=tags, needs=needs.NAMESPACES)
        key = _wire(front[-1]) + _wire(namespace)
        if zone.multicluster:
            return self._imported(zone, name, front[:-1], key, qtype, tags)
        service, tags = index.services.get(key), (index.service_tag(key), *tags)
        if service is None:
            return Outcome(exists=False, tags=tags, needs=needs.NAMESPACES | needs.SERVICES)
        return self._of_service(zone, name, front[:-1], service, qtype, tags)

    def _of_service(
        self, zone: Zone, name: bytes, labels: list[bytes], service: Service, qtype: int, tags: _Tags
    ) -> Outcome:
        """What a service has under its name, or under the one that these labels before it make."""
        required = needs.NAMESPACES | needs.SERVICES
        if service.type == EXTERNAL_NAME:
            return Outcome(exists=not labels, tags=tags, needs=required, alias=None if labels else service)
        may_be_empty = self._settings.ignore_empty and not service.headless
        if (service.headless or may_be_empty or len(labels) == 1) and self._settings.endpoints:
            required |= needs.SLICES
        if may_be_empty and not any(one.endpoints for one in self._index.slices(service.key).values()):
            return Outcome(exists=False, tags=tags, needs=required)
        found = self._found(service, labels)
        if found is None:
            return Outcome(exists=self._has_below(service, labels), tags=tags, needs=required)
        suffix = service.key + SERVICES + zone.name
        body = _body(name, qtype, found, suffix, self._settings.ttl, by_port=not service.headless)
        return Outcome(exists=True, tags=tags, needs=required, body=body, key=b"" if labels else service.key)

    def _found(self, service: Service, labels: list[bytes]) -> list[Found] | None:
        """The addresses under a service's name or one below it, None where there is no such name."""
        slices = self._index.slices(service.key)
        if len(labels) > 2:
            return self._in_zone(slices.values(), labels) if service.headless else None
        endpoint, port, protocol = _parts(labels)
        if not service.headless and not endpoint:
            ports = _matching(service.ports, port, protocol)
            return None if ports is None else [Found(address, b"", ports) for address in service.cluster_ips]
        return list(self._endpoints(slices.values(), endpoint, port, protocol)) or None

    def _endpoints(
        self, slices: Iterable[Slice], label: bytes, port: bytes = b"", protocol: bytes = b"", zone: str = ""
    ) -> Iterator[Found]:
        """The endpoints with that label and in that topology zone, where they are not empty, and their ports."""
        wanted = _Wanted(label, pods=self._settings.endpoint_pod_names) if label else None
        for one in slices:
            ports = _matching(one.ports, port, protocol)
            if ports is None:
                continue
            for endpoint in one.endpoints:
                if (wanted is None or wanted.is_it(endpoint)) and (not zone or endpoint.zone == zone):
                    yield Found(endpoint.address, _wire(self.endpoint_label(endpoint)), ports)

    def _has_below(self, service: Service, labels: list[bytes]) -> bool:
        """Whether a name has none of its own but others below it: ``_tcp`` before ``_http._tcp`` (RFC 8020)."""
        if len(labels) != 1 or labels[0] not in _PROTOCOLS:
            return False
        protocol = labels[0][1:]
        lists = [one.ports for one in self._index.slices(service.key).values() if one.endpoints]
        lists = lists if service.headless else [service.ports]
        return any(port.protocol == protocol and port.name for ports in lists for port in ports)

    # --- topology zones

    def _is_zonal(self, zone: Zone, front: list[bytes]) -> bool:
        """Whether labels before a namespace read TOPOLOGY-ZONE.pin._zone.SERVICE or the same with prefer."""
        if not self._settings.zonal or zone.multicluster or len(front) < 4:
            return False
        return front[-2] == b"_zone" and front[-3] in (_PIN, _PREFER)

    def _in_zone(self, slices: Iterable[Slice], labels: list[bytes]) -> list[Found]:
        """The endpoints of the topology zone in front of ``pin._zone``; with ``prefer`` all where it has none."""
        wanted = b".".join(labels[:-2]).decode("ascii", "replace")
        slices = list(slices)
        found = list(self._endpoints(slices, b"", zone=wanted))
        if not found and labels[-2] == _PREFER:
            found = list(self._endpoints(slices, b""))
        return found

    # --- services of other clusters

    def _imported(
        self, zone: Zone, name: bytes, labels: list[bytes], key: bytes, qtype: int, namespace: _Tags
    ) -> Outcome:
        index = self._index
        tags = (index.import_tag(key), *namespace)
        required = needs.NAMESPACES | needs.IMPORTS
        service = index.imports.get(key)
        if service is None:
            return Outcome(exists=False, tags=tags, needs=required)
        if service.headless or self._settings.ignore_empty or labels:
            required |= needs.IMPORTED_SLICES
        found = self._found_imported(service, labels)
        if found is None:
            return Outcome(exists=False, tags=tags, needs=required)
        suffix = key + SERVICES + zone.name
        body = _body(name, qtype, found, suffix, self._settings.ttl, by_port=not service.headless)
        return Outcome(exists=True, tags=tags, needs=required, body=body)

    def _found_imported(self, service: ServiceImport, labels: list[bytes]) -> list[Found] | None:
        slices = list(self._index.imported_slices(service.key).values())
        if self._settings.ignore_empty and not service.headless and not any(one.endpoints for one in slices):
            return None
        if len(labels) == 1:  # an endpoint is named with its cluster, where it is said which one that is
            return list(self._endpoints([one for one in slices if not one.cluster], labels[0])) or None
        if len(labels) == 2 and not any(label.startswith(b"_") for label in labels):
            slices = [one for one in slices if one.cluster == labels[1]]
            return list(_with_cluster(self._endpoints(slices, labels[0]), _wire(labels[1]))) or None
        _, port, protocol = _parts(labels)
        if not service.headless:
            ports = _matching(service.ports, port, protocol)
            return None if ports is None else [Found(address, b"", ports) for address in service.cluster_ips]
        every = [
            found
            for one in slices
            for found in _with_cluster(self._endpoints([one], b"", port, protocol), _wire(one.cluster))
        ]
        return every or None

    # --- Pods

    def _below_pods(self, labels: list[bytes], qtype: int) -> Outcome:
        *front, namespace = labels
        mode = self._settings.pods
        if mode == DISABLED or len(front) > 1:
            return MISSING
        index = self._index
        tags: _Tags = (index.namespace_tag(namespace),)
        if not index.exposed(namespace) or not front:
            return Outcome(exists=index.exposed(namespace), tags=tags, needs=needs.NAMESPACES)
        address = undashed(front[0])
        if address is None:
            return MISSING
        required = needs.NAMESPACES
        if mode != INSECURE:
            required |= needs.PODS
            tags = (index.address_tag(address), *tags)
            if all(pod.namespace.lower().encode() != namespace for pod in index.pods(address)):
                return Outcome(exists=False, tags=tags, needs=required)
        body = address_body((address,), qtype, self._settings.ttl) if qtype in (A, AAAA) else None
        return Outcome(exists=True, tags=tags, needs=required, body=body)


class _Wanted:
    """Recognises the endpoints that a label stands for, without working out the labels of all others."""

    __slots__ = ("_address", "_label", "_pods")

    def __init__(self, label: bytes, *, pods: bool) -> None:
        address = undashed(label)
        self._label = label
        self._address = address if address is not None and dashed(address) == label else None
        self._pods = pods

    def is_it(self, endpoint: Endpoint) -> bool:
        if endpoint.hostname:
            return endpoint.hostname == self._label
        if self._pods and endpoint.pod:
            return endpoint.pod == self._label
        return endpoint.address == self._address


def _parts(labels: list[bytes]) -> tuple[bytes, bytes, bytes]:
    """Endpoint, port and protocol that labels before a service's name ask for, empty where they do not."""
    if len(labels) == 2:
        return b"", labels[0].removeprefix(b"_"), labels[1].removeprefix(b"_")
    return (labels[0], b"", b"") if labels else (b"", b"", b"")


def _matching(ports: tuple[Port, ...], port: bytes, protocol: bytes) -> tuple[Port, ...] | None:
    """The ports with that name and protocol, where they are not empty; None where that leaves none of them."""
    if not (port or protocol):
        return ports
    return tuple(
        [one for one in ports if (not port or one.name == port) and (not protocol or one.protocol == protocol)]
    ) or None  # fmt: skip


def _body(qname: bytes, qtype: int, found: list[Found], suffix: bytes, ttl: int, *, by_port: bool) -> Body | None:
    if qtype in (A, AAAA):
        return address_body([one.address for one in found], qtype, ttl)
    return srv_body(qname, found, suffix, ttl, by_port=by_port) if qtype == SRV else None


def _with_cluster(found: Iterable[Found], cluster: bytes) -> Iterator[Found]:
    return (Found(one.address, one.labels + cluster, one.ports) for one in found)


def _wire(label: bytes) -> bytes:
    """A label with its length; empty stays empty."""
    return bytes((len(label),)) + label if label else b""
