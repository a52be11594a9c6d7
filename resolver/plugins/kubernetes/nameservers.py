"""The name servers of the zones: the services through which this server is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from resolver.chain.query import Query
from resolver.kube.index import ClusterIndex
from resolver.kube.objects import Endpoint
from resolver.kube.reading import read_address
from resolver.plugins.kubernetes.records import address_body
from resolver.plugins.kubernetes.zones import SERVICES, Zone
from resolver.wire.constants import AAAA, IN, NS, A
from resolver.wire.records import Body, Record, encode

_LOOPBACK_V6 = bytes(15) + b"\1"
_MOST = 20


class NameServers:
    """Knows them by the address at which a question came in: that of the Pod which is an endpoint of the services.

    Outside of the cluster it is ``ns.dns`` of the zone with that address; one that is only valid here is not told.
    """

    def __init__(self, index: ClusterIndex, endpoint_label: Callable[[Endpoint], bytes]) -> None:
        self._index = index
        self._endpoint_label = endpoint_label

    def records(self, query: Query, zone: Zone) -> Body:
        """The NS records of a zone and the addresses of the servers."""
        found = list(self._found(query, zone))[:_MOST]
        names = dict.fromkeys(name for name, _ in found) or {zone.nameserver: None}
        answer = [Record(zone.name, NS, IN, zone.ttl, name) for name in names]
        glue = [Record(name, _type(address), IN, zone.ttl, address) for name, address in dict.fromkeys(found)]
        return encode(query.qname, answer, (), glue)

    def addresses(self, query: Query, zone: Zone) -> Body | None:
        """The addresses under ``ns.dns`` of a zone, None without any of the family that is asked for."""
        return address_body([address for _, address in self._found(query, zone)], query.qtype, zone.ttl)

    def _found(self, query: Query, zone: Zone) -> Iterator[tuple[bytes, bytes]]:
        """Names and addresses."""
        local = read_address(query.local[0].partition("%")[0])
        if local is None:
            return
        in_cluster = False
        for key in self._index.hosts.keys(local):
            service = self._index.service(key)
            if service is None:
                continue
            in_cluster = True
            name = key + SERVICES + zone.name
            yield from ((name, address) for address in service.cluster_ips)
            if service.headless:
                yield from self._endpoints(key, name)
        if not in_cluster and local[0:1] != b"\x7f" and local != _LOOPBACK_V6:
            yield zone.nameserver, local

    def _endpoints(self, key: bytes, name: bytes) -> Iterator[tuple[bytes, bytes]]:
        for one in self._index.slices(key).values():
            for endpoint in one.endpoints:
                label = self._endpoint_label(endpoint)
                yield bytes((len(label),)) + label + name, endpoint.address


def _type(address: bytes) -> int:
    return A if len(address) == 4 else AAAA
