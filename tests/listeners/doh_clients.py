"""A listener for DNS over HTTPS on the loopback, and clients of both versions of HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import h2.connection
import h2.events
from h2.config import H2Configuration
from h2.settings import SettingCodes, Settings

from resolver.chain.capabilities import ListenSettings
from resolver.listeners.doh import PROTOCOLS, HttpsListener, HttpsMetrics
from resolver.listeners.sockets import open_tcp
from resolver.telemetry.metrics import Registry
from tests.listeners.streams import LOCALHOST, Service

CERTIFICATES = Path(__file__).parents[1] / "parity" / "certs"
PATIENT = ListenSettings(read_timeout=30, write_timeout=30, idle_timeout=30)
TYPE = "application/dns-message"
CHUNKED = f"POST /dns-query HTTP/1.1\r\nhost: a\r\ncontent-type: {TYPE}\r\ntransfer-encoding: chunked\r\n\r\n".encode()


class Server:
    """A listener on the loopback, with what it counted."""

    def __init__(self, serve: Service, settings: ListenSettings = PATIENT) -> None:
        self.registry = Registry()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
        tls.set_alpn_protocols(list(PROTOCOLS))
        metrics = HttpsMetrics(self.registry, "https://:443")
        sock = open_tcp(LOCALHOST, 0)
        self.listener = HttpsListener(sock, settings, serve, tls=tls, metrics=metrics, clock=lambda: 784111777.0)
        self.port = self.listener.local[1]

    def counted(self, name: str, label: str) -> int:
        """A counter's value by its last label."""
        for family in self.registry.families():
            if family.name == name:
                return sum(cell.value for labels, cell in family.cells.items() if labels[-1] == label)
        return 0

    def closed(self, reason: str) -> int:
        return self.counted("coredns_dns_stream_closed_total", reason)

    def responses(self, status: int) -> int:
        return self.counted("coredns_dns_https_responses_total", str(status))


@asynccontextmanager
async def serving(serve: Service, settings: ListenSettings = PATIENT) -> AsyncIterator[Server]:
    server = Server(serve, settings)
    server.listener.start()
    try:
        yield server
    finally:
        await server.listener.stop(grace=0)


async def connected(server: Server, protocol: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    context.set_alpn_protocols([protocol])
    return await asyncio.open_connection(LOCALHOST, server.port, ssl=context, server_hostname=LOCALHOST)


class Plain:
    """A client of HTTP/1.1 that writes what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next response."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(lines[0].split(" ")[1]), headers, body

    async def at_end(self) -> bool:
        """Whether the server closes without another octet."""
        async with asyncio.timeout(10):
            return await self.reader.read() == b""


@asynccontextmanager
async def plain(server: Server) -> AsyncIterator[Plain]:
    client = Plain(*await connected(server, "http/1.1"))
    try:
        yield client
    finally:
        client.writer.transport.abort()


def posted(body: bytes, *more: str, length: int | None = None) -> bytes:
    lines = ["POST /dns-query HTTP/1.1", "host: dns.test", f"content-type: {TYPE}"]
    size = len(body) if length is None else length
    return "\r\n".join([*lines, f"content-length: {size}", *more, "", ""]).encode() + body


class Framed:
    """A client of HTTP/2."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, window: int) -> None:
        self.reader, self.writer = reader, writer
        self.http = h2.connection.H2Connection(H2Configuration(header_encoding="utf-8"))
        self.http.local_settings = Settings(initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.http.initiate_connection()
        self.status: dict[int, str] = {}
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = {}
        self.done: list[int] = []
        self.reset: dict[int, int] = {}
        self.gone: int | None = None

    def head(self, *, end: bool = False, **fields: str) -> int:
        """Begin a request; the number of its stream."""
        number = self.http.get_next_available_stream_id()
        wanted = {":method": "POST", ":path": "/dns-query", ":scheme": "https", ":authority": "a", "content-type": TYPE}
        wanted |= {f":{name}": value for name, value in fields.items()}
        self.http.send_headers(number, list(wanted.items()), end_stream=end)
        return number

    def post(self, body: bytes) -> int:
        number = self.head()
        self.http.send_data(number, body, end_stream=True)
        return number

    def flush(self) -> None:
        self.writer.write(self.http.data_to_send())

    async def read(self, *, acknowledge: bool = True) -> bool:
        """Take what comes next; False at the end."""
        self.flush()
        async with asyncio.timeout(10):
            octets = await self.reader.read(65536)
        for event in self.http.receive_data(octets) if octets else []:
            if isinstance(event, h2.events.ResponseReceived):
                self.headers[event.stream_id] = {str(name): str(value) for name, value in event.headers}
                self.status[event.stream_id] = self.headers[event.stream_id][":status"]
            elif isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                if acknowledge:
                    self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.done.append(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.reset[event.stream_id] = int(event.error_code)
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.gone = int(event.error_code or 0)
        self.flush()
        return bool(octets)

    async def finish(self, *streams: int) -> None:
        """Read until these streams are answered or reset."""
        while not set(streams) <= {*self.done, *self.reset}:
            assert await self.read(), "the server has closed the connection"

    async def to_the_end(self) -> None:
        while await self.read():
            pass


@asynccontextmanager
async def framed(server: Server, window: int = 65_535) -> AsyncIterator[Framed]:
    reader, writer = await connected(server, "h2")
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    client = Framed(reader, writer, window)
    try:
        yield client
    finally:
        writer.transport.abort()
