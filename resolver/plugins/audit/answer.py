"""What a line says of an answer, read from the octets that leave."""

from __future__ import annotations

import socket
from typing import Final

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.errors import WireError
from resolver.wire.constants import AAAA, CNAME, HEADER_SIZE, NOERROR, NS, NXDOMAIN, OPTION_EDE, SOA, A
from resolver.wire.edns import options
from resolver.wire.names import read_name, to_text
from resolver.wire.records import Body

MOST_ADDRESSES: Final = 64
MOST_ALIASES: Final = 16
_RDATA: Final = 6  # octets from a TTL field to the rdata behind it
_FAMILIES: Final = {4: socket.AF_INET, 16: socket.AF_INET6}


def class_of(reply: Reply) -> str:
    """``success``, ``denial`` (NXDOMAIN, or no such type) or ``error``."""
    if reply.silent or reply.rcode not in (NOERROR, NXDOMAIN):
        return "error"
    if reply.rcode == NXDOMAIN:
        return "denial"
    body = reply.body
    if body.answers or reply.stream is not None:
        return "success"
    types = {_type_at(body, at) for at in body.ttls[: body.authorities]}
    return "success" if NS in types and SOA not in types else "denial"


def findings(query: Query, reply: Reply, octets: bytes) -> dict[str, object]:
    """The fields ``answers``, ``addresses``, ``aliases``, ``ede``, ``size`` and ``dropped``.

    ``octets`` is what ``finish`` made of the reply. Addresses come in the order of their octets, since answers that are
    replayed leave with another order each time.
    """
    if not octets:
        return {"ede": errors_of(reply.options), "dropped": True}
    if reply.stream is not None:
        return {}
    answers = octets[6] << 8 | octets[7]
    start = HEADER_SIZE + len(query.question)
    packed: set[bytes] = set()
    aliases: list[str] = []
    body = reply.body
    for at in body.ttls[:answers]:
        kind, rdata = _type_at(body, at), at + _RDATA
        if kind in (A, AAAA):
            packed.add(body.data[rdata : rdata + (4 if kind == A else 16)])
        elif kind == CNAME and len(aliases) < MOST_ALIASES:
            aliases.append(_target(octets, start + rdata))
    addresses = sorted(packed, key=lambda one: (len(one), one))[:MOST_ADDRESSES]
    return {
        "answers": answers or None,
        "addresses": [socket.inet_ntop(_FAMILIES[len(one)], one) for one in addresses if len(one) in _FAMILIES],
        "aliases": [alias for alias in aliases if alias],
        "ede": errors_of(reply.options),
        "size": len(octets),
    }


def errors_of(data: bytes) -> list[dict[str, object]]:
    """The Extended DNS Errors among EDNS options (RFC 8914 section 2)."""
    found: list[dict[str, object]] = []
    if not data:
        return found
    try:
        for code, payload in options(data):
            if code == OPTION_EDE and len(payload) >= 2:
                error: dict[str, object] = {"code": payload[0] << 8 | payload[1]}
                if len(payload) > 2:
                    error["text"] = payload[2:].decode("utf-8", "replace").rstrip("\0")
                found.append(error)
    except WireError:
        return found
    return found


def _target(octets: bytes, at: int) -> str:
    try:
        return to_text(read_name(octets, at)[0].lower())
    except WireError:
        return ""


def _type_at(body: Body, ttl_at: int) -> int:
    return body.data[ttl_at - 4] << 8 | body.data[ttl_at - 3]
