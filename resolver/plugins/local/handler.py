"""Answers for names that mean the machine itself, wherever they are asked."""

from __future__ import annotations

import math
from struct import Struct
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.setup import Host
from resolver.wire.constants import AAAA, IN, NS, NXDOMAIN, PTR, SOA, A
from resolver.wire.names import from_text, is_below, to_text
from resolver.wire.records import Record

TTL: Final = 604800  # seconds: a week
_LOCALHOST: Final = from_text("localhost.")
_PREFIX: Final = b"\x09localhost"
_ZONES: Final = tuple(map(from_text, ("localhost.", "0.in-addr.arpa.", "127.in-addr.arpa.", "255.in-addr.arpa.")))
_ITSELF: Final = from_text("1.0.0.127.in-addr.arpa.")
_NUMBERS: Final = Struct("!IIIII").pack(1, 0, 0, 0, TTL)
_START: Final = _LOCALHOST + from_text("root.localhost.") + _NUMBERS
_LOOPBACK: Final = {A: bytes((127, 0, 0, 1)), AAAA: bytes(15) + b"\1"}


class Local(Plugin):
    """RFC 6761 section 6.3 and the reverse zones; ``has_prefix`` also takes ``localhost.`` in front of any domain."""

    name = "local"
    transparent = True

    def __init__(self, host: Host, *, has_prefix: bool) -> None:
        self._has_prefix = has_prefix
        self._log = host.log.named(self.name)
        self._count = host.registry.counter(
            "coredns_local_localhost_requests_total",
            "Queries for names below localhost, or for localhost below a domain.",
        ).cell()

    async def resolve(self, query: Query, next: Handler) -> Reply:
        name = query.name
        if name != _LOCALHOST and (is_below(name, _LOCALHOST) or (self._has_prefix and name.startswith(_PREFIX))):
            self._count.value += 1
            self._log.debug(f"query for {to_text(name)} from {query.client[0]} answered here")
            return self._loopback(query)
        zone = _zone_of(name)
        return await next(query) if zone is None else self._in_zone(query, zone)

    def _loopback(self, query: Query) -> Reply:
        reply = _address(query, self.name) or _nothing(query, self.name, query.qname)
        reply.replay = Replay(math.inf, counts=(self._replayed,))
        return reply

    def _in_zone(self, query: Query, zone: bytes) -> Reply:
        at = query.qname[-len(zone) :]
        if query.name == zone:
            reply = _apex(query, self.name) or _nothing(query, self.name, at)
        elif query.name == _ITSELF:
            answer = [Record(query.qname, PTR, IN, TTL, _LOCALHOST)] if query.qtype == PTR else []
            reply = _answered(query, self.name, answer) if answer else _nothing(query, self.name, at)
        else:
            reply = _nothing(query, self.name, at, NXDOMAIN)
        reply.replay = Replay(math.inf)
        return reply

    def _replayed(self, count: int) -> None:
        self._count.value += count


def _zone_of(name: bytes) -> bytes | None:
    return next((zone for zone in _ZONES if is_below(name, zone)), None)


def _apex(query: Query, source: str) -> Reply | None:
    if query.qtype == SOA:
        return _answered(query, source, [Record(query.qname, SOA, IN, TTL, _START)])
    if query.qtype == NS:
        return _answered(query, source, [Record(query.qname, NS, IN, TTL, _LOCALHOST)])
    return _address(query, source) if query.name == _LOCALHOST else None


def _address(query: Query, source: str) -> Reply | None:
    rdata = _LOOPBACK.get(query.qtype)
    return None if rdata is None else _answered(query, source, [Record(query.qname, query.qtype, IN, TTL, rdata)])


def _answered(query: Query, source: str, answer: list[Record]) -> Reply:
    return from_records(query, source, answer, authoritative=False)


def _nothing(query: Query, source: str, zone: bytes, rcode: int = 0) -> Reply:
    start = Record(zone, SOA, IN, TTL, _START)
    return from_records(query, source, authority=[start], rcode=rcode, authoritative=False)
