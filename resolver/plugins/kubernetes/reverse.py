"""From addresses back to names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from resolver.kube.index import ClusterIndex, namespace_of
from resolver.kube.objects import Endpoint
from resolver.plugins.kubernetes import needs
from resolver.plugins.kubernetes.outcome import EMPTY, MISSING, Outcome
from resolver.plugins.kubernetes.records import pointer_body
from resolver.plugins.kubernetes.settings import Settings, is_within
from resolver.plugins.kubernetes.zones import SERVICES
from resolver.wire.constants import PTR
from resolver.wire.names import labels as labels_of

_V4: Final = b"\7in-addr\4arpa\0"
_V6: Final = b"\3ip6\4arpa\0"
ENDINGS: Final = (_V4, _V6)
_OCTETS, _NIBBLES = 4, 32
_HEX: Final = frozenset(b"0123456789abcdef")


class Reverse:
    """Looks reverse names up. Their zones have what is exposed of all services, whatever addresses they stand for."""

    def __init__(self, settings: Settings, index: ClusterIndex, endpoint_label: Callable[[Endpoint], bytes]) -> None:
        self._settings = settings
        self._index = index
        self._endpoint_label = endpoint_label

    def find(self, name: bytes, qtype: int) -> Outcome:
        """What there is for a name below in-addr.arpa or ip6.arpa, in lower case."""
        labels = _address_labels(name)
        if labels is None:
            return MISSING
        if len(labels) < (_OCTETS if name.endswith(_V4) else _NIBBLES):
            passed_on = is_within(name, self._settings.fallthrough)
            return MISSING if passed_on else EMPTY  # of a network, in which there may be something
        address = _address(labels, is_v4=name.endswith(_V4))
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


def _address_labels(name: bytes) -> list[bytes] | None:
    """The labels that stand for octets or nibbles, the first of the address first; None where others are among them."""
    is_v4 = name.endswith(_V4)
    labels = list(labels_of(name[: -len(_V4 if is_v4 else _V6)] + b"\0"))[::-1]
    if is_v4:
        right = len(labels) <= _OCTETS and all(_is_octet(label) for label in labels)
    else:
        right = len(labels) <= _NIBBLES and all(len(label) == 1 and label[0] in _HEX for label in labels)
    return labels if right else None


def _is_octet(label: bytes) -> bool:
    return label.isdigit() and len(label) <= 3 and int(label) <= 255 and (label == b"0" or label[0] != 0x30)


def _address(labels: list[bytes], *, is_v4: bool) -> bytes:
    return bytes(map(int, labels)) if is_v4 else bytes.fromhex(b"".join(labels).decode())
