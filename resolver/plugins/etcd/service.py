"""Services as SkyDNS writes them: what a value in etcd says, and which of several belong to one answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from resolver.errors import WireError, ZoneError
from resolver.wire.names import from_text

MAX_VALUE: Final = 65_536  # octets
MAX_DEPTH: Final = 128  # parts of a key below the path, one more than a name can have labels
DEFAULT_PRIORITY: Final = 10
_MAX_TTL: Final = 2**31 - 1

Path = tuple[bytes, ...]


class Service(NamedTuple):
    """One value. ``path`` are the parts of its key below the common path: the labels of its name, rightmost first.

    ``address`` are the octets of an IP address, else ``target`` is the wire name of a host, or both are None without
    one. Where it depends on a lease ``lease`` is its number. ``ttl`` 0 says nothing. A ``port`` of -1 is no port.
    """

    path: Path
    address: bytes | None
    target: bytes | None
    port: int = 0
    priority: int = DEFAULT_PRIORITY
    weight: int = 0
    text: str = ""
    mail: bool = False
    ttl: int = 0
    strip: int = 0
    group: str = ""
    lease: int = 0

    @property
    def has_host(self) -> bool:
        """Whether there is something that the name stands for, other than a text."""
        return self.address is not None or self.target is not None

    @property
    def own_name(self) -> bytes:
        """The wire name that the key stands for. Raises WireError where it cannot be one."""
        name = b"".join(bytes((len(label),)) + label for label in reversed(self.path) if label) + b"\0"
        if len(name) > 255 or any(len(label) > 63 for label in self.path):
            raise WireError("the key is too long for a name")
        return name

    def stripped(self, name: bytes) -> bytes:
        """The name without as many of its leftmost labels as the service says; all of it where that is all."""
        offset = 0
        for _ in range(self.strip):
            if not name[offset]:
                return name
            offset += 1 + name[offset]
        return name[offset:] if name[offset] else name


def read_service(path: Path, value: bytes, lease: int) -> Service:
    """What a value says. Raises ZoneError where it makes no sense."""
    if len(path) > MAX_DEPTH:
        raise ZoneError("the key has too many parts")
    if len(value) > MAX_VALUE:
        raise ZoneError(f"the value is longer than {MAX_VALUE} octets")
    try:
        given = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ZoneError(f"the value is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ZoneError("the value is not a JSON object")
    host = _text(given, "host")
    address, target = _host(host)
    return Service(
        path,
        address,
        target,
        _number(given, "port", 0xFFFF, lowest=-1),
        _number(given, "priority", 0xFFFF) or DEFAULT_PRIORITY,
        _number(given, "weight", 0xFFFF),
        _text(given, "text"),
        _flag(given, "mail"),
        _number(given, "ttl", _MAX_TTL),
        _number(given, "targetstrip", MAX_DEPTH),
        _text(given, "group"),
        lease,
    )


def grouped(services: Sequence[Service]) -> Sequence[Service]:
    """Those that belong together: the group of the shortest key decides, and services without a group always do.

    Where the shortest keys disagree there is no group, and all belong together.
    """
    if not services:
        return services
    group, shortest = services[0].group, len(services[0].path)
    for service in services:
        if len(service.path) < shortest:
            if not service.group:
                break
            shortest, group = len(service.path), service.group
    if not group:
        return services
    if any(one.group and one.group != group and len(one.path) == shortest for one in services):
        return services
    return [one for one in services if one.group in ("", group)]


def _host(host: str) -> tuple[bytes | None, bytes | None]:
    if not host:
        return None, None
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        mapped = packed[:12] == bytes(10) + b"\xff\xff"
        return packed[12:] if mapped else packed, None
    try:
        return None, from_text(host)
    except WireError as error:
        raise ZoneError(f"the host is neither an address nor a name: {error}") from None


def _text(given: dict[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str | None):
        raise ZoneError(f"{key} is not a text")
    return value or ""


def _number(given: dict[str, Any], key: str, highest: int, lowest: int = 0) -> int:
    value = given.get(key, 0)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise ZoneError(f"{key} is not a whole number up to {highest}")
    return value


def _flag(given: dict[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool | None):
        raise ZoneError(f"{key} is neither true nor false")
    return bool(value)
