"""Octets of nftables' netlink messages (linux/netfilter/nf_tables.h): just those that the rules need."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final

from resolver.node.rules import Match

ANY: Final = 0
INET: Final = 1  # NFPROTO_INET: both families in one table
NEWTABLE, DELTABLE, NEWCHAIN, GETCHAIN, NEWRULE, GETRULE = (0x0A00 + number for number in (0, 2, 3, 4, 6, 7))
BATCH_BEGIN, BATCH_END = 0x10, 0x11
ERROR, DONE = 2, 3
REQUEST, ACK, DUMP, CREATE, APPEND = 0x1, 0x4, 0x300, 0x400, 0x800
OWNED: Final = 2  # NFT_TABLE_F_OWNER: the table goes when the socket that made it closes
PREROUTING, INPUT, OUTPUT = 0, 1, 3

_NFTABLES: Final = 10
_NESTED: Final = 0x8000
_FAMILY: Final = {4: 2, 6: 10}
_PROTOCOL: Final = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_SOURCE: Final = {4: 12, 6: 8}  # where the source address stands in the network header; the destination follows it
_NFPROTO_KEY, _L4PROTO_KEY = 15, 16
_REGISTER: Final = 1
_DROP, _ACCEPT = 0, 1


def message(kind: int, flags: int, sequence: int, body: bytes = b"", *, family: int = INET, group: int = 0) -> bytes:
    """One netlink message with nfnetlink's header."""
    head = struct.pack("=IHHII", 20 + len(body), kind, flags, sequence, 0)
    return head + struct.pack(">BBH", family, 0, group) + body


def batch(messages: list[tuple[int, int, bytes]]) -> bytes:
    """Messages (kind, flags, body) that take effect together or not at all; their sequence numbers count from 1.

    Only the last one is acknowledged: an error is told in any case, and many answers do not fit into a socket.
    """
    begin = message(BATCH_BEGIN, REQUEST, 0, family=0, group=_NFTABLES)
    last = len(messages)
    middle = [
        message(kind, flags | REQUEST | (ACK if at == last else 0), at, body)
        for at, (kind, flags, body) in enumerate(messages, 1)
    ]
    return begin + b"".join(middle) + message(BATCH_END, REQUEST, len(messages) + 1, family=0, group=_NFTABLES)


def replies(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, sequence number and body (behind the netlink header) of each message that came."""
    while len(data) >= 16:
        length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
        if length < 16:
            return
        yield kind, sequence, data[16:length]
        data = data[(length + 3) & ~3 :]


def table(name: str, *, owned: bool) -> bytes:
    """The body of a message about a table."""
    return _text(1, name) + _attribute(2, struct.pack(">I", OWNED if owned else 0))


def named(name: str) -> bytes:
    """The body of a message that only names a table."""
    return _text(1, name)


def chain(table_name: str, name: str, hook: int, priority: int) -> bytes:
    """The body of a new base chain that lets pass what no rule of it decides."""
    where = _attribute(1, struct.pack(">I", hook)) + _attribute(2, struct.pack(">i", priority))
    policy = _attribute(5, struct.pack(">I", _ACCEPT))
    return _text(1, table_name) + _text(3, name) + _attribute(4 | _NESTED, where) + policy + _text(7, "filter")


def notrack_rule(table_name: str, chain_name: str, match: Match, *, comment: str) -> bytes:
    """The body of a new rule: count what matches, and leave it untracked."""
    expressions = b"".join((*_matching(match), _expression("counter", b""), _expression("notrack", b"")))
    note = comment.encode() + b"\0"
    userdata = _attribute(7, bytes([0, len(note)]) + note)
    return _text(1, table_name) + _text(2, chain_name) + _attribute(4 | _NESTED, expressions) + userdata


def attributes(body: bytes) -> dict[int, bytes]:
    """The attributes of a message by their kind."""
    found = {}
    while len(body) >= 4:
        length, kind = struct.unpack_from("=HH", body)
        if length < 4:
            break
        found[kind & ~_NESTED] = body[4:length]
        body = body[(length + 3) & ~3 :]
    return found


def dropping(chain: dict[int, bytes]) -> str:
    """Table and name of a chain whose policy drops packets to or from this machine; empty for any other."""
    hook = attributes(chain.get(4, b"")).get(1, b"")
    if chain.get(5) != struct.pack(">I", _DROP) or hook not in (struct.pack(">I", INPUT), struct.pack(">I", OUTPUT)):
        return ""
    return " ".join(chain.get(kind, b"").rstrip(b"\0").decode(errors="replace") for kind in (1, 3))


def _matching(match: Match) -> Iterator[bytes]:
    version, packed = match.address.version, match.address.packed
    yield _meta(_NFPROTO_KEY)
    yield _equals(bytes([_FAMILY[version]]))
    yield _payload(1, _SOURCE[version] + (0 if match.answers else len(packed)), len(packed))
    yield _equals(packed)
    yield _meta(_L4PROTO_KEY)
    yield _equals(bytes([_PROTOCOL[match.protocol]]))
    yield _payload(2, 0 if match.answers else 2, 2)
    yield _equals(match.port.to_bytes(2, "big"))


def _meta(key: int) -> bytes:
    return _expression("meta", _number(1, _REGISTER) + _number(2, key))


def _payload(base: int, offset: int, length: int) -> bytes:
    return _expression("payload", _number(1, _REGISTER) + _number(2, base) + _number(3, offset) + _number(4, length))


def _equals(value: bytes) -> bytes:
    return _expression("cmp", _number(1, _REGISTER) + _number(2, 0) + _attribute(3 | _NESTED, _attribute(1, value)))


def _expression(name: str, data: bytes) -> bytes:
    return _attribute(1 | _NESTED, _text(1, name) + _attribute(2 | _NESTED, data))


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack(">I", value))


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
