"""Careful steps into JSON of the API: whatever is not as the API documents it counts as absent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from resolver.kube.objects import KEPT_ANNOTATIONS
from resolver.kube.reading import read_address
from resolver.plugins.gateway.claims import Items, Origin
from resolver.plugins.gateway.hosts import Refused, read_host, read_target, shown
from resolver.plugins.gateway.table import Item
from resolver.wire.constants import AAAA, CNAME, MAX_TTL, A

Json = Mapping[str, Any]
Annotations = tuple[tuple[str, str], ...]

DEFAULT_TTL: Final = -1
MAX_HOSTS: Final = 1000  # of one object
MAX_TARGETS: Final = 1000
_NOTHING: Final[Json] = {}
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:[0-9]{1,10}(?:\.[0-9]{1,9})?(?:ms|h|m|s))+")
_PART = re.compile(r"([0-9.]+)(ms|h|m|s)")


def inside(value: object, *path: str) -> Json:
    """The object at the end of a path of fields, an empty one where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else _NOTHING


def objects(value: object) -> Iterator[Json]:
    """The objects in a list."""
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, Mapping))


def texts(value: object) -> Iterator[str]:
    """The texts in a list."""
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def text(value: Json, field: str) -> str:
    """A field that is a text, empty where it is not."""
    found = value.get(field)
    return found if isinstance(found, str) else ""


def number(value: Json, field: str) -> int:
    """A field that is a port, 0 where it is not."""
    found = value.get(field)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found <= 65535 else 0


def origin(kind: str, item: Json) -> Origin:
    """Which object it is and how old."""
    metadata = inside(item, "metadata")
    return Origin(
        _moment(text(metadata, "creationTimestamp")), text(metadata, "namespace"), text(metadata, "name"), kind
    )


def kept_annotations(item: Json, more: tuple[str, ...] = ()) -> Annotations:
    """Those annotations of an object that matter, ``more`` of them than usual."""
    found = inside(item, "metadata", "annotations")
    if not found:
        return ()
    return tuple([(name, value) for name in (*KEPT_ANNOTATIONS, *more) if isinstance(value := found.get(name), str)])


def words(value: str) -> list[str]:
    """What an annotation lists, separated by commas."""
    return [word for part in value.split(",") if (word := part.strip())]


def seconds(value: str) -> int:
    """A TTL as annotations have it: whole seconds or a duration such as ``1m30s``. Raises Refused."""
    if value.isascii() and value.isdigit() and len(value) < 12:
        ttl = int(value)
    elif len(value) < 64 and _DURATION.fullmatch(value):
        ttl = int(sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(value)))
    else:
        raise Refused("ttl", f"TTL {shown(value)} is not a number of seconds")
    if not 0 <= ttl <= MAX_TTL:
        raise Refused("ttl", f"TTL {shown(value)} is out of range")
    return ttl


def packed_item(packed: bytes) -> Item:
    """The A or AAAA record for the octets of an address."""
    return Item(A if len(packed) == 4 else AAAA, DEFAULT_TTL, packed)


def alias_item(name: bytes) -> Item:
    """The CNAME record for a wire name."""
    return Item(CNAME, DEFAULT_TTL, name)


def read_targets(values: Iterable[str], skipped: list[Refused]) -> Items:
    """The records for addresses and host names; what is neither goes to ``skipped``."""
    found: dict[Item, None] = {}
    for value in values:
        if len(found) == MAX_TARGETS:
            skipped.append(Refused("limit", f"more than {MAX_TARGETS} addresses; the others are left out"))
            break
        packed = read_address(value)
        try:
            found[packed_item(packed) if packed is not None else alias_item(read_target(value))] = None
        except Refused as refused:
            skipped.append(refused)
    return tuple(found)


def read_hosts(values: Iterable[str], skipped: list[Refused]) -> tuple[bytes, ...]:
    """The wire names of hosts, none twice; what cannot be one goes to ``skipped``."""
    found: dict[bytes, None] = {}
    for value in values:
        if len(found) == MAX_HOSTS:
            skipped.append(Refused("limit", f"more than {MAX_HOSTS} hosts; the others are left out"))
            break
        try:
            found[read_host(value)] = None
        except Refused as refused:
            skipped.append(refused)
    return tuple(found)


def with_ttl(items: Items, ttl: int) -> Items:
    """The same records with another TTL, unless that is the configured one."""
    return items if ttl == DEFAULT_TTL else tuple([item._replace(ttl=ttl) for item in items])


def _moment(stamp: str) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError):
        return 0.0
