"""Scripted DNS servers on loopback: they answer, drop, delay, lie, close and truncate as a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, cast

from resolver.wire.constants import NOERROR, QR, RA, RD, TC
from resolver.wire.framing import Deframer, frame
from resolver.wire.message import Message, scan
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record, encode

# An authority, and a certificate for dns.test and 127.0.0.1.
CERTIFICATES: Final = Path(__file__).parents[1] / "parity" / "certs"


class Asked(NamedTuple):
    """A query as the upstream saw it. ``connection`` numbers the connections, 0 for UDP; ``sni`` is the name in TLS."""

    packet: bytes
    transport: str
    peer: tuple[str, int]
    connection: int = 0
    sni: str | None = None

    @property
    def message(self) -> Message:
        return scan(self.packet)

    @property
    def name(self) -> str:
        return to_text(self.message.qname)

    @property
    def id(self) -> int:
        return self.packet[0] << 8 | self.packet[1]


class Pause(NamedTuple):
    """Wait so many seconds before the next step."""

    seconds: float


class Hangup(NamedTuple):
    """Close the connection; over UDP nothing."""


class Unframed(NamedTuple):
    """Octets for a stream that are not a message with its length."""

    octets: bytes


Step: TypeAlias = "bytes | Pause | Hangup | Unframed"
Script: TypeAlias = Callable[[Asked], Iterable[Step]]


# --- scripts


def reply(
    asked: Asked,
    addresses: Sequence[str] = (),
    *,
    rcode: int = NOERROR,
    flags: int = RA,
    ttl: int = 60,
    message_id: int | None = None,
    name: str | None = None,
    opt: bytes = b"",
) -> bytes:
    """An answer with A records; ``message_id`` and ``name`` for answers that fit nothing, ``opt`` goes to the end."""
    query = asked.message
    qname = query.qname if name is None else from_text(name)
    records = [Record(qname, 1, 1, ttl, bytes(map(int, address.split(".")))) for address in addresses]
    body = encode(qname, records)
    number = asked.id if message_id is None else message_id
    head = number.to_bytes(2, "big") + (QR | flags | query.flags & RD | rcode).to_bytes(2, "big")
    counts = (1, body.answers, 0, 1 if opt else 0)
    question = qname + query.question[-4:]
    return head + b"".join(count.to_bytes(2, "big") for count in counts) + question + body.data + opt


def answers(*addresses: str, ttl: int = 60) -> Script:
    """The same addresses for every question."""
    return lambda asked: [reply(asked, addresses, ttl=ttl)]


def fails(rcode: int) -> Script:
    """The same response code for every question."""
    return lambda asked: [reply(asked, rcode=rcode)]


def drops(asked: Asked) -> list[Step]:
    """Silence."""
    return []


def closes(asked: Asked) -> list[Step]:
    """The end of the connection."""
    return [Hangup()]


def truncates(*addresses: str) -> Script:
    """TC over UDP, the addresses over streams."""
    return lambda asked: [reply(asked, flags=RA | TC) if asked.transport == "udp" else reply(asked, addresses)]


def after(seconds: float, script: Script) -> Script:
    """The same, later."""
    return lambda asked: [Pause(seconds), *script(asked)]


# --- the server


@dataclass
class Upstream:
    """A server at 127.0.0.1 (or ``host``) that does what its script says; ``seen`` are the queries in order."""

    script: Script = drops
    host: str = "127.0.0.1"
    port: int = 0
    udp: bool = True
    tcp: bool = True
    tls: bool = False
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self.seen: list[Asked] = []
        self.connections = 0
        self.resumed = 0
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def to(self) -> str:
        """The upstream as a forward line names it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def names(self) -> list[str]:
        """The names that were asked for, in order."""
        return [asked.name for asked in self.seen]

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    async def __aenter__(self) -> Upstream:
        for _ in range(20):
            try:
                await self._listen()
                return self
            except OSError:  # somebody has the same port with the other protocol
                await self._close()
                self.port = 0
        raise OSError("no port is free for both UDP and TCP")

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def start_tcp(self) -> None:
        """Listen for connections."""
        loop = asyncio.get_running_loop()
        context = (self.context or server_context()) if self.tls else None
        self._server = await loop.create_server(lambda: _Stream(self), self.host, self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_tcp(self) -> None:
        """Close all connections and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.hang_up()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Close all connections."""
        for transport in list(self._open):
            transport.abort()

    async def _listen(self) -> None:
        if self.tcp or self.tls:
            await self.start_tcp()
        if self.udp and not self.tls:
            loop = asyncio.get_running_loop()
            self._datagrams, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(self.host, self.port)
            )
            self.port = self._datagrams.get_extra_info("sockname")[1]

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None
        await self.stop_tcp()
        await asyncio.sleep(0)

    def asked(self, asked: Asked, send: Callable[[Step], None]) -> None:
        """Note a query and do what the script says."""
        self.seen.append(asked)
        steps = list(self.script(asked))
        if not any(isinstance(step, Pause) for step in steps):
            for step in steps:
                send(step)
            return
        task = asyncio.get_running_loop().create_task(_play(steps, send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _play(steps: Iterable[Step], send: Callable[[Step], None]) -> None:
    for step in steps:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
        else:
            send(step)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        def send(step: Step) -> None:
            if isinstance(step, bytes):
                self.transport.sendto(step, addr)

        self.upstream.asked(Asked(data, "udp", addr), send)


class _Stream(asyncio.Protocol):
    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.deframer = Deframer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.upstream.connections += 1
        self.number = self.upstream.connections
        self.upstream._open.add(self.transport)
        tls = transport.get_extra_info("ssl_object")
        self.upstream.resumed += bool(tls and tls.session_reused)
        self.sni = _NAMES.pop(tls, None) if tls else None

    def connection_lost(self, exc: Exception | None) -> None:
        self.upstream._open.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        transport = "tls" if self.upstream.tls else "tcp"
        peer = self.transport.get_extra_info("peername")
        for packet in self.deframer.feed(data):
            self.upstream.asked(Asked(packet, transport, peer, self.number, self.sni), self._send)

    def _send(self, step: Step) -> None:
        if isinstance(step, Hangup):
            self.transport.close()
        elif isinstance(step, Unframed):
            self.transport.write(step.octets)
        elif isinstance(step, bytes) and not self.transport.is_closing():
            self.transport.write(frame(step))


_NAMES: dict[object, str | None] = {}


def server_context() -> ssl.SSLContext:
    """TLS as dns.test and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    context.sni_callback = lambda tls, name, _: _NAMES.update({tls: name})
    return context
