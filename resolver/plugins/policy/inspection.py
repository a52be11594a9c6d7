"""What an answer holds that policy has a say about, read without taking it apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resolver.chain.reply import Reply
from resolver.policy.addresses import hinted
from resolver.wire.constants import AAAA, CNAME, DNAME, HTTPS, SVCB, A
from resolver.wire.names import ROOT, plain_name
from resolver.wire.records import Body

OUTSIDE: Final = frozenset(("cache", "forward", "grpc"))
"""Sources of answers that came from elsewhere, but for what the cache knows to be from inside."""

_INTERESTING: Final = frozenset((A, AAAA, SVCB, HTTPS))
_ALIASES: Final = frozenset((CNAME, DNAME))
_SERVICES: Final = frozenset((SVCB, HTTPS))
_LEADING: Final = _ALIASES | _SERVICES


def is_outside(reply: Reply) -> bool:
    """Whether the answer came from elsewhere."""
    return reply.upstream != "" or (reply.source in OUTSIDE and not reply.inside)


def leads_on(body: Body) -> bool:
    """Whether the answer section leads to another name: by CNAME, DNAME, or the target of an SVCB or HTTPS record."""
    data = body.data
    for at in body.ttls[: body.answers]:
        kind = data[at - 3]  # the type stands four octets in front of the TTL
        if kind in _LEADING and not data[at - 4] and (kind in _ALIASES or data[at + 8 : at + 9] != ROOT):
            return True
    return False


def targets(reply: Reply) -> Iterator[tuple[bytes, bool]]:
    """The lower-case names to which the answer leads in their order, and whether each is that of an alias.

    Where SVCB or HTTPS records are among the answers, those of the additional section count too, and the aliases there:
    that is what they lead to (RFC 9460 section 4.2). A target that is the owner itself is left out. Raises WireError.
    """
    records = reply.sections.answer
    if any(record.type in _SERVICES for record in records):
        records = [*records, *reply.sections.additional]
    for record in records:
        if record.type in _ALIASES:
            yield plain_name(record.rdata, 0)[0].lower(), True
        elif record.type in _SERVICES:
            target = plain_name(record.rdata, 2)[0].lower()
            if target not in (ROOT, record.owner.lower()):
                yield target, False


def addresses(body: Body) -> Iterator[bytes]:
    """The addresses (4 or 16 octets) of all A and AAAA records and of the hints of SVCB and HTTPS records."""
    data = body.data
    for at in body.ttls:
        rtype = data[at - 4] << 8 | data[at - 3]
        if rtype not in _INTERESTING:
            continue
        start, end = at + 6, at + 6 + (data[at + 4] << 8 | data[at + 5])
        if rtype in (A, AAAA):
            yield data[start:end]
        else:
            yield from hinted(data[start:end])
