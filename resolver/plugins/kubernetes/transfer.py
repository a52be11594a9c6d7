"""The zone of a cluster as records, for the directive transfer: what a query for each of its names would bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resolver.chain.capabilities import Transferable
from resolver.chain.query import Query
from resolver.chain.reply import decode
from resolver.kube.index import ClusterIndex, namespace_of
from resolver.kube.objects import EXTERNAL_NAME, Endpoint, Port, Service, ServiceImport, Slice
from resolver.plugins.kubernetes.lookup import Lookup
from resolver.plugins.kubernetes.nameservers import NameServers
from resolver.plugins.kubernetes.zones import SERVICES, Zone
from resolver.wire.constants import AAAA, CNAME, IN, MAX_NAME, NS, SOA, SRV, TXT, A
from resolver.wire.names import is_below
from resolver.wire.records import Body, Record


@dataclass(frozen=True, slots=True)
class Contents:
    """Lists zones. Each service is looked up when it is its turn: one that is gone by then is left out.

    The serial number is that of the beginning, so that whoever transfers the zone comes again for what changed since.
    """

    index: ClusterIndex
    lookup: Lookup
    nameservers: NameServers
    ttl: int
    label_of: Callable[[Endpoint], bytes]

    def of(self, zone: Zone, query: Query, serial: int) -> Transferable:
        """The zone; its name servers depend on where the query came in."""
        soa = _answers(zone.name, SOA, zone.soa(serial))[0]
        return Transferable(soa, lambda: self._others(zone, query))

    def _others(self, zone: Zone, query: Query) -> Iterator[Record]:
        asked = query.derive(qname=zone.name, qtype=NS)
        servers = decode(asked.question, self.nameservers.records(asked, zone))
        yield from servers.answer
        glued = [record for record in servers.additional if not is_below(record.owner, zone.services)]
        yield from glued  # the others are services, which come with all of them
        yield from self._under(zone, zone.version, TXT)
        if zone.multicluster:
            for imported in list(self.index.imports.values()):
                if self.index.exposed(namespace_of(imported.key)):
                    yield from self._of_import(zone, imported)
        else:
            for service in list(self.index.each_service()):
                yield from self._of_service(zone, service)

    def _of_service(self, zone: Zone, service: Service) -> Iterator[Record]:
        name = service.key + SERVICES + zone.name
        if service.type == EXTERNAL_NAME:
            if self.index.service(service.key) is service:
                yield Record(name, CNAME, IN, self.ttl, service.external_name)
            return
        slices = list(self.index.slices(service.key).values())
        lists = [one.ports for one in slices if one.endpoints] if service.headless else [service.ports]
        yield from self._names(zone, name, lists)
        if service.headless:
            yield from self._endpoints(name, slices)

    def _of_import(self, zone: Zone, imported: ServiceImport) -> Iterator[Record]:
        name = imported.key + SERVICES + zone.name
        slices = list(self.index.imported_slices(imported.key).values())
        lists = [one.ports for one in slices if one.endpoints] if imported.headless else [imported.ports]
        yield from self._names(zone, name, lists)
        if imported.headless:
            yield from self._endpoints(name, slices)

    def _names(self, zone: Zone, name: bytes, lists: list[tuple[Port, ...]]) -> Iterator[Record]:
        """What stands under the name of a service, and under those of its ports."""
        for qtype in (A, AAAA, SRV):
            yield from self._under(zone, name, qtype)
        ports = {(port.name, port.protocol): None for ports in lists for port in ports if port.name}
        for port, protocol in ports:
            yield from self._under(zone, _label(b"_" + port) + _label(b"_" + protocol) + name, SRV)

    def _endpoints(self, name: bytes, slices: list[Slice]) -> Iterator[Record]:
        """The addresses of endpoints under their own names, each once."""
        found = {
            (_label(self.label_of(endpoint)) + _label(one.cluster) + name, endpoint.address): None
            for one in slices
            for endpoint in one.endpoints
        }
        for owner, address in found:
            if len(owner) <= MAX_NAME:
                yield Record(owner, A if len(address) == 4 else AAAA, IN, self.ttl, address)

    def _under(self, zone: Zone, name: bytes, qtype: int) -> list[Record]:
        body = self.lookup.find(zone, name, qtype).body if len(name) <= MAX_NAME else None
        return [] if body is None else _answers(name, qtype, body)


def _answers(name: bytes, qtype: int, body: Body) -> list[Record]:
    return decode(name + qtype.to_bytes(2, "big") + IN.to_bytes(2, "big"), body).answer


def _label(label: bytes) -> bytes:
    """A label with its length; empty stays empty."""
    return bytes((len(label),)) + label if label else b""
