"""Files of weights: a name on a line, then its addresses, each with a weight."""

from __future__ import annotations

from collections.abc import Iterable
from socket import AF_INET, AF_INET6, inet_pton
from typing import TypeAlias

from resolver.errors import ConfigError, Place, WireError
from resolver.wire.names import from_text

Weights: TypeAlias = dict[bytes, dict[bytes, int]]
DEFAULT_WEIGHT = 1


def read_weights(lines: Iterable[bytes], file: str) -> Weights:
    """Weights (1 to 255) by lower-case wire name and address octets. Raises ConfigError at the line."""
    weights: Weights = {}
    current: dict[bytes, int] | None = None
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith(b"#"):
            continue
        place = Place(file, number)
        if len(words) == 1:
            current = weights.setdefault(_name(words[0], place), {})
        elif len(words) > 2:
            raise ConfigError("a line has a name, or an address and its weight", place)
        elif current is None:
            raise ConfigError("a name must stand before the first address", place)
        else:
            current[_address(words[0], place)] = _weight(words[1], place)
    return weights


def _name(word: bytes, place: Place) -> bytes:
    if _packed(word) is not None:
        raise ConfigError(f"address {word.decode()} has no weight", place)
    try:
        return from_text(word.decode("ascii")).lower()
    except (WireError, UnicodeError):
        raise ConfigError(f"{word.decode('utf-8', 'replace')!r} is not a name", place) from None


def _address(word: bytes, place: Place) -> bytes:
    packed = _packed(word)
    if packed is None:
        raise ConfigError(f"{word.decode('utf-8', 'replace')!r} is not an IP address", place)
    return packed


def _weight(word: bytes, place: Place) -> int:
    if not word.isdigit() or len(word) > 3 or not 1 <= int(word) <= 255:
        raise ConfigError(f"weight {word.decode('utf-8', 'replace')!r} is not a number from 1 to 255", place)
    return int(word)


def _packed(word: bytes) -> bytes | None:
    try:
        return inet_pton(AF_INET6 if b":" in word else AF_INET, word.decode("ascii"))
    except (OSError, UnicodeError, ValueError):
        return None
