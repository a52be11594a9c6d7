"""Texts that can be compared and not read."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_OCTETS: Final = 16
SHORTEST_KEY: Final = 16  # octets


class Hasher:
    """Keyed hashes (RFC 7693): without the key nobody can find a name by trying names."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret).digest()

    def hash(self, text: str) -> str:
        """The same for the same text and secret: ``h:`` and 32 hexadecimal digits."""
        return "h:" + blake2b(text.encode(), digest_size=_OCTETS, key=self._key).hexdigest()
