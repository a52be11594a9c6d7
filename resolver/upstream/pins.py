"""Pins of public keys: SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4, RFC 7858 section 4.2)."""

from __future__ import annotations

from hashlib import sha256

from resolver.errors import WireError
from resolver.wire.der import KEY, SEQUENCE, certificate_field


def fingerprint(certificate: bytes) -> bytes:
    """The 32 octets that a pin holds, for a certificate in DER. Raises WireError for what is none."""
    key = certificate_field(certificate, KEY)
    if key.tag != SEQUENCE:
        raise WireError("this is not a certificate")
    return sha256(certificate[key.start : key.end]).digest()
