"""One answer out of several replies: behind an alias, and replayed only for as long as all of them hold."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, decode
from resolver.wire.constants import AD, SOA
from resolver.wire.message import Sections
from resolver.wire.records import Body, Record, encode, soa_minimum


def joined(answer: Reply, consulted: Iterable[Reply]) -> Replay | None:
    """Leave to replay ``answer``, which was given because of what the ``consulted`` replies say.

    It ends with the first of their leaves and with the withdrawal of any of their tags, it is live only if all are, and
    whoever counts one of them counts it; TTLs and variants are those of the answer. None where one has no leave.
    """
    leave = answer.replay
    if leave is None:
        return None
    until, live = leave.until, leave.live
    counts: list[Callable[[int], None]] = list(leave.counts)
    tags: dict[Hashable, None] = dict.fromkeys(leave.tags)
    for reply in consulted:
        other = reply.replay
        if other is None:
            return None
        until, live = min(until, other.until), live and other.live
        counts.extend(other.counts)
        tags.update(dict.fromkeys(other.tags))
    return Replay(until, leave.base, leave.variants, tuple(counts), leave.seen, tuple(tags), live)


def because_of(answer: Reply, consulted: Iterable[Reply]) -> Reply:
    """The answer as it is, with leave to be replayed only while what was ``consulted`` holds too."""
    leave = joined(answer, consulted)
    return answer if leave is answer.replay else replace(answer, replay=leave)


def behind(query: Query, found: Reply, alias: Record | None, leave: Replay | None) -> Reply:
    """What was found under another name as answer to ``query``, behind the ``alias`` that leads there.

    AD goes, since nobody has signed the alias. Raises WireError for records that cannot be read.
    """
    if leave is not None and leave.variants:
        variants = tuple([_body_behind(query, found.question, body, alias) for body in leave.variants])
        leave = replace(leave, variants=variants)
    sections = _sections_behind(found.sections, alias)
    flags = found.flags & ~AD
    return replace(found, question=query.question, flags=flags, replay=leave, octets=None, decoded=sections)


def _body_behind(query: Query, question: bytes, body: Body, alias: Record | None) -> Body:
    return encode(query.qname, *_sections_behind(decode(question, body), alias))


def _sections_behind(sections: Sections, alias: Record | None) -> Sections:
    return sections if alias is None else Sections([alias, *sections.answer], sections.authority, sections.additional)


def denial_ttl(reply: Reply) -> int:
    """How long a denial holds, in seconds (RFC 2308 section 5); 0 without a SOA. Raises WireError."""
    return min([_negative_ttl(record) for record in reply.sections.authority if record.type == SOA], default=0)


def shortest_ttl(records: Sequence[Record]) -> int | None:
    """The lowest TTL of all records in seconds, None without any."""
    return min([record.ttl for record in records], default=None)


def _negative_ttl(record: Record) -> int:
    return min(record.ttl, soa_minimum(record.rdata))
