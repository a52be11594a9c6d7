"""DNS over HTTPS on real sockets: HTTP/1.1 octet by octet, HTTP/2 by its frames, and what ends connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import h2.connection
import h2.events
import pytest
from h2.config import H2Configuration
from h2.settings import SettingCodes, Settings

from resolver.chain.capabilities import ListenSettings
from resolver.listeners.doh import PROTOCOLS, HttpsListener, HttpsMetrics
from resolver.listeners.sockets import open_tcp
from resolver.telemetry.metrics import Registry
from tests.listeners.streams import LOCALHOST, Service, message
from tests.plugins.chains import until

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


async def _open(server: Server, protocol: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
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
    client = Plain(*await _open(server, "http/1.1"))
    try:
        yield client
    finally:
        client.writer.transport.abort()


def _post(body: bytes, *more: str, length: int | None = None) -> bytes:
    lines = ["POST /dns-query HTTP/1.1", "host: dns.test", f"content-type: {TYPE}"]
    size = len(body) if length is None else length
    return "\r\n".join([*lines, f"content-length: {size}", *more, "", ""]).encode() + body


async def test_requests_on_one_connection_are_answered_in_their_order() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, plain(server) as client:
        client.writer.write(b"".join(_post(message(number)) for number in (1, 2, 3)))
        await until(lambda: 1 in service.sends)
        assert service.asked == [1]
        service.answer(1)
        for number in (1, 2, 3):
            status, headers, body = await client.response()
            assert (status, headers["content-type"], body) == (200, TYPE, message(number))
            assert headers["date"] == "sun, 06 nov 1994 08:49:37 gmt"
        assert service.seen[0][2] == "https"
        assert server.responses(200) == 3


async def test_a_request_may_come_octet_by_octet_and_in_chunks() -> None:
    async with serving(Service()) as server, plain(server) as client:
        body = message(7)
        for octet in CHUNKED + b"5\r\n" + body[:5] + b"\r\n7\r\n" + body[5:] + b"\r\n0\r\n\r\n":
            client.writer.write(bytes([octet]))
            await client.writer.drain()
        assert (await client.response())[2] == body


async def test_a_client_may_wait_for_leave_to_send_its_body() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(_post(b"", "expect: 100-continue", length=12))
        assert (await client.response())[0] == 100
        client.writer.write(message(1))
        assert (await client.response())[0] == 200
        client.writer.write(_post(b"", "expect: 100-continue", length=70_000))
        assert (await client.response())[0] == 413
        assert await client.at_end()


async def test_a_wrong_request_is_answered_and_the_connection_goes_on() -> None:
    async with serving(Service()) as server, plain(server) as client:
        for request, status in (
            (b"GET /other HTTP/1.1\r\nhost: a\r\n\r\n", 404),
            (b"DELETE /dns-query HTTP/1.1\r\nhost: a\r\n\r\n", 405),
            (b"GET /dns-query?dns=AAAA HTTP/1.1\r\nhost: a\r\n\r\n", 400),
            (b"GET /dns-query?dns=" + b"A" * 9000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414),
            (_post(message(1)), 200),
        ):
            client.writer.write(request)
            assert (await client.response())[0] == status
            assert server.responses(status) == 1


async def test_a_client_that_only_asks_wrong_loses_its_connection() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 5000)
        for number in range(50):
            assert (await client.response())[1].get("connection") == ("close" if number == 49 else None)
        assert await client.at_end()
        assert server.responses(404) == 50


async def test_many_requests_in_one_write_are_all_answered() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(b"".join(_post(message(number)) for number in range(1500)))
        for number in range(1500):
            assert (await client.response())[2] == message(number)
        assert server.responses(200) == 1500


async def test_a_response_to_head_has_no_body() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(b"HEAD /dns-query HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            octets = await client.reader.read()
        assert octets.startswith(b"HTTP/1.1 405 ")
        assert octets.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\x16\x03\x01 nonsense\r\n\r\n", 400),
        (b"GET /dns-query HTTP/1.1\r\n\r\n", 400),
        (b"GET /dns-query HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 20_000, 431),
        (b"GET /dns-query HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (_post(b"a" * 100, length=65_536), 413),
        (_post(b"a" * 100, "transfer-encoding: gzip"), 501),
        (_post(b"a" * 10).replace(b"dns-message", b"json"), 415),
    ],
)
async def test_what_cannot_be_read_on_ends_the_connection(octets: bytes, status: int) -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(octets)
        assert (await client.response())[0] == status
        assert await client.at_end()
        await until(lambda: not server.listener.connections)


async def test_a_body_in_chunks_that_never_ends_is_refused() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(CHUNKED + b"4000\r\n%s\r\n" % bytes(0x4000) * 5)
        assert (await client.response())[0] == 413


@pytest.mark.parametrize("begun", [b"", b"POST /dns-query HT", _post(b"a", length=12)])
async def test_a_slow_sender_loses_its_connection(begun: bytes) -> None:
    async with serving(Service(), ListenSettings(read_timeout=0.2, idle_timeout=30)) as server, plain(server) as client:
        client.writer.write(begun)
        assert await client.at_end()
        assert server.closed("read_timeout") == 1


async def test_one_connection_more_takes_the_place_of_the_idle_one() -> None:
    settings = ListenSettings(read_timeout=30, idle_timeout=30, https_connections=1)
    async with serving(Service(), settings) as server, plain(server) as first:
        first.writer.write(_post(message(1)))
        await first.response()
        async with plain(server) as second:
            second.writer.write(_post(message(2)))
            assert (await second.response())[2] == message(2)
            assert await first.at_end()
        assert server.closed("too_many") == 1


async def test_answers_under_way_leave_before_the_listener_ends() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, plain(server) as client:
        client.writer.write(_post(message(1)))
        await until(lambda: 1 in service.sends)
        ending = asyncio.ensure_future(server.listener.stop())
        await until(lambda: all(connection.ending for connection in server.listener.connections))
        service.answer(1)
        status, headers, _ = await client.response()
        assert (status, headers["connection"]) == (200, "close")
        assert await client.at_end()
        await ending


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
    reader, writer = await _open(server, "h2")
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    client = Framed(reader, writer, window)
    try:
        yield client
    finally:
        writer.transport.abort()


async def test_answers_overtake_each_other_on_their_streams() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, framed(server) as client:
        slow, quick = client.post(message(1)), client.post(message(2))
        await client.finish(quick)
        assert client.bodies == {quick: message(2)}
        service.answer(1)
        await client.finish(slow)
        assert client.bodies[slow] == message(1)
        assert client.headers[slow]["content-type"] == TYPE
        assert server.responses(200) == 2


async def test_wrong_requests_are_answered_beside_right_ones() -> None:
    async with serving(Service()) as server, framed(server) as client:
        expected = {
            client.head(end=True, method="GET", path="/"): "404",
            client.head(end=True, method="HEAD"): "405",
            client.head(end=True): "400",
            client.post(b"short"): "400",
            client.post(message(1)): "200",
        }
        await client.finish(*expected)
        assert client.status == expected


async def test_a_body_that_is_too_long_is_refused_before_its_end() -> None:
    async with serving(Service()) as server, framed(server) as client:
        number = client.head()
        for _ in range(5):
            while client.http.local_flow_control_window(number) < 14_000 and number not in client.status:
                await client.read()
            if number not in client.status:
                client.http.send_data(number, bytes(14_000))
        await client.finish(number)
        assert client.status[number] == "413"
        right = client.post(message(1))
        await client.finish(right)
        assert client.status[right] == "200"


async def test_unfinished_bodies_of_one_connection_have_a_limit_in_all() -> None:
    async with serving(Service()) as server, framed(server) as client:
        streams = [client.head() for _ in range(10)]
        for number in streams:
            while client.http.local_flow_control_window(number) < 16_000:
                await client.read()
            client.http.send_data(number, bytes(16_000))
        while "413" not in client.status.values():
            assert await client.read()
        assert sum(status == "413" for status in client.status.values()) <= 2


async def test_a_large_answer_waits_for_the_clients_window() -> None:
    service = Service()
    async with serving(service) as server, framed(server, window=1000) as client:
        number = client.head()
        client.http.send_data(number, message(5, 9000), end_stream=True)
        await client.finish(number)
        assert client.bodies[number] == message(5, 9000)


async def test_a_client_that_gives_no_window_loses_its_connection() -> None:
    settings = ListenSettings(read_timeout=30, idle_timeout=30, write_timeout=0.2)
    async with serving(Service(), settings) as server, framed(server, window=1000) as client:
        number = client.head()
        client.http.send_data(number, message(5, 9000), end_stream=True)
        while await client.read(acknowledge=False):
            pass
        assert server.closed("write_timeout") == 1
        assert client.bodies[number] == message(5, 9000)[:1000]


async def test_a_client_that_takes_back_requests_all_the_time_loses_its_connection() -> None:
    service = Service()
    service.held.update(range(1000))
    async with serving(service) as server, framed(server) as client:
        await client.read()
        for number in range(400):
            client.http.reset_stream(client.post(message(number)))
        await client.to_the_end()
        assert client.gone == 11  # ENHANCE_YOUR_CALM
        assert len(service.asked) <= 100


async def test_a_client_of_http_2_that_only_asks_wrong_loses_its_connection() -> None:
    async with serving(Service()) as server, framed(server) as client:
        await client.read()
        for _ in range(20):
            for _ in range(50):
                client.head(end=True, method="GET", path="/")
            if not await client.read() or client.gone is not None:
                break
            await client.finish(*client.headers)
        assert client.gone == 11  # ENHANCE_YOUR_CALM
        assert server.responses(404) == 200


async def test_queries_that_were_taken_back_count_until_they_are_answered() -> None:
    service = Service()
    service.held.update(range(1000))
    async with serving(service) as server, framed(server) as client:
        await client.read()
        for number in range(150):
            taken = client.post(message(number))
            await client.writer.drain()
            client.flush()
            await until(lambda number=number: number in service.sends or number >= 100)  # type: ignore[misc]
            client.http.reset_stream(taken)
            client.flush()
        assert len(service.sends) == 100
        for number in range(100):
            service.answer(number)
        last = client.post(message(2000))
        await client.finish(last)
        assert client.bodies == {last: message(2000)}


async def test_streams_beyond_the_limit_end_the_connection() -> None:
    service = Service()
    service.held.update(range(1000))
    async with serving(service) as server, framed(server) as client:
        await client.read()
        client.http.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
        client.http.remote_settings.acknowledge()
        for number in range(101):
            client.post(message(number))
        for _ in range(100):
            if not await client.read() or client.gone is not None:
                break
        assert client.gone is not None
        assert server.closed("malformed") == 1


async def test_a_slow_body_loses_the_connection() -> None:
    async with (
        serving(Service(), ListenSettings(read_timeout=0.2, idle_timeout=30)) as server,
        framed(server) as client,
    ):
        first = client.post(message(1))
        await client.finish(first)
        client.http.send_data(client.head(), b"a")
        await client.to_the_end()
        assert server.closed("read_timeout") == 1


async def test_nonsense_ends_the_connection() -> None:
    async with serving(Service()) as server, framed(server) as client:
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n" * 10)
        async with asyncio.timeout(10):
            await client.reader.read()
        assert server.closed("malformed") == 1
        await until(lambda: not server.listener.connections)


async def test_at_the_end_requests_under_way_are_answered_and_new_ones_turned_away() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, framed(server) as client:
        slow = client.post(message(1))
        client.flush()
        await until(lambda: 1 in service.sends)
        ending = asyncio.ensure_future(server.listener.stop())
        await until(lambda: all(connection.ending for connection in server.listener.connections))
        late = client.post(message(2))
        await client.finish(late)
        assert client.reset == {late: 7}  # REFUSED_STREAM: it may be asked again elsewhere
        service.answer(1)
        await client.to_the_end()
        assert client.bodies == {slow: message(1)}
        assert client.gone == 0
        await ending
