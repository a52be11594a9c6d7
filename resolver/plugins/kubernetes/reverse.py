"""From addresses back to names."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from resolver.kube.index import ClusterIndex, namespace_of
from resolver.kube.names_reverse import address_labels, read_reverse
from resolver.kube.objects import Endpoint
from resolver.plugins.kubernetes import needs
from resolver.plugins.kubernetes.outcome import EMPTY, MISSING, Outcome
from resolver.plugins.kubernetes.records import pointer_body
from resolver.plugins.kubernetes.settings import Settings, is_within
from resolver.plugins.kubernetes.zones import SERVICES
from resolver.wire.constants import PTR


class Reverse:
    """Looks reverse names up. Their zones have what is exposed of all services, whatever addresses they stand for."""

    def __init__(self, settings: Settings, index: ClusterIndex, endpoint_label: Callable[[Endpoint], bytes]) -> None:
        self._settings = settings
        self._index = index
        self._endpoint_label = endpoint_label

    def find(self, name: bytes, qtype: int) -> Outcome:
        """What there is for a name below in-addr.arpa or ip6.arpa, in lower case."""
        address = read_reverse(name)
        if address is None:
            is_network = address_labels(name) is not None  # in which there may be something
            return EMPTY if is_network and not is_within(name, self._settings.fallthrough) else MISSING
        index = self._index
        keys = (*index.owners.keys(address), *index.hosts.keys(address))
        tags = (index.address_tag(address), *{index.namespace_tag(namespace_of(key)) for key in keys})
        required = needs.NAMESPACES | needs.SERVICES
        owner = index.owner(address)
        if owner is not None:
            names = [owner.key + SERVICES + self._settings.primary]
        else:
            names = list(self._endpoints(address))
            required |= needs.SLICES if self._settings.endpoints else 0
        if not names:
            return Outcome(exists=False, tags=tags, needs=required)
        body = pointer_body(name, names, self._settings.ttl) if qtype == PTR else None
        return Outcome(exists=True, tags=tags, needs=required, body=body)

    def _endpoints(self, address: bytes) -> Iterator[bytes]:
        index = self._index
        for key in index.hosts.keys(address):
            if not index.exposed(namespace_of(key)):
                continue
            for one in index.slices(key).values():
                for endpoint in one.endpoints:
                    if endpoint.address == address:
                        label = self._endpoint_label(endpoint)
                        yield bytes((len(label),)) + label + key + SERVICES + self._settings.primary
