"""From the API's JSON of a Pod to what is kept of it: who it is, and which addresses are its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from resolver.chain.capabilities import Identity
from resolver.errors import Malformed
from resolver.kube.reading import read_address

Json = dict[str, Any]

RUNNING: Final = "status.phase!=Succeeded,status.phase!=Failed"
MAX_LABELS: Final = 64  # of a Pod; the first ones by name
MAX_POD_ADDRESSES: Final = 16
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_RUN: Final = re.compile(r"(.+)-(\d{8,10})")
_WEEK: Final = 7 * 24 * 60  # minutes


class Resident(NamedTuple):
    """A Pod and its addresses as text, none where it shares its node's; ``nodes`` are those of its node.

    ``begun`` is when it was created, in seconds since 1970; one that is ``leaving`` was told to end.
    """

    identity: Identity
    addresses: tuple[str, ...]
    nodes: tuple[str, ...]
    begun: float
    leaving: bool

    @property
    def rank(self) -> tuple[bool, float, str, str]:
        """Whose an address is that several Pods seem to have: that of the youngest which stays, the largest."""
        return (not self.leaving, self.begun, self.identity.namespace, self.identity.pod)


def parse_pod(item: Json) -> Resident | None:
    """A Pod; None for one that has no address yet, or has ended. Raises Malformed."""
    metadata, spec, status = (_mapping(item.get(part)) for part in ("metadata", "spec", "status"))
    if status.get("phase") in _ENDED:
        return None
    addresses, nodes = _addresses(status, "podIP"), _addresses(status, "hostIP")
    if not addresses and (status.get("podIP") or status.get("podIPs")):
        raise Malformed("status.podIP is not an address")
    if not addresses:
        return None
    if spec.get("hostNetwork") is True:
        addresses, nodes = (), tuple(dict.fromkeys((*addresses, *nodes)))
    begun = _moment(metadata.get("creationTimestamp"))
    labels = _labels(metadata.get("labels"))
    identity = Identity(
        sys.intern(_text(metadata.get("namespace"))),
        _text(metadata.get("name")),
        sys.intern(_text(spec.get("serviceAccountName"))),
        sys.intern(_owner(metadata, labels, begun)),
        sys.intern(_text(spec.get("nodeName"))),
        labels,
    )
    return Resident(identity, addresses, nodes, begun, bool(metadata.get("deletionTimestamp")))


def plain(address: str) -> str:
    """A client's address without its zone, IPv4 in IPv6 clothing as IPv4."""
    if ":" not in address:
        return address
    packed = read_address(address.partition("%")[0])
    return address if packed is None else written(packed)


def written(packed: bytes) -> str:
    """An address as the system writes it."""
    return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)


def _addresses(status: Json, field: str) -> tuple[str, ...]:
    several = status.get(f"{field}s")
    texts = [_mapping(one).get("ip") for one in several[:MAX_POD_ADDRESSES]] if isinstance(several, list) else []
    found = [packed for text in (status.get(field), *texts) if (packed := read_address(text)) is not None]
    return tuple(dict.fromkeys([sys.intern(written(packed)) for packed in found]))


def _owner(metadata: Json, labels: Mapping[str, str], begun: float) -> str:
    """The workload, told from the names that controllers give: no other object has to be read for it."""
    owners = metadata.get("ownerReferences")
    controllers = [_mapping(one) for one in owners] if isinstance(owners, list) else []
    owner = next((one for one in controllers if one.get("controller") is True), {})
    kind, name = _text(owner.get("kind")), _text(owner.get("name"))
    if not (kind and name):
        return ""
    if kind == "ReplicaSet":
        for label, workload in (("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "Rollout")):
            ending = f"-{labels.get(label, '')}"
            if len(ending) > 1 and name.endswith(ending) and len(name) > len(ending):
                return f"{workload}/{name.removesuffix(ending)}"
    if kind == "Job" and (run := _RUN.fullmatch(name)) and abs(int(run[2]) - begun / 60) < _WEEK:
        return f"CronJob/{run[1]}"  # its Jobs are named after the minute for which they were planned
    return f"{kind}/{name}"


def _labels(items: object) -> Mapping[str, str]:
    pairs = sorted((key, text) for key, text in _mapping(items).items() if isinstance(text, str))
    return _shared(tuple(pairs[:MAX_LABELS]))


@lru_cache(maxsize=4096)
def _shared(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The Pods of a workload have the same labels."""
    return MappingProxyType({sys.intern(key): sys.intern(text) for key, text in pairs})


def _moment(text: object) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
