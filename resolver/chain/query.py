"""A question from a client, as a value."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

from resolver.chain.trail import Trail
from resolver.wire.constants import AD, CD, HEADER_SIZE, MAX_MESSAGE, MAX_UDP_SIZE, MIN_UDP_SIZE, RD
from resolver.wire.edns import Edns, options, read_opt, write_opt
from resolver.wire.message import read_question, scan
from resolver.wire.names import to_text

_OPT = Struct("!BHHIH")
# Transports of which a client's address is that of a datagram, as the field tells "udp" from "tcp".
DATAGRAMS: Final = frozenset(("udp", "quic", "https3", "internal"))
_OPT_START: Final = b"\0\0\x29"
_TYPE_AND_CLASS = Struct("!HH")


class Site(NamedTuple):
    """Which server and zone took the question: the labels of metrics (``dns://:53``, ``example.org.``, view name)."""

    server: str
    zone: str
    view: str = ""


NOWHERE: Final = Site("", ".")

Seal = Callable[[bytes], bytes]


class Envelope:
    """A message that holds more than a question and OPT, as it came; shared by all queries derived from it.

    ``signed`` tells of a TSIG record. Whoever verifies it notes the ``key``, puts a ``seal`` on every message that
    leaves in answer, in their order, and says how many octets that adds (``room``).
    """

    __slots__ = ("key", "packet", "room", "seal", "signed")

    def __init__(self, packet: bytes, *, signed: bool) -> None:
        self.packet = packet
        self.signed = signed
        self.key: object = None
        self.seal: Seal | None = None
        self.room = 0


class Query:
    """One question: never changed after it is made; ``derive`` gives a changed copy.

    ``qname`` is the wire name as the client wrote it, ``name`` the same in lower case, ``question`` name, type and
    class as octets in the client's spelling. ``client`` and ``local`` are (host, port). ``transport`` is ``udp``,
    ``tcp``, ``tls``, ``https``, ``https3``, ``quic``, ``grpc``, or ``internal`` for questions that the server asks
    itself. ``received`` is in seconds of the host's monotonic clock. ``metadata`` is None unless the directive of that
    name collects it, and may be added to on the way. ``original`` is the lower-case name that the client asked for,
    where it was rewritten since. ``depth`` is 0 for a client's query and one more for each question that was asked in
    order to answer another one. ``envelope`` is the message itself where it holds more than others do: a signature, or
    records (RFC 1995 section 3). ``trail`` is where notes for who writes queries down go, None where nobody does.
    """

    __slots__ = (
        "client", "depth", "edns", "envelope", "flags", "id", "local", "metadata", "name", "original", "qclass",
        "qname", "qtype", "question", "received", "site", "size", "trail", "transport",
    )  # fmt: skip

    def __init__(
        self,
        qname: bytes,
        qtype: int,
        qclass: int = 1,
        *,
        message_id: int = 0,
        flags: int = RD,
        edns: Edns | None = None,
        client: tuple[str, int] = ("127.0.0.1", 0),
        local: tuple[str, int] = ("127.0.0.1", 53),
        transport: str = "internal",
        received: float = 0.0,
        site: Site = NOWHERE,
        size: int = 0,
    ) -> None:
        self.id = message_id
        self.flags = flags
        self.qname = qname
        self.name = qname.lower()
        self.qtype = qtype
        self.qclass = qclass
        self.question = qname + _TYPE_AND_CLASS.pack(qtype, qclass)
        self.edns = edns
        self.client = client
        self.local = local
        self.transport = transport
        self.received = received
        self.site = site
        self.size = size or HEADER_SIZE + len(qname) + 4
        self.metadata: dict[str, str] | None = None
        self.original: bytes | None = None
        self.envelope: Envelope | None = None
        self.trail: Trail | None = None
        self.depth = 0

    @property
    def do(self) -> bool:
        """Whether the client wants DNSSEC records."""
        return self.edns is not None and self.edns.do

    @property
    def reply_limit(self) -> int:
        """How many octets the client takes: over UDP its EDNS size between 512 and a datagram's 65507, else 65535.

        What a signature takes of them is not counted.
        """
        room = 0 if self.envelope is None else self.envelope.room
        if self.transport != "udp":
            return MAX_MESSAGE - room
        edns = self.edns
        return (MIN_UDP_SIZE if edns is None else min(max(edns.size, MIN_UDP_SIZE), MAX_UDP_SIZE)) - room

    def wire(self, message_id: int, edns_options: bytes | None = None) -> bytes:
        """The question as a message of its own, with the client's EDNS (and options, unless others are given)."""
        flags = self.flags & (RD | AD | CD | 0x7800)
        edns = self.edns
        head = message_id.to_bytes(2, "big") + flags.to_bytes(2, "big")
        if edns is None:
            return head + b"\0\1\0\0\0\0\0\0" + self.question
        extra = edns.options if edns_options is None else edns_options
        return head + b"\0\1\0\0\0\0\0\1" + self.question + write_opt(edns.size, do=edns.do, options=extra)

    def derive(self, **changes: object) -> Query:
        """A copy with some attributes changed; ``name`` and ``question`` follow."""
        other = Query.__new__(Query)
        for slot in Query.__slots__:
            setattr(other, slot, changes.pop(slot) if slot in changes else getattr(self, slot))
        if changes:
            raise TypeError(f"a query has no {', '.join(changes)}")
        other.name = other.qname.lower()
        other.question = other.qname + _TYPE_AND_CLASS.pack(other.qtype, other.qclass)
        return other

    def with_flags(self, flags: int) -> Query:
        """A copy with other header flags, at a third of what ``derive`` costs."""
        other = Query.__new__(Query)
        other.id, other.flags, other.edns = self.id, flags, self.edns
        other.qname, other.name, other.qtype, other.qclass = self.qname, self.name, self.qtype, self.qclass
        other.question = self.question
        other.client, other.local, other.transport = self.client, self.local, self.transport
        other.received, other.site, other.size = self.received, self.site, self.size
        other.metadata, other.original, other.depth = self.metadata, self.original, self.depth
        other.envelope, other.trail = self.envelope, self.trail
        return other

    def __repr__(self) -> str:
        return f"<Query {to_text(self.qname)} type {self.qtype} class {self.qclass} over {self.transport}>"


def parse(
    packet: bytes,
    client: tuple[str, int],
    local: tuple[str, int],
    transport: str,
    received: float,
) -> Query:
    """The query in an accepted packet. Raises WireError where it is malformed."""
    query = Query.__new__(Query)  # without the call of __init__, which takes as long as all of this
    query.qname, query.qtype, query.qclass, end = read_question(packet)
    query.id, query.flags = packet[0] << 8 | packet[1], packet[2] << 8 | packet[3]
    query.name = query.qname.lower()
    query.question = packet[HEADER_SIZE:end]
    query.edns, query.envelope = _beside_question(packet, end)
    query.client, query.local, query.transport = client, local, transport
    query.received, query.site, query.size = received, NOWHERE, len(packet)
    query.metadata = query.original = query.trail = None
    query.depth = 0
    return query


def _beside_question(packet: bytes, end: int) -> tuple[Edns | None, Envelope | None]:
    """What a query whose question ends at ``end`` holds beside it; the usual shapes do without a full scan."""
    if packet[6:12] == b"\0\0\0\0\0\0":
        return None, None
    if packet[6:12] == b"\0\0\0\0\0\1" and packet[end : end + 3] == _OPT_START and len(packet) >= end + 11:
        _, _, size, ttl, length = _OPT.unpack_from(packet, end)
        if len(packet) >= end + 11 + length:
            return read_opt(size, ttl, packet[end + 11 : end + 11 + length]), None
    message = scan(packet)
    return message.edns, Envelope(packet, signed=bool(message.tsig))


def edns_option(edns: Edns | None, code: int) -> bytes | None:
    """The payload of the first option of that code, None without one."""
    if edns is None or not edns.options:
        return None
    return next((payload for number, payload in options(edns.options) if number == code), None)
