"""The algorithms, by the library ``cryptography``; imported only where something is signed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from resolver.dnssec.keys import ECDSAP256, ECDSAP384, ED25519, RSASHA1, RSASHA1_NSEC3, RSASHA256, RSASHA512
from resolver.errors import SigningError

SignOctets: TypeAlias = Callable[[bytes], bytes]
Fields: TypeAlias = Mapping[str, str]

_RSA_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    RSASHA1: hashes.SHA1(),  # noqa: S303 - zones that are signed so are told to change, not left unsigned
    RSASHA1_NSEC3: hashes.SHA1(),  # noqa: S303
    RSASHA256: hashes.SHA256(),
    RSASHA512: hashes.SHA512(),
}
_CURVES: Final[dict[int, tuple[ec.EllipticCurve, hashes.HashAlgorithm, int]]] = {
    ECDSAP256: (ec.SECP256R1(), hashes.SHA256(), 32),
    ECDSAP384: (ec.SECP384R1(), hashes.SHA384(), 48),
}


def signer_of(rdata: bytes, fields: Fields) -> SignOctets:
    """What signs for the DNSKEY with that rdata, by the fields of its private key file.

    Raises SigningError where fields are missing or wrong, or belong to another public key.
    """
    algorithm, material = rdata[3], rdata[4:]
    if fields.get("algorithm", "").split(" ")[0] != str(algorithm):
        raise SigningError("has another algorithm than the public key")
    try:
        if algorithm in _CURVES:
            public, sign = _elliptic(algorithm, fields)
        elif algorithm == ED25519:
            public, sign = _edwards(fields)
        else:
            public, sign = _rsa(algorithm, fields)
        sign(b"")
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(f"is not a key that can sign: {error}") from None
    if public != material:
        raise SigningError("does not belong to the public key")
    return sign


def _elliptic(algorithm: int, fields: Fields) -> tuple[bytes, SignOctets]:
    """ECDSA (RFC 6605): a point without its leading octet, and signatures of two numbers of a fixed size."""
    curve, digest, size = _CURVES[algorithm]
    key = ec.derive_private_key(_number(fields, "privatekey"), curve)
    how = ec.ECDSA(digest)

    def sign(octets: bytes) -> bytes:
        first, second = decode_dss_signature(key.sign(octets, how))
        return first.to_bytes(size, "big") + second.to_bytes(size, "big")

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:], sign


def _edwards(fields: Fields) -> tuple[bytes, SignOctets]:
    """Ed25519 (RFC 8080)."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(_octets(fields, "privatekey"))
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), key.sign


def _rsa(algorithm: int, fields: Fields) -> tuple[bytes, SignOctets]:
    """RSA (RFC 3110, RFC 5702): length of the exponent, exponent, modulus."""
    exponent, modulus = _number(fields, "publicexponent"), _number(fields, "modulus")
    key = rsa.RSAPrivateNumbers(
        _number(fields, "prime1"),
        _number(fields, "prime2"),
        _number(fields, "privateexponent"),
        _number(fields, "exponent1"),
        _number(fields, "exponent2"),
        _number(fields, "coefficient"),
        rsa.RSAPublicNumbers(exponent, modulus),
    ).private_key()
    how, digest = padding.PKCS1v15(), _RSA_HASHES[algorithm]
    power = exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")
    length = bytes((len(power),)) if len(power) < 256 else b"\0" + len(power).to_bytes(2, "big")
    public = length + power + modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")
    return public, lambda octets: key.sign(octets, how, digest)


def _octets(fields: Fields, name: str) -> bytes:
    if name not in fields:
        raise SigningError(f"has no field {name}")
    try:
        return base64.b64decode(fields[name], validate=True)
    except binascii.Error:
        raise SigningError(f"has a field {name} that is not base64") from None


def _number(fields: Fields, name: str) -> int:
    return int.from_bytes(_octets(fields, name), "big")
