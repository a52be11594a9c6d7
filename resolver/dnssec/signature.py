"""Making RRSIG records (RFC 4034 section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final, NamedTuple

from resolver.dnssec.canonical import signed_set
from resolver.dnssec.keys import Key
from resolver.wire.names import count_labels

_HEAD = Struct("!HBBIIIH")  # type covered, algorithm, labels, original TTL, expiration, inception, key tag
_WILDCARD: Final = b"\1*"


class Validity(NamedTuple):
    """When a signature begins and ends to be valid, in whole seconds since 1970."""

    inception: int
    expiration: int


class Signable(NamedTuple):
    """A record set of class IN that is ready to be signed as one of the zone ``signer``.

    ``octets`` are the set in canonical form, ``labels`` how many its owner has without a wildcard in front.
    """

    rtype: int
    labels: int
    original_ttl: int
    signer: bytes
    octets: bytes


def signable(owner: bytes, rtype: int, original_ttl: int, rdatas: Iterable[bytes], signer: bytes) -> Signable:
    """The set as it will be signed; ``signer`` is a lower-case wire name. Raises WireError."""
    labels = count_labels(owner) - owner.startswith(_WILDCARD)
    return Signable(rtype, labels, original_ttl, signer, signed_set(owner, rtype, original_ttl, rdatas))


def sign(records: Signable, key: Key, validity: Validity) -> bytes:
    """The rdata of an RRSIG by one key."""
    rtype, labels, original_ttl, signer, octets = records
    begin, end = validity.inception & 0xFFFFFFFF, validity.expiration & 0xFFFFFFFF
    head = _HEAD.pack(rtype, key.algorithm, labels, original_ttl, end, begin, key.tag) + signer
    return head + key.sign(head + octets)


def validity_of(rrsig: bytes) -> Validity:
    """The times in the rdata of an RRSIG; right until 2106."""
    _, _, _, _, expiration, inception, _ = _HEAD.unpack_from(rrsig)
    return Validity(inception, expiration)


def covered_type(rrsig: bytes) -> int:
    """The type of the records that an RRSIG is for."""
    return int.from_bytes(rrsig[:2], "big")


def tag_of(rrsig: bytes) -> int:
    """The tag of the key that made an RRSIG."""
    return int.from_bytes(rrsig[16:18], "big")
