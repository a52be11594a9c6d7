"""Signing keys made on the spot, in files like those of dnssec-keygen."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any

import dns.dnssec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from resolver.dnssec.keys import ECDSAP256, ECDSAP384, ED25519, key_tag

ENTRY_POINT, ZONE_ONLY = 257, 256


@cache
def _private(algorithm: int, number: int) -> Any:
    """A private key; RSA keys take long to make, so the same number gives the same key."""
    if algorithm == ECDSAP256:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == ECDSAP384:
        return ec.generate_private_key(ec.SECP384R1())
    if algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def write_key(
    folder: Path, zone: str, algorithm: int = ECDSAP256, flags: int = ENTRY_POINT, *, number: int = 0, ttl: str = ""
) -> Path:
    """Write a key pair for a zone such as ``example.org.``; its path without the endings."""
    private = _private(algorithm, number)
    record = dns.dnssec.make_dnskey(private.public_key(), algorithm, flags)
    rdata = record.to_wire()
    assert rdata is not None
    base = folder / f"K{zone}+{algorithm:03d}+{key_tag(rdata):05d}"
    public = f"; made for a test\n{zone} {ttl} IN DNSKEY {record.to_text()}\n"
    Path(f"{base}.key").write_text(public)
    lines = [f"{name}: {base64.b64encode(octets).decode()}" for name, octets in _fields(private).items()]
    head = ["Private-key-format: v1.3", f"Algorithm: {algorithm} (TEST)"]
    Path(f"{base}.private").write_text("\n".join([*head, *lines, "Created: 20260101000000", ""]))
    return base


def _fields(private: Any) -> dict[str, bytes]:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return {"PrivateKey": private.private_bytes_raw()}
    numbers = private.private_numbers()
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return {"PrivateKey": numbers.private_value.to_bytes(private.key_size // 8, "big")}
    named = {
        "Modulus": numbers.public_numbers.n,
        "PublicExponent": numbers.public_numbers.e,
        "PrivateExponent": numbers.d,
        "Prime1": numbers.p,
        "Prime2": numbers.q,
        "Exponent1": numbers.dmp1,
        "Exponent2": numbers.dmq1,
        "Coefficient": numbers.iqmp,
    }
    return {name: value.to_bytes((value.bit_length() + 7) // 8, "big") for name, value in named.items()}
