"""What an answer holds that policy has a say about, read without taking it apart."""

from __future__ import annotations

from collections.abc import Iterator

from resolver.chain.reply import Reply
from resolver.policy.addresses import hinted
from resolver.wire.constants import AAAA, CNAME, DNAME, HTTPS, SVCB, A
from resolver.wire.names import plain_name
from resolver.wire.records import Body

_INTERESTING = frozenset((A, AAAA, SVCB, HTTPS))


def has_alias(body: Body) -> bool:
    """Whether the answer section has a CNAME or DNAME record."""
    data = body.data
    # the type stands four octets in front of the TTL
    return any(data[at - 4] == 0 and data[at - 3] in (CNAME, DNAME) for at in body.ttls[: body.answers])


def targets(reply: Reply) -> Iterator[bytes]:
    """The lower-case names to which aliases of the answer section lead, in their order. Raises WireError."""
    for record in reply.sections.answer:
        if record.type in (CNAME, DNAME):
            yield plain_name(record.rdata, 0)[0].lower()


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
