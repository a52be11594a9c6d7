"""Fitting an answer into the space that a client has."""

from __future__ import annotations

from resolver.wire.constants import HEADER_SIZE, NS, SOA
from resolver.wire.message import ADDITIONAL, ANSWER, AUTHORITY, Message, scan
from resolver.wire.records import Body



def fit(question: bytes, body: Body, room: int) -> tuple[Body, bool]:
    """As many whole records of ``body`` as fit into ``room`` octets, and whether the client must be told (TC).

    Additional records may go missing silently (RFC 2181 section 9) unless they are the glue of a referral
    (RFC 9471 section 3). Records are kept from the front, so what is kept has its compression targets.
    """
    message = _as_message(question, body)
    start = HEADER_SIZE + len(question)
    kept = [span for span in message.spans if span.end - start <= room]
    counts = [sum(span.section == section for span in kept) for section in (ANSWER, AUTHORITY, ADDITIONAL)]
    data = body.data[: kept[-1].end - start] if kept else b""
    missing_required = counts[0] < body.answers or counts[1] < body.authorities
    truncated = missing_required or (counts[2] < body.additionals and _is_referral(message))
    return Body(counts[0], counts[1], counts[2], data, body.ttls[: len(kept)]), truncated


def _is_referral(message: Message) -> bool:
    types = {span.type for span in message.spans if span.section == AUTHORITY}
    return NS in types and SOA not in types and not any(span.section == ANSWER for span in message.spans)


def _as_message(question: bytes, body: Body) -> Message:
    counts = (1, body.answers, body.authorities, body.additionals)
    return scan(bytes(4) + b"".join(count.to_bytes(2, "big") for count in counts) + question + body.data)
