"""Words by kind: durations, numbers, sizes, addresses and names of the protocol.

Each raises ConfigError at its word.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import TypeAlias

from resolver.config.model import Word
from resolver.config.nearest import nearest, shown
from resolver.wire import constants

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_DURATION = 2**63 / 1e9  # what the reference can hold, about 292 years

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"\+?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9.]+)([^0-9.+]+)")
_SIZE = re.compile(r"([0-9]{1,18})\s*([a-zA-Z]*)")
_SIZE_UNITS = {
    "": 1, "b": 1, "k": 1024, "kb": 1000, "kib": 1024, "m": 1024**2, "mb": 1000**2, "mib": 1024**2,
    "g": 1024**3, "gb": 1000**3, "gib": 1024**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3,
}  # fmt: skip


def duration(word: Word, low: float = 0.0, high: float = MAX_DURATION, *, plain_seconds: bool = False) -> float:
    """Seconds of a duration such as ``5s``, ``1m30s``, ``100ms`` or ``0``.

    With ``plain_seconds`` a number without a unit counts as seconds; otherwise only 0 may go without.
    """
    text = word.text
    if text.isascii() and text.isdigit() and len(text) < 12 and (plain_seconds or int(text) == 0):
        seconds = float(text)
    elif len(text) <= 64 and _DURATION.fullmatch(text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))
    else:
        hint = f"write {text}s for seconds" if text.isascii() and text.isdigit() else "write it like 5s, 1m30s or 100ms"
        raise word.error(f"{shown(word.text)} is not a duration", hint)
    if not low <= seconds <= high:
        raise word.error(f"{text} is out of range", f"from {_seconds(low)} to {_seconds(high)}")
    return seconds


def integer(word: Word, low: int = 0, high: int = 2**31 - 1) -> int:
    """A whole number from ``low`` to ``high``."""
    digits = word.text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise word.error(f"{shown(word.text)} is not a whole number")
    number = int(word.text)
    if not low <= number <= high:
        raise word.error(f"{number} is out of range", f"from {low} to {high}")
    return number


def percentage(word: Word, low: int = 0, high: int = 100) -> int:
    """A whole number with a percent sign: 10 for ``10%``."""
    digits = word.text.removesuffix("%")
    if digits == word.text or not (digits.isascii() and digits.isdigit() and len(digits) < 5):
        raise word.error(f"{shown(word.text)} is not a percentage", "write it like 10%")
    if not low <= int(digits) <= high:
        raise word.error(f"{word.text} is out of range", f"from {low}% to {high}%")
    return int(digits)


def size(word: Word, low: int = 0, high: int = 2**50) -> int:
    """Octets: ``4096``, ``64MiB``, ``64Mi`` and ``64M`` by powers of 1024, ``10MB`` by powers of 1000."""
    found = _SIZE.fullmatch(word.text)
    unit = _SIZE_UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise word.error(f"{shown(word.text)} is not a size", "write it like 64MiB, 10MB or 4096")
    octets = int(found[1]) * unit
    if not low <= octets <= high:
        raise word.error(f"{word.text} is out of range", f"from {low} to {high} octets")
    return octets


def ip(word: Word) -> Address:
    """An IP address; an IPv6 address may name its interface (``fe80::1%eth0``)."""
    try:
        return ipaddress.ip_address(word.text)
    except ValueError:
        raise word.error(f"{shown(word.text)} is not an IP address") from None


def cidr(word: Word) -> Network:
    """A network in CIDR form, or an address, which is a network of its own; bits behind the mask are ignored."""
    _, slash, bits = word.text.partition("/")
    try:
        if slash and not (bits.isascii() and bits.isdigit()):
            raise ValueError
        return ipaddress.ip_network(word.text, strict=False)
    except ValueError:
        raise word.error(f"{shown(word.text)} is not a network", "write it like 10.0.0.0/8 or 2001:db8::/32") from None


def host_port(word: Word, default_port: int | None = None) -> tuple[str, int]:
    """Host and port: ``:9153`` (host empty), ``localhost:8080``, ``127.0.0.1:53``, ``[::1]:53``, ``::1``.

    Without ``default_port`` the port must be there. The host is an address or a name, not looked up.
    """
    host, port = _split_host(word)
    if port is None:
        if default_port is None:
            raise word.error(f"{shown(word.text)} has no port", "write it like 127.0.0.1:8080 or :8080")
        return host, default_port
    if not (port.isascii() and port.isdigit()):
        raise word.error(f"{port or word.text} is not a port", "a port is a number from 1 to 65535")
    if len(port) > 5 or not 1 <= int(port) <= 65535:
        raise word.error(f"port {port} is out of range", "a port is a number from 1 to 65535")
    return host, int(port)


def _split_host(word: Word) -> tuple[str, str | None]:
    text = word.text
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or not _is_ipv6(host) or (rest and not rest.startswith(":")):
            raise word.error(f"{shown(word.text)} is not an address in brackets", "write it like [::1]:53")
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        if not _is_ipv6(text):
            raise word.error(f"{shown(word.text)} is neither an address nor a host name")
        return text, None
    host, colon, port = text.partition(":")
    if (not host and not colon) or not _HOST.fullmatch(host):
        raise word.error(f"{shown(word.text)} is neither an address nor a host name")
    return host, port if colon else None


_HOST = re.compile(r"[A-Za-z0-9_.-]{0,253}")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def choice(word: Word, allowed: Collection[str]) -> str:
    """One of a few words."""
    if word.text not in allowed:
        hint = nearest(word.text, allowed) or f"one of {', '.join(allowed)}"
        raise word.error(f"{shown(word.text)} is not known here", hint)
    return word.text


def rcode(word: Word) -> int:
    """A response code by name in any case: 3 for ``NXDOMAIN``."""
    number = constants.RCODE_NUMBERS.get(word.text.upper())
    if number is None:
        raise word.error(
            f"{shown(word.text)} is not a response code", nearest_upper(word.text, constants.RCODE_NUMBERS)
        )
    return number


def record_type(word: Word) -> int:
    """A record type by name in any case, or as ``TYPE65280`` (RFC 3597 section 5)."""
    name = word.text.upper()
    number = constants.TYPE_NUMBERS.get(name)
    if number is None and re.fullmatch(r"TYPE[0-9]{1,5}", name) and int(name[4:]) <= 65535:
        number = int(name[4:])
    if number is None:
        raise word.error(f"{shown(word.text)} is not a record type", nearest_upper(word.text, constants.TYPE_NUMBERS))
    return number


def nearest_upper(name: str, known: Collection[str]) -> str:
    """As ``nearest`` for names in capitals."""
    by_lower = {one.lower(): one for one in known}
    hint = nearest(name, by_lower)
    return hint.upper().replace("DID YOU MEAN", "did you mean") if hint else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:g}s" if seconds < MAX_DURATION else "292 years"
