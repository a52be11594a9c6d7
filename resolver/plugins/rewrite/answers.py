"""The way back: from the answer to a rewritten question to the one that the client gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, decode
from resolver.plugins.rewrite.changes import Change, Subject
from resolver.plugins.rewrite.rules import Owner, Rcode, Step, Target, Ttl, Value
from resolver.wire.constants import CNAME, DNAME, HEADER_SIZE, MAX_TTL, MX, NAPTR, NS, PTR, SOA, SRV
from resolver.wire.message import Sections
from resolver.wire.names import plain_name
from resolver.wire.records import NAMED_TYPES, Body, Record, encode
from resolver.wire.ttl import capped, ttls

_NAME_AT: Final = {CNAME: 0, NS: 0, PTR: 0, DNAME: 0, SOA: 0, MX: 2, SRV: 6}  # octets before the name in rdata
_QUESTION: Final = b"\xc0\x0c"


class Answers:
    """What is done to the answer of one query: the steps of its rules, last rule first."""

    def __init__(self, query: Query, asked: Query, steps: Sequence[Step]) -> None:
        backwards = steps[::-1]
        self.query = query
        self.asked = asked
        self.owners = [step.change for step in backwards if isinstance(step, Owner)]
        self.values = [step for step in backwards if isinstance(step, Value | Target)]
        self.targets = any(isinstance(step, Target) for step in self.values)
        self.codes = [step for step in backwards if isinstance(step, Rcode)]
        self.bounds = _bounds([step for step in backwards if isinstance(step, Ttl)])
        self._known: dict[bytes, bytes] = {}

    def of(self, reply: Reply, now: float) -> Reply:
        """The answer with other names, TTLs and code; targets of aliases are left alone. Raises WireError."""
        leave = reply.replay
        if leave is not None and self.bounds is not None:
            leave = _held(leave, ttls(reply.body), self.bounds, now)
        if leave is not None and leave.variants:
            leave = replace(leave, variants=tuple([self._body(reply.question, body) for body in leave.variants]))
        rcode = reply.rcode
        for step in self.codes:
            if step.old == rcode:
                rcode = step.new
        octets, decoded = None, reply.decoded
        if reply.octets is None and decoded is not None:
            decoded = self.sections(decoded)
        else:
            octets, decoded = self._body(reply.question, reply.body), None
        return Reply(
            self.query.question, rcode, reply.flags, reply.options, reply.source, leave, reply.error, reply.upstream,
            octets, reply.unset, reply.silent, decoded, reply.stream, reply.inside,
        )  # fmt: skip

    def _body(self, question: bytes, body: Body) -> Body:
        if not body.data:
            return body
        own, new = self.asked.name, self.query.name
        if self.owners or self.values or own != new:
            if not _is_plain(body):
                return encode(self.query.qname, *self.sections(decode(question, body)))
            own = self._owner(own)
            if own != new:
                body = _renamed(body, own, HEADER_SIZE + len(question) + len(new) - len(self.asked.name))
        if self.bounds is None:
            return body
        return body._replace(data=capped(body.data, body.ttls, *self.bounds))

    def sections(self, sections: Sections) -> Sections:
        """The records with other names and TTLs. Raises WireError."""
        return Sections(*[[self._record(record) for record in records] for records in sections])

    def _record(self, record: Record) -> Record:
        owner, rtype, rclass, ttl, rdata = record
        if self.bounds is not None:
            ttl = min(max(ttl, self.bounds[0]), self.bounds[1])
        if self.values and (rtype in _NAME_AT or rtype == NAPTR):
            rdata = self._rdata(rtype, rdata)
        return Record(self._owner(owner), rtype, rclass, ttl, rdata)

    def _owner(self, name: bytes) -> bytes:
        lower = name.lower()
        known = self._known.get(lower)
        if known is None:
            known = self._known[lower] = _changed(lower, self.owners)
        return name if known == lower else known

    def _rdata(self, rtype: int, rdata: bytes) -> bytes:
        at = _NAME_AT[rtype] if rtype != NAPTR else _behind_texts(rdata)
        name, end = plain_name(rdata, at)
        lower = name.lower()
        new = _changed(lower, [step.change for step in self.values if isinstance(step, Value)])
        return rdata if new == lower else rdata[:at] + new + rdata[end:]

    # --- aliases

    def alias(self, record: Record) -> tuple[Record, bytes | None]:
        """A CNAME record as it was answered with its new target, and the name to look up if a rule says so."""
        name, wanted = record.rdata.lower(), None
        for step in self.values:
            new = step.change.of(Subject(name))
            if new is not None:
                name = new
                wanted = new if isinstance(step, Target) else wanted
        return Record(*self._record(record)[:4], record.rdata if name == record.rdata.lower() else name), wanted


def _changed(name: bytes, changes: Iterable[Change]) -> bytes:
    for change in changes:
        new = change.of(Subject(name))
        if new is not None:
            name = new
    return name


def has_type(reply: Reply, rtype: int) -> bool:
    """Whether there is a record of the type in any section; octets are not taken apart for that."""
    if reply.decoded is not None:
        return any(record.type == rtype for records in reply.decoded for record in records)
    body, wanted = reply.body, rtype.to_bytes(2, "big")
    return any(body.data[at - 4 : at - 2] == wanted for at in body.ttls)


def _is_plain(body: Body) -> bool:
    """Whether all records are of the question's name and hold no names: then it matters not what the name is."""
    data, at = body.data, 0
    for offset in body.ttls:
        if offset - at != 6 or data[at : at + 2] != _QUESTION or data[at + 2] << 8 | data[at + 3] in NAMED_TYPES:
            return False
        at = offset + 6 + (data[offset + 4] << 8 | data[offset + 5])
    return True


def _renamed(body: Body, name: bytes, start: int) -> Body:
    """A plain body whose records are of another name than the question, from offset ``start`` of the message."""
    data, at, out, offsets = body.data, 0, bytearray(name), list[int]()
    for offset in body.ttls:
        if at:
            out += (0xC000 | start).to_bytes(2, "big")
        offsets.append(len(out) + 4)
        end = offset + 6 + (data[offset + 4] << 8 | data[offset + 5])
        out += data[at + 2 : end]
        at = end
    return body._replace(data=bytes(out), ttls=tuple(offsets))


def _behind_texts(rdata: bytes) -> int:
    """Where the name of a NAPTR record stands, behind two numbers and three texts (RFC 3403 section 4.1)."""
    at = 4
    for _ in range(3):
        at += 1 + rdata[at] if at < len(rdata) else 1
    return at


# --- TTLs


def _bounds(steps: Sequence[Ttl]) -> tuple[int, int] | None:
    """The bounds that several pairs of them, one after the other, come down to."""
    if not steps:
        return None
    low, high = 0, MAX_TTL
    for step in steps:
        low, high = min(max(low, step.low), step.high), min(max(high, step.low), step.high)
    return low, high


def _held(leave: Replay, before: Sequence[int], bounds: tuple[int, int], now: float) -> Replay | None:
    """Leave to replay an answer whose TTLs are kept within bounds while they go down.

    A TTL at a bound stands still, one between them goes down: the leave ends when one begins to do the other, and there
    is none where they differ. ``before`` are the TTLs as they are now without bounds, in seconds.
    """
    if leave.base is None or not before:
        return leave
    low, high = bounds
    still = [ttl >= high or ttl <= low for ttl in before]
    if any(still) != all(still):
        return None
    until = leave.until
    if low < high:
        lasting = [ttl - high if ttl >= high else ttl - low for ttl in before if ttl > low]
        if lasting:
            until = min(until, leave.base + max(0, int(now - leave.base)) + min(lasting) + 1)
    return replace(leave, base=None if still[0] else leave.base, until=until)
