"""Pins of public keys: SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4, RFC 7858 section 4.2)."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from resolver.errors import WireError

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_FIELDS_BEFORE_KEY: Final = 5  # serial number, signature, issuer, validity, subject (RFC 5280 section 4.1)


class _Element(NamedTuple):
    tag: int
    start: int
    content: int
    end: int


def fingerprint(certificate: bytes) -> bytes:
    """The 32 octets that a pin holds, for a certificate in DER. Raises WireError for what is none."""
    outer = _element(certificate, 0, len(certificate), _SEQUENCE)
    body = _element(certificate, outer.content, outer.end, _SEQUENCE)
    at = body.content
    first = _element(certificate, at, body.end)
    if first.tag == _VERSION:
        at = first.end
    for _ in range(_FIELDS_BEFORE_KEY):
        at = _element(certificate, at, body.end).end
    key = _element(certificate, at, body.end, _SEQUENCE)
    return sha256(certificate[key.start : key.end]).digest()


def _element(octets: bytes, start: int, limit: int, tag: int | None = None) -> _Element:
    """The element at ``start``, which must end within ``limit``. Raises WireError."""
    if start + 2 > limit or (tag is not None and octets[start] != tag):
        raise WireError("this is not a certificate")
    length, content = octets[start + 1], start + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or content + size > limit:
            raise WireError("this is not a certificate")
        length = int.from_bytes(octets[content : content + size], "big")
        content += size
    if content + length > limit:
        raise WireError("this is not a certificate")
    return _Element(octets[start], start, content, content + length)
