"""What messages to nftables hold (linux/netfilter/nf_tables.h): just what the rules of a node need."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final

from resolver.node.rules import Match
from resolver.sockets.netlink import attribute, attributes, nested, number, text

ANY: Final = 0
NEWTABLE, DELTABLE, NEWCHAIN, GETCHAIN, NEWRULE, GETRULE = (0x0A00 + number for number in (0, 2, 3, 4, 6, 7))
OWNED: Final = 2  # NFT_TABLE_F_OWNER: the table goes when the socket that made it closes
PREROUTING, INPUT, OUTPUT = 0, 1, 3

_FAMILY: Final = {4: 2, 6: 10}
_PROTOCOL: Final = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_SOURCE: Final = {4: 12, 6: 8}  # where the source address stands in the network header; the destination follows it
_NFPROTO_KEY, _L4PROTO_KEY = 15, 16
_REGISTER: Final = 1
_DROP, _ACCEPT = 0, 1


def table(name: str, *, owned: bool) -> bytes:
    """The body of a message about a table."""
    return text(1, name) + attribute(2, struct.pack(">I", OWNED if owned else 0))


def named(name: str) -> bytes:
    """The body of a message that only names a table."""
    return text(1, name)


def chain(table_name: str, name: str, hook: int, priority: int) -> bytes:
    """The body of a new base chain that lets pass what no rule of it decides."""
    where = attribute(1, struct.pack(">I", hook)) + attribute(2, struct.pack(">i", priority))
    policy = attribute(5, struct.pack(">I", _ACCEPT))
    return text(1, table_name) + text(3, name) + nested(4, where) + policy + text(7, "filter")


def notrack_rule(table_name: str, chain_name: str, match: Match, *, comment: str) -> bytes:
    """The body of a new rule: count what matches, and leave it untracked."""
    expressions = b"".join((*_matching(match), _expression("counter", b""), _expression("notrack", b"")))
    note = comment.encode() + b"\0"
    userdata = attribute(7, bytes([0, len(note)]) + note)
    return text(1, table_name) + text(2, chain_name) + nested(4, expressions) + userdata


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
    return _expression("meta", number(1, _REGISTER) + number(2, key))


def _payload(base: int, offset: int, length: int) -> bytes:
    return _expression("payload", number(1, _REGISTER) + number(2, base) + number(3, offset) + number(4, length))


def _equals(value: bytes) -> bytes:
    return _expression("cmp", number(1, _REGISTER) + number(2, 0) + nested(3, attribute(1, value)))


def _expression(name: str, data: bytes) -> bytes:
    return nested(1, text(1, name) + nested(2, data))
