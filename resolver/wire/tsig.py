"""Signatures over whole messages, made with shared keys (RFC 8945). Pure: the time is handed in."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple

from resolver.errors import WireError
from resolver.wire.constants import ANY_CLASS, BADKEY, BADTIME, BADTRUNC, MAX_MESSAGE, NOERROR, TSIG
from resolver.wire.message import Message
from resolver.wire.names import from_text, plain_name, read_name

BADSIG: Final = 16

ALGORITHMS: Final = {
    from_text(f"hmac-{name}"): (name, size)
    for name, size in (("sha1", 20), ("sha224", 28), ("sha256", 32), ("sha384", 48), ("sha512", 64))
}
"""The algorithms by wire name: what the standard library calls the hash, and its octets. MD5 is not among them."""

DEFAULT_ALGORITHM: Final = from_text("hmac-sha256")
FUDGE: Final = 300

_FIXED = Struct("!HHIH")
_SHORTEST_MAC: Final = 10
_MOST_UNSIGNED: Final = 99  # messages of a transfer between two that are signed (RFC 8945 section 5.3.1)


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that two servers share; ``name`` is a lower-case wire name.

    ``algorithm`` is the wire name of the only one that the key is for, None for any that there is.
    """

    name: bytes
    secret: bytes = field(repr=False)
    algorithm: bytes | None = None


class Signature(NamedTuple):
    """A TSIG record: names in lower case, ``time`` in seconds since 1970, ``start`` its offset in the message."""

    start: int
    name: bytes
    algorithm: bytes
    time: int
    fudge: int
    mac: bytes
    original_id: bytes
    error: int
    other: bytes


def read_signature(message: Message) -> Signature | None:
    """The signature on a scanned message. Raises WireError where the record is malformed (section 4.2)."""
    if not message.tsig:
        return None
    octets, start = message.octets, message.tsig
    name, at = read_name(octets, start)
    _, rclass, ttl, length = _FIXED.unpack_from(octets, at)
    rdata = octets[at + 10 : at + 10 + length]
    algorithm, at = plain_name(rdata, 0)
    size = int.from_bytes(rdata[at + 8 : at + 10], "big")
    behind = at + 10 + size
    other = int.from_bytes(rdata[behind + 4 : behind + 6], "big")
    if rclass != ANY_CLASS or ttl or len(rdata) != behind + 6 + other:
        raise WireError("TSIG is malformed")
    return Signature(
        start,
        name.lower(),
        algorithm.lower(),
        int.from_bytes(rdata[at : at + 6], "big"),
        int.from_bytes(rdata[at + 6 : at + 8], "big"),
        rdata[at + 10 : behind],
        rdata[behind : behind + 2],
        int.from_bytes(rdata[behind + 2 : behind + 4], "big"),
        rdata[behind + 6 :],
    )


def verify(octets: bytes, signature: Signature, key: Key | None, now: int, request: bytes = b"") -> int:
    """What is wrong with a signature: 0, BADKEY, BADSIG, BADTIME or BADTRUNC, looked for in this order (section 5.2).

    ``request`` is the MAC of the query where the message answers one. Raises WireError for a MAC of a length that no
    honest signer makes (section 5.2.2.1).
    """
    known = ALGORITHMS.get(signature.algorithm)
    if key is None or known is None or key.algorithm not in (None, signature.algorithm):
        return BADKEY
    covered = _prior(request) + _unsigned(octets, signature) + _variables(signature)
    return _judge(signature, key, known, covered, now)


def _judge(signature: Signature, key: Key, known: tuple[str, int], covered: bytes, now: int) -> int:
    hash_name, size = known
    mac = signature.mac
    if not max(_SHORTEST_MAC, size // 2) <= len(mac) <= size:
        raise WireError("MAC has a length that it cannot have")
    if not hmac.compare_digest(mac, hmac.digest(key.secret, covered, hash_name)[: len(mac)]):
        return BADSIG
    if abs(now - signature.time) > signature.fudge:
        return BADTIME
    return NOERROR if len(mac) == size else BADTRUNC


class Signer:
    """Signs the messages of one side in a row: a query, an answer, or all answers of a transfer.

    ``request`` is the MAC of the query that is answered, empty for a query. ``mac`` is that of the last message.
    """

    __slots__ = ("_first", "algorithm", "key", "mac", "room")

    def __init__(self, key: Key, algorithm: bytes | None = None, request: bytes = b"") -> None:
        self.key = key
        self.algorithm = algorithm or key.algorithm or DEFAULT_ALGORITHM
        self.mac = request
        self._first = True
        self.room = room_of(key.name, self.algorithm)

    def sign(self, octets: bytes, now: int, *, error: int = NOERROR, other: bytes = b"") -> bytes:
        """The message with its signature. Raises WireError where there is no room for it."""
        stub = Signature(0, self.key.name, self.algorithm, now, FUDGE, b"", octets[:2], error, other)
        behind = _variables(stub) if self._first else _timers(stub)
        covered = _prior(self.mac) + octets + behind
        self.mac = hmac.digest(self.key.secret, covered, ALGORITHMS[self.algorithm][0])
        self._first = False
        return append(octets, stub._replace(mac=self.mac))


class Verifier:
    """Verifies the messages that answer a signed query, of which not each has to be signed (section 5.3.1)."""

    __slots__ = ("_covered", "_first", "_key", "_mac", "_unsigned")

    def __init__(self, key: Key, request: bytes) -> None:
        self._key = key
        self._mac = request
        self._covered = b""
        self._first = True
        self._unsigned = 0

    @property
    def is_complete(self) -> bool:
        """Whether a signature covers everything so far."""
        return not self._first and not self._unsigned

    def take(self, message: Message, now: int) -> None:
        """The next message. Raises WireError where it cannot be trusted."""
        signature = read_signature(message)
        if signature is None:
            self._unsigned += 1
            if self._first or self._unsigned > _MOST_UNSIGNED:
                raise WireError("the answer is not signed")
            self._covered += message.octets
            return
        known = ALGORITHMS.get(signature.algorithm)
        key = self._key
        if known is None or signature.name != key.name or key.algorithm not in (None, signature.algorithm):
            raise WireError("the answer is signed with another key or algorithm")
        behind = _variables(signature) if self._first else _timers(signature)
        covered = _length(self._mac) + self._covered + _unsigned(message.octets, signature) + behind
        error = signature.error or _judge(signature, key, known, covered, now)
        if error:
            raise WireError(f"the signature of the answer is bad ({_ERRORS.get(error, error)})")
        self._mac, self._covered, self._first, self._unsigned = signature.mac, b"", False, 0


def append(octets: bytes, signature: Signature) -> bytes:
    """The message with the record behind it. Raises WireError where there is no room for it."""
    rdata = (
        signature.algorithm
        + _timers(signature)
        + _length(signature.mac)
        + signature.original_id
        + signature.error.to_bytes(2, "big")
        + _length(signature.other)
    )
    fixed = _FIXED.pack(TSIG, ANY_CLASS, 0, len(rdata))
    count = int.from_bytes(octets[10:12], "big") + 1
    signed = octets[:10] + count.to_bytes(2, "big") + octets[12:] + signature.name + fixed + rdata
    if len(signed) > MAX_MESSAGE:
        raise WireError("message has no room for its signature")
    return signed


def room_of(name: bytes, algorithm: bytes) -> int:
    """How many octets a signature takes at most, the server's time in it included (section 5.2.3)."""
    return len(name) + len(algorithm) + 10 + 16 + ALGORITHMS.get(algorithm, ("", 0))[1] + 6


_ERRORS: Final = {BADSIG: "BADSIG", BADKEY: "BADKEY", BADTIME: "BADTIME", BADTRUNC: "BADTRUNC"}


def error_name(error: int) -> str:
    """``BADSIG`` for 16, which is BADVERS elsewhere."""
    return _ERRORS.get(error, str(error))


def _length(octets: bytes) -> bytes:
    return len(octets).to_bytes(2, "big") + octets


def _prior(mac: bytes) -> bytes:
    """How the MAC before this one is covered; a query has none."""
    return _length(mac) if mac else b""


def _unsigned(octets: bytes, signature: Signature) -> bytes:
    """The message as it was before it was signed (section 4.3.2)."""
    count = int.from_bytes(octets[10:12], "big") - 1
    return signature.original_id + octets[2:10] + count.to_bytes(2, "big") + octets[12 : signature.start]


def _variables(signature: Signature) -> bytes:
    """What is covered beside a first message (section 4.3.3)."""
    return (
        signature.name
        + b"\0\xff\0\0\0\0"
        + signature.algorithm
        + _timers(signature)
        + signature.error.to_bytes(2, "big")
        + _length(signature.other)
    )


def _timers(signature: Signature) -> bytes:
    """What is covered beside the following messages (section 5.3.1)."""
    return signature.time.to_bytes(6, "big") + signature.fudge.to_bytes(2, "big")
