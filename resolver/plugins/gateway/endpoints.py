"""DNSEndpoint objects of external-dns (externaldns.k8s.io/v1alpha1): records as somebody has written them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from resolver.kube.reading import read_address
from resolver.plugins.gateway.claims import Items, Origin
from resolver.plugins.gateway.hosts import Refused, read_host, read_target, shown
from resolver.plugins.gateway.table import Item
from resolver.plugins.gateway.values import (
    DEFAULT_TTL,
    MAX_HOSTS,
    MAX_TARGETS,
    Json,
    inside,
    objects,
    origin,
    text,
    texts,
)
from resolver.wire.constants import AAAA, CAA, CNAME, MAX_TTL, MX, SRV, TXT, A

_STRING: Final = 255


class DnsEndpoint(NamedTuple):
    """A DNSEndpoint: records by wire name."""

    origin: Origin
    wanted: dict[bytes, Items]
    skipped: tuple[Refused, ...]


def parse_dns_endpoint(item: Json) -> DnsEndpoint:
    """The records of a DNSEndpoint; those that cannot be served are left out."""
    wanted: dict[bytes, Items] = {}
    skipped: list[Refused] = []
    for endpoint in list(objects(inside(item, "spec").get("endpoints")))[:MAX_HOSTS]:
        try:
            name = read_host(endpoint.get("dnsName"), underscores=True)
            wanted[name] = wanted.get(name, ()) + _items(endpoint, skipped)
        except Refused as refused:
            skipped.append(refused)
    kept = {name: tuple(dict.fromkeys(items)) for name, items in wanted.items() if items}
    return DnsEndpoint(origin("dnsendpoint", item), kept, tuple(skipped))


def _items(endpoint: Json, skipped: list[Refused]) -> Items:
    kind = text(endpoint, "recordType") or "A"
    known = _TYPES.get(kind.upper())
    if known is None:
        raise Refused("type", f"records of type {shown(kind)} are not served")
    rtype, read = known
    ttl = endpoint.get("recordTTL")
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 < ttl <= MAX_TTL:
        ttl = DEFAULT_TTL  # 0 is how external-dns says that none is wanted
    found: list[Item] = []
    for target in list(texts(endpoint.get("targets")))[:MAX_TARGETS]:
        try:
            found.append(Item(rtype, ttl, read(target)))
        except Refused as refused:
            skipped.append(refused)
    return tuple(found)


# --- rdata


def _ipv4(target: str) -> bytes:
    return _address(target, 4)


def _ipv6(target: str) -> bytes:
    return _address(target, 16)


def _address(target: str, size: int) -> bytes:
    packed = read_address(target)
    if packed is None or len(packed) != size:
        raise Refused("target", f"target {shown(target)} is not an address of the record's type")
    return packed


def _txt(target: str) -> bytes:
    """The text in strings of up to 255 octets (RFC 1035 section 3.3.14), quotes around it taken off."""
    inner = target[1:-1] if len(target) > 1 and target[0] == target[-1] == '"' else target
    octets = inner.encode()
    pieces = [octets[at : at + _STRING] for at in range(0, len(octets), _STRING)] or [b""]
    if len(octets) > MAX_TARGETS * _STRING // 16:
        raise Refused("target", f"text {shown(target)} does not fit a record")
    return b"".join([bytes((len(piece),)) + piece for piece in pieces])


def _srv(target: str) -> bytes:
    """``PRIORITY WEIGHT PORT HOST``."""
    fields = target.split()
    if len(fields) != 4:
        raise Refused("target", f"target {shown(target)} is not PRIORITY WEIGHT PORT HOST")
    return b"".join([_short(number) for number in fields[:3]]) + read_target(fields[3])


def _mx(target: str) -> bytes:
    """``PREFERENCE HOST``."""
    fields = target.split()
    if len(fields) != 2:
        raise Refused("target", f"target {shown(target)} is not PREFERENCE HOST")
    return _short(fields[0]) + read_target(fields[1])


def _caa(target: str) -> bytes:
    """``FLAGS TAG VALUE`` (RFC 8659 section 4.1)."""
    fields = target.split(None, 2)
    tag = fields[1].encode("ascii", "replace") if len(fields) == 3 else b""
    if not tag.isalnum() or len(tag) > _STRING or not fields[0].isdigit() or int(fields[0]) > 255:
        raise Refused("target", f"target {shown(target)} is not FLAGS TAG VALUE")
    return bytes((int(fields[0]), len(tag))) + tag + fields[2].strip('"').encode()


def _short(number: str) -> bytes:
    if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) < 65536):
        raise Refused("target", f"{shown(number)} is not a number from 0 to 65535")
    return int(number).to_bytes(2, "big")


_TYPES: Final[dict[str, tuple[int, Callable[[str], bytes]]]] = {
    "A": (A, _ipv4),
    "AAAA": (AAAA, _ipv6),
    "CNAME": (CNAME, read_target),
    "TXT": (TXT, _txt),
    "SRV": (SRV, _srv),
    "MX": (MX, _mx),
    "CAA": (CAA, _caa),
}
