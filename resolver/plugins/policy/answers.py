"""What a client gets in place of an answer."""

from __future__ import annotations

from typing import Final

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, silence
from resolver.policy.rules import DROP, NXDOMAIN, REFUSED, SINKHOLE, Decision
from resolver.wire import constants
from resolver.wire.constants import AAAA, EDE_BLOCKED, EDE_PROHIBITED, RA, SOA, A
from resolver.wire.edns import extended_error
from resolver.wire.names import from_text
from resolver.wire.records import EMPTY_BODY, Record, encode, record

SOURCE: Final = "policy"
_DOUBT: Final = " (it is not known which Pod asks)"
_NAMES: Final = from_text("policy.invalid") + from_text("hostmaster.policy.invalid")


def denied(query: Query, found: Decision, zone: bytes, ttl: int, leave: Replay | None) -> Reply:
    """The answer of a denial, with the name of its rule as extended error (RFC 8914).

    The error is Prohibited where other clients may have the name, Blocked where nobody may. ``zone`` owns the SOA of
    answers that have one, and ``ttl`` (seconds) is for all their records.
    """
    action = found.answer.action
    if action == DROP:
        return silence(query, SOURCE)
    doubt = _DOUBT if found.doubtful else ""
    options = extended_error(EDE_PROHIBITED if found.personal else EDE_BLOCKED, f"policy rule: {found.rule}{doubt}")
    if action == REFUSED:
        return Reply(query.question, constants.REFUSED, RA, options, SOURCE, leave, octets=EMPTY_BODY)
    rcode = constants.NXDOMAIN if action == NXDOMAIN else constants.NOERROR
    answer = _sunk(query, found, ttl) if action == SINKHOLE else []
    body = encode(query.qname, answer, [] if answer else [start_of_authority(zone, ttl)])
    return Reply(query.question, rcode, RA, options, SOURCE, leave, octets=body)


def start_of_authority(zone: bytes, ttl: int) -> Record:
    """The SOA record that says for how long a denial holds (RFC 2308 section 5)."""
    numbers = b"".join(number.to_bytes(4, "big") for number in (1, 3600, 600, 86400, ttl))
    return record(zone, SOA, ttl, _NAMES + numbers)


def _sunk(query: Query, found: Decision, ttl: int) -> list[Record]:
    size = {A: 4, AAAA: 16}.get(query.qtype)
    return [record(query.qname, query.qtype, ttl, one) for one in found.answer.addresses if len(one) == size]
