"""Signing what the rest of the chain answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from resolver.chain.joined import because_of
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.chain.setup import Host
from resolver.dnssec.keys import OUTDATED
from resolver.errors import SigningError, WireError
from resolver.plugins.dnssec.kept import Signed
from resolver.plugins.dnssec.metrics import Meters
from resolver.plugins.dnssec.nsec import denial, no_signer
from resolver.plugins.dnssec.settings import Settings
from resolver.plugins.dnssec.shape import Kind, RecordSet, Shape, record_sets, shape_of
from resolver.plugins.dnssec.signer import ORIGINAL_TTL, Signer
from resolver.wire.constants import AXFR, DNSKEY, DS, EDE_OTHER, IN, IXFR, NOERROR, NS, NSEC, NXDOMAIN, RRSIG, SOA
from resolver.wire.message import Sections
from resolver.wire.names import parent, suffixes
from resolver.wire.records import Record, soa_minimum

_TRANSFERS: Final = frozenset((AXFR, IXFR))
_MOST_ADDITIONAL: Final = 64


class Dnssec(Plugin):
    """Answers DNSKEY itself, and signs every answer on its way to a client that wants signatures (DO)."""

    name = "dnssec"
    transparent = True

    def __init__(self, settings: Settings, host: Host, wall: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.signer = Signer(settings, wall)
        self._zones = frozenset(settings.zones)
        self._clock = host.clock
        self._registry = host.registry
        self._log = host.log.named(self.name)
        self._meters: dict[str, Meters] = {}
        self._unhook: Callable[[], None] | None = None

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.qclass != IN:
            return await next(query)
        if query.qtype == DNSKEY and query.name in self._zones:
            return await self._sign(query, self._own_keys(query), None)
        reply = await next(query)
        if (
            not query.do
            or reply.silent
            or reply.stream is not None
            or reply.rcode not in (NOERROR, NXDOMAIN)
            or query.qtype in _TRANSFERS
            or self._zone_of(query.name) is None
        ):
            return reply
        return await self._sign(query, reply, next)

    def _own_keys(self, query: Query) -> Reply:
        keys = self.settings.keys
        ttl = min([key.ttl for key in keys if key.ttl is not None], default=ORIGINAL_TTL)
        reply = from_records(query, self.name, [Record(query.qname, DNSKEY, IN, ttl, key.rdata) for key in keys])
        reply.replay = Replay(self._clock() + ORIGINAL_TTL)
        return reply

    async def _sign(self, query: Query, reply: Reply, next: Handler | None) -> Reply:
        """The reply with signatures; SERVFAIL where they cannot be made."""
        if not query.do:
            return reply
        meters = self._meters_of(query.site.server)
        try:
            signing = _Signing(self, query, reply, meters)
            return await signing.run(next)
        except SigningError as error:
            meters.rejects.value += 1
            return failure(query, self.name, ede=EDE_OTHER, text=str(error))
        except WireError as error:
            return failure(query, self.name, error=f"cannot be signed: {error}")

    def zone_for(self, owner: bytes, rtype: int) -> bytes | None:
        """The zone that signs records of this owner, in lower case; DS records belong to the zone above."""
        if rtype == DS and owner in self._zones:
            return self._zone_of(parent(owner)) if len(owner) > 1 else None
        return self._zone_of(owner)

    def is_apex(self, name: bytes) -> bool:
        """Whether a zone of ours begins at this name, in lower case."""
        return name in self._zones

    def until(self, leave: Replay, signed: Sequence[Signed]) -> float:
        """When an answer with these signatures has to be made anew."""
        seconds = min([self.signer.usable(one) for one in signed], default=0.0)
        return min(leave.until, self._clock() + seconds) if signed else leave.until

    def _zone_of(self, name: bytes) -> bytes | None:
        for suffix in suffixes(name):
            if suffix in self._zones:
                return suffix
        return None

    # --- life

    def succeed(self, previous: Any) -> None:
        """Go on with the signatures of the same keys from before a reload."""
        if isinstance(previous, Dnssec) and previous.settings == self.settings:
            self.signer.kept = previous.signer.kept

    async def start(self) -> None:
        """Show figures."""
        self._unhook = self._registry.before_read(self._show)
        for key in self.settings.keys:
            if key.algorithm in OUTDATED:
                self._log.warning(f"the algorithm of the key {key} is outdated: validators may ignore its signatures")

    async def stop(self) -> None:
        """Sign no more."""
        self.signer.close()
        if self._unhook is not None:
            self._unhook()
            self._unhook = None
        for meters in self._meters.values():
            meters.entries.value = 0

    def _show(self) -> None:
        for meters in self._meters.values():
            meters.entries.value = len(self.signer.kept)

    def _meters_of(self, server: str) -> Meters:
        meters = self._meters.get(server)
        if meters is None:
            meters = self._meters[server] = Meters(self._registry, server)
        return meters


class _Signing:
    """One answer on its way to being signed."""

    __slots__ = ("_meters", "_plugin", "_query", "_reply", "_signed")

    def __init__(self, plugin: Dnssec, query: Query, reply: Reply, meters: Meters) -> None:
        self._plugin = plugin
        self._query = query
        self._reply = reply
        self._meters = meters
        self._signed: list[Signed] = []

    async def run(self, next: Handler | None) -> Reply:
        """The reply with signatures. Raises SigningError and WireError."""
        query, reply, plugin = self._query, self._reply, self._plugin
        found = reply.sections
        shape = shape_of(query.name, query.qtype, found)
        answer, authority, additional = list(found.answer), list(found.authority), list(found.additional)
        proof: list[Record] = []
        if shape.kind != Kind.ANSWERED:
            asked = None
            if query.qtype == DS and shape.kind == Kind.DENIED and reply.rcode == NOERROR and next is not None:
                asked = await next(query.derive(qtype=NS))
                reply = because_of(reply, [asked])
            proof = self._proof(shape, found, asked)
        answer = await self._section(answer, lambda one: True)
        authority = await self._section(authority, lambda one: one.rtype != NS or plugin.is_apex(one.owner))
        if shape.kind == Kind.ANSWERED:
            additional = await self._section(additional, lambda one: True, _MOST_ADDITIONAL)
        rcode = reply.rcode
        if proof:
            proof = await self._section(proof, lambda one: True)
            rcode = NOERROR
            if query.qtype == NSEC and not answer:
                answer, authority = proof, []
            else:
                authority += proof
        return self._finished(reply, rcode, Sections(answer, authority, additional))

    def _finished(self, reply: Reply, rcode: int, sections: Sections) -> Reply:
        leave = reply.replay
        if leave is not None and self._signed:
            counts = (*leave.counts, *[self._meters.found] * len(self._signed))
            until = self._plugin.until(leave, self._signed)
            # turns of addresses are taken in front of this plugin; what comes with some here keeps one of them
            leave = Replay(until, leave.base, (), counts, leave.seen, leave.tags, leave.live)
        return Reply(
            reply.question, rcode, reply.flags, reply.options, reply.source, leave, reply.error, reply.upstream,
            None, reply.unset, reply.silent, sections, reply.stream, reply.inside,
        )  # fmt: skip

    def _proof(self, shape: Shape, found: Sections, asked: Reply | None) -> list[Record]:
        """The NSEC record that says what is not there; none for a name that is not in our zones."""
        if shape.kind == Kind.REFERRED and self._plugin.is_apex(shape.name):
            return []  # its own servers beside no answer say nothing about a zone below
        is_cut = shape.kind == Kind.REFERRED or (asked is not None and _has_servers(asked, shape.name))
        zone = self._plugin.zone_for(shape.name, DS if is_cut else self._query.qtype)
        zone = self._plugin.zone_for(shape.name, SOA) if zone is None else zone
        if zone is None:
            return []
        if is_cut and zone != shape.name:
            rdata = no_signer(shape.name, zone)
        else:
            rdata = denial(shape.name, self._query.qtype, zone)
        if shape.kind == Kind.REFERRED:
            ttl = min([one.ttl for one in found.authority])
        else:
            ttl = min([min(one.ttl, soa_minimum(one.rdata)) for one in found.authority if one.type == SOA], default=0)
        return [Record(shape.name, NSEC, IN, ttl, rdata)]

    async def _section(
        self, section: list[Record], wanted: Callable[[RecordSet], bool], most: int | None = None
    ) -> list[Record]:
        """The section with the signatures of each set behind it."""
        sets = record_sets(section)
        signatures: dict[tuple[bytes, int], Signed | asyncio.Future[Signed]] = {}
        for one in sets:
            zone = self._plugin.zone_for(one.owner, one.rtype)
            if zone is None or one.is_signed or one.records[0].rclass != IN or not wanted(one):
                continue
            if most is not None and len(signatures) >= most:
                break
            rdatas = [record.rdata for record in one.records]
            signatures[one.owner, one.rtype] = self._plugin.signer.sign(
                one.owner, one.rtype, rdatas, zone, self._meters
            )
        out = [record for record in section if record.type == RRSIG]
        for one in reversed(sets):
            signed = signatures.get((one.owner, one.rtype))
            if signed is not None and not isinstance(signed, Signed):
                signed = await asyncio.shield(signed)  # others wait for it too
            rrsigs: list[Record] = []
            if signed is not None:
                self._signed.append(signed)
                owner, ttl = one.records[0].owner, one.records[0].ttl
                rrsigs = [Record(owner, RRSIG, IN, ttl, rdata) for rdata in signed.rrsigs]
            out[:0] = [*one.records, *rrsigs]
        return out


def _has_servers(reply: Reply, name: bytes) -> bool:
    sections = reply.sections
    return any(one.type == NS and one.owner.lower() == name for one in (*sections.answer, *sections.authority))
