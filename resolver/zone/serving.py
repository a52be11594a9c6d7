"""Zones that a directive serves: who has which, who follows their changes, and answers from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.wire.constants import AA, ANY, AXFR, DNAME, DS, IXFR, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, YXDOMAIN
from resolver.wire.message import Sections
from resolver.wire.names import is_below, parent, suffixes, to_text
from resolver.wire.records import Body, encode
from resolver.zone.alias import behind_alias
from resolver.zone.data import Zone
from resolver.zone.lookup import Found, Outcome, lookup

Changed = Callable[[bytes, Zone | None, Zone | None], None]
"""Is told of an origin, what was served for it before, and what is now."""

MAX_KEPT: Final = 4 << 20
"""Octets of memory, about, for answers of a zone that are kept as they leave."""

_KEPT_OVERHEAD: Final = 500
_Key = tuple[bytes, int, bool]
_Kept = tuple[int, int, Body]
_RCODES: Final = {Outcome.NO_NAME: NXDOMAIN, Outcome.TOO_LONG: YXDOMAIN}


@runtime_checkable
class ZoneSource(Protocol):
    """A part that serves whole zones, which others hand on (transfer) or sign."""

    def zones(self) -> Mapping[bytes, Zone]:
        """The zones by origin (lower-case wire name), without those that are expired or were never there."""

    def follow_zones(self, changed: Changed) -> Callable[[], None]:
        """Be told of every change until the returned function is called."""


class ZoneAnswers:
    """The zones of one directive, and answers from them.

    An origin is claimed before it has data, and after that has expired: questions for it fail then. ``fallthrough``
    are the zones in which names that are not there go on to the next plugin, ``growing`` those in which zones may
    appear that are not known yet.
    """

    def __init__(
        self, source: str, host: Host, fallthrough: tuple[bytes, ...] = (), growing: tuple[bytes, ...] = ()
    ) -> None:
        self._source = source
        self._host = host
        self._fallthrough = fallthrough
        self._growing = growing
        self._claimed: dict[bytes, _Served | None] = {}
        self._zones: dict[bytes, Zone] = {}
        self._followers: list[Changed] = []
        self._tag: Final = object()

    # --- which zones there are

    def zones(self) -> Mapping[bytes, Zone]:
        """The zones that are answered from; a view that follows changes."""
        return MappingProxyType(self._zones)

    def follow_zones(self, changed: Changed) -> Callable[[], None]:
        """Be told of every change until the returned function is called."""
        self._followers.append(changed)
        return lambda: self._followers.remove(changed) if changed in self._followers else None

    def find(self, name: bytes) -> bytes | None:
        """The longest origin that a lower-case name is within."""
        for suffix in suffixes(name):
            if suffix in self._claimed:
                return suffix
        return None

    def claim(self, origin: bytes) -> None:
        """Answer for an origin from now on, with SERVFAIL as long as there is no zone; also what expiry does."""
        self._replace(origin, None)
        self._claimed[origin] = None

    def put(self, zone: Zone) -> None:
        """Answer from this zone from now on."""
        self._claimed[zone.origin] = _Served(zone, self.tag(zone.origin))
        self._replace(zone.origin, zone)

    def drop(self, origin: bytes) -> None:
        """Answer no more for an origin: what is in it belongs to a longer or shorter one, or the next plugin."""
        self._claimed.pop(origin, None)
        self._replace(origin, None)

    def tag(self, origin: bytes) -> Hashable:
        """What is withdrawn when the zone changes."""
        return (self._tag, origin)

    def _replace(self, origin: bytes, zone: Zone | None) -> None:
        before = self._zones.pop(origin, None) if zone is None else self._zones.get(origin)
        if zone is not None:
            self._zones[origin] = zone
        if before is None:  # answers for its names came from elsewhere until now
            self._host.withdraw(self._tag)
        self._host.withdraw(self.tag(origin))
        for changed in tuple(self._followers):
            changed(origin, before, zone)

    # --- what parts in front that keep answers must know (capabilities.Overlay)

    def claims(self, name: bytes) -> bool:
        """Whether the answer for the name comes from here now."""
        origin = self.find(name)
        if origin is None:
            return False
        served = self._claimed[origin]
        if served is None or not _is_within(name, self._fallthrough):
            return True
        return not _is_missing(served.zone, name, lookup(served.zone, name, ANY))

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        """The tags that are withdrawn when answers for the name begin to come from here."""
        grows = (self._tag,) if _is_within(name, self._growing) else ()
        if _is_within(name, self._fallthrough):
            origin = self.find(name)
            return grows if origin is None else (*grows, self.tag(origin))
        return grows

    # --- what is in them

    async def resolve(self, query: Query, next: Handler) -> Reply:
        """The answer from the zone that the name is in; names outside of all zones go to the next plugin."""
        origin = self.find(query.name)
        if origin is None:
            reply = await next(query)
            return reply.tagged((self._tag,)) if _is_within(query.name, self._growing) else reply
        if query.qtype == DS and origin == query.name:  # the parent's side of a cut, if it is here (RFC 4035 3.1.4.1)
            origin = self.find(parent(origin)) or origin
        served = self._claimed[origin]
        if query.qtype in (AXFR, IXFR):
            return failure(query, self._source, REFUSED)
        if served is None:
            return failure(query, self._source, SERVFAIL, error=f"the zone {to_text(origin)} has no data")
        key = (query.name, query.qtype, query.do)
        kept = served.kept.get(key)
        if kept is not None:
            rcode, flags, body = kept
            return Reply(query.question, rcode, flags, b"", self._source, served.leave, "", "", body)
        found = lookup(served.zone, query.name, query.qtype, do=query.do)
        if found.wildcard and query.metadata is not None:
            query.metadata["zone/wildcard"] = to_text(found.wildcard)
        if _is_within(query.name, self._fallthrough) and _is_missing(served.zone, query.name, found):
            return (await next(query)).tagged((self._tag, *served.leave.tags))
        if query.trail is not None and not query.depth and query.name not in served.zone.nodes:
            query.trail.made_from = _made_from(found)
        if found.outcome is Outcome.ALIAS:
            return await behind_alias(query, found, served.zone, self._host, self._source, served.leave)
        rcode = _RCODES.get(found.outcome, NOERROR)
        flags = 0 if found.outcome is Outcome.REFERRAL and not found.answer else AA
        sections = Sections(found.answer, found.authority, found.additional)
        body = encode(query.qname, *sections)
        if query.name in served.zone.nodes and not found.wildcard:  # names made from wildcards are without number
            served.keep(key, (rcode, flags, body))
        return Reply(query.question, rcode, flags, b"", self._source, served.leave, "", "", body, decoded=sections)


class _Served:
    """A zone with the leave to replay that its answers have, and answers that were given, by name, type and DO.

    Whoever asks in the very same octets is answered without coming here; kept answers are for all others.
    """

    __slots__ = ("_octets", "kept", "leave", "zone")

    def __init__(self, zone: Zone, tag: Hashable) -> None:
        self.zone = zone
        self.leave = Replay(math.inf, tags=(tag,), live=True)
        self.kept: dict[_Key, _Kept] = {}
        self._octets = 0

    def keep(self, key: _Key, answer: _Kept) -> None:
        self._octets += len(answer[2].data) + _KEPT_OVERHEAD
        if self._octets > MAX_KEPT:
            self.kept.clear()
            self._octets = 0
        self.kept[key] = answer


def _made_from(found: Found) -> bytes:
    """What the answer for a name that is not there was made from: a wildcard, or the owner of a DNAME."""
    first = found.answer[0] if found.answer else None
    return first.owner.lower() if first is not None and first.type == DNAME else found.wildcard


def _is_within(name: bytes, zones: tuple[bytes, ...]) -> bool:
    return any(is_below(name, zone) for zone in zones)


def _is_missing(zone: Zone, name: bytes, found: Found) -> bool:
    """Whether the zone has nothing to say about the name; one that only has names below it counts as missing too."""
    if found.answer:
        return False
    return found.outcome is Outcome.NO_NAME or (found.outcome is Outcome.NO_DATA and zone.nodes.get(name) == ())
