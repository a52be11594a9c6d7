"""Signatures on queries and answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Envelope, Query, Seal
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Host
from resolver.errors import WireError
from resolver.plugins.tsig.settings import Settings
from resolver.wire.constants import BADKEY, BADTIME, FORMERR, NOERROR, NOTAUTH, OPCODE_MASK, REFUSED, type_name
from resolver.wire.message import scan
from resolver.wire.names import suffixes, to_text
from resolver.wire.tsig import (
    BADSIG,
    FUDGE,
    Key,
    Signature,
    Signer,
    append,
    error_name,
    read_signature,
    room_of,
    verify,
)

_UNSIGNED: Final = (BADKEY, BADSIG)


class Tsig(Plugin):
    """Looks at signatures before anything answers, and leaves with the query how its answers are to be signed.

    Signed queries are never replayed, so each of them comes by; what is replayed was asked for without a signature,
    and would be let pass again.
    """

    name = "tsig"
    transparent = True
    sees_notify = True

    def __init__(self, settings: Settings, host: Host, wall: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.log = host.log.named(self.name)
        self._wall = wall
        self._signed_only = settings.types != frozenset() or settings.opcodes != frozenset()

    def key(self, name: bytes) -> Key | None:
        """The key of a lower-case wire name."""
        return self.settings.keys.get(name)

    async def resolve(self, query: Query, next: Handler) -> Reply:
        envelope = query.envelope
        is_signed = envelope is not None and envelope.signed
        if not is_signed and not (self._signed_only and self._is_required(query)):
            return await next(query)
        if not any(zone in self.settings.zones for zone in suffixes(query.name)):
            return await next(query)
        if query.depth:
            return await self._asked_within(query, next)
        if envelope is None or not is_signed:
            self.log.debug(f"{type_name(query.qtype)} query for {to_text(query.name)} has to be signed and is not")
            return failure(query, self.name, REFUSED)
        return self._refusal(query, envelope) or await next(query)

    async def _asked_within(self, query: Query, next: Handler) -> Reply:
        """A question that the server asks itself in order to answer one that was verified where it came in."""
        envelope = query.envelope
        trusted = envelope is not None and envelope.key is not None and envelope.key in self.settings.keys.values()
        if trusted or not self._is_required(query):
            return await next(query)
        return failure(query, self.name, REFUSED)

    def _is_required(self, query: Query) -> bool:
        types, opcodes = self.settings.types, self.settings.opcodes
        if types is None or query.qtype in types:
            return True
        return opcodes is None or (query.flags & OPCODE_MASK) >> 11 in opcodes

    def _refusal(self, query: Query, envelope: Envelope) -> Reply | None:
        """What a bad signature is answered with (RFC 8945 section 5.2); None for a good one."""
        now = int(self._wall())
        try:
            signature = read_signature(scan(envelope.packet))
            if signature is None:
                return failure(query, self.name, FORMERR)
            key = self.settings.keys.get(signature.name)
            error = verify(envelope.packet, signature, key, now)
        except WireError as malformed:
            self.log.debug(f"the signature on a query for {to_text(query.name)} is malformed: {malformed}")
            return failure(query, self.name, FORMERR)
        envelope.room = room_of(signature.name, signature.algorithm)
        if error in _UNSIGNED or key is None:
            envelope.seal = _marked(signature, error, now)
        else:
            envelope.seal = _signed(Signer(key, signature.algorithm, signature.mac), signature, error, self._wall)
        if error == NOERROR:
            envelope.key = key
            return None
        self.log.debug(f"the signature on a query for {to_text(query.name)} is bad: {error_name(error)}")
        return failure(query, self.name, NOTAUTH)


def _marked(signature: Signature, error: int, now: int) -> Seal:
    """Says what is wrong without a signature: there is no key that both sides know (section 5.3.2)."""

    def seal(octets: bytes) -> bytes:
        stub = signature._replace(time=now, fudge=FUDGE, mac=b"", original_id=octets[:2], error=error, other=b"")
        return append(octets, stub)

    return seal


def _signed(signer: Signer, signature: Signature, error: int, wall: Callable[[], float]) -> Seal:
    """Signs every message; a client whose clock is wrong is told the time (section 5.2.3)."""

    def seal(octets: bytes) -> bytes:
        now = int(wall())
        if error == BADTIME:
            return signer.sign(octets, signature.time, error=error, other=now.to_bytes(6, "big"))
        return signer.sign(octets, now, error=error)

    return seal
