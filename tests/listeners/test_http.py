"""HTTP endpoints: what is served, what is refused, and how they change while running."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest
from resolver.errors import ResolverError
from resolver.listeners import http
from resolver.listeners.http import HttpServers
from resolver.listeners.sockets import has_ipv6
from resolver.telemetry.log import Log

CERTS = Path(__file__).parents[1] / "parity" / "certs"
LOCALHOST = "127.0.0.1"
QUICK = 0.15  # seconds: a time-out that a test can wait for
Answer = Callable[[HttpRequest], Awaitable[HttpAnswer]]


def says(text: str, status: int = 200) -> Answer:
    """An endpoint that always answers so."""

    async def answer(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(status, "text/plain", text.encode())

    return answer


def endpoint(port: int, path: str = "/health", answer: Answer | None = None, **more: Any) -> HttpEndpoint:
    return HttpEndpoint(LOCALHOST, port, path, answer or says("OK"), **more)


@pytest.fixture
def port() -> int:
    return free_port()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
async def servers() -> AsyncIterator[HttpServers]:
    running = HttpServers(Log(StringIO()))
    yield running
    await running.stop()


class Browser:
    """A client on one connection."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, host: str = LOCALHOST) -> None:
        self.host, self.port, self.tls = host, port, tls

    async def __aenter__(self) -> Browser:
        name = "dns.test" if self.tls else None
        self.reader, self.writer = await asyncio.open_connection(
            self.host, self.port, ssl=self.tls, server_hostname=name
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)

    async def fetch(self, path: str = "/health", method: str = "GET", headers: str = "") -> tuple[int, str, str]:
        """Status, headers in lower case, body."""
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n".encode())
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0]) if method != "HEAD" else 0
            return int(head.split(" ")[1]), head, (await self.reader.readexactly(length)).decode()

    async def rest(self) -> bytes:
        """All octets until the server closes."""
        async with asyncio.timeout(5):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


async def get(port: int, path: str = "/health", method: str = "GET", headers: str = "") -> tuple[int, str, str]:
    """What a new connection gets."""
    async with Browser(port) as browser:
        return await browser.fetch(path, method, headers)


# --- one request


async def test_a_path_is_answered_with_status_type_and_body(servers: HttpServers, port: int) -> None:
    await servers.apply([endpoint(port), endpoint(port, "/ready", says("not yet", 503))])
    status, head, body = await get(port)
    assert (status, body) == (200, "OK")
    assert "content-type: text/plain\r\n" in head
    assert "server:" not in head
    assert (await get(port, "/ready"))[::2] == (503, "not yet")


async def test_query_strings_do_not_matter(servers: HttpServers, port: int) -> None:
    await servers.apply([endpoint(port)])
    assert (await get(port, "/health?now=1"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/health/", "/HEALTH", "/%00", "//health"])
async def test_other_paths_are_not_found(servers: HttpServers, port: int, path: str) -> None:
    await servers.apply([endpoint(port)])
    assert (await get(port, path))[0] == 404


async def test_head_gives_the_length_and_no_body(servers: HttpServers, port: int) -> None:
    await servers.apply([endpoint(port)])
    async with Browser(port) as browser:
        status, head, _ = await browser.fetch(method="HEAD")
        assert (status, "content-length: 2\r\n" in head) == (200, True)
        assert (await browser.fetch())[2] == "OK"  # nothing of a body stood in between


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused(servers: HttpServers, port: int, method: str) -> None:
    await servers.apply([endpoint(port)])
    status, head, _ = await get(port, method=method, headers="Content-Length: 0\r\n")
    assert (status, "allow: get, head\r\n" in head) == (405, True)


async def test_the_accept_header_reaches_the_endpoint(servers: HttpServers, port: int) -> None:
    async def echo(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, "text/plain", request.accept.encode())

    await servers.apply([endpoint(port, answer=echo)])
    assert (await get(port, headers="Accept: text/plain\r\naccept: */*;q=0.1\r\n"))[2] == "text/plain,*/*;q=0.1"


async def test_a_failure_is_logged_and_answered(port: int) -> None:
    async def fail(request: HttpRequest) -> HttpAnswer:
        raise RuntimeError("no idea")

    output = StringIO()
    servers = HttpServers(Log(output))
    await servers.apply([endpoint(port, answer=fail)])
    assert (await get(port))[0] == 500
    assert output.getvalue() == "[ERROR] /health failed with RuntimeError: no idea\n"
    await servers.stop()


async def test_an_endpoint_that_takes_too_long_is_not_waited_for(servers: HttpServers, port: int) -> None:
    async def hang(request: HttpRequest) -> HttpAnswer:
        await asyncio.Event().wait()
        raise AssertionError

    await servers.apply([endpoint(port, answer=hang, within=0.05)])
    assert (await get(port))[0] == 503


async def test_an_endpoint_is_told_path_and_parameters(servers: HttpServers, port: int) -> None:
    async def echo(request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, "text/plain", f"{request.path} {request.query}".encode())

    await servers.apply([endpoint(port, "/health", echo)])
    assert (await get(port, "/health?seconds=5&x=%20"))[2] == "/health seconds=5&x=%20"


# --- clients that behave badly


@pytest.mark.parametrize(
    "octets",
    [
        b"\0\1\2\3\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"x" * 20_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_nonsense_ends_its_own_connection_only(servers: HttpServers, port: int, octets: bytes) -> None:
    await servers.apply([endpoint(port)])
    async with Browser(port) as bad, Browser(port) as good:
        bad.writer.write(octets)
        async with asyncio.timeout(5):
            assert await bad.reader.read(13) in (b"HTTP/1.1 400 ", b"HTTP/1.1 431 ", b"")
        assert (await good.fetch())[0] == 200


async def test_a_client_that_sends_nothing_is_not_waited_for(
    servers: HttpServers, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "KEEP_ALIVE", QUICK)
    await servers.apply([endpoint(port)])
    async with Browser(port) as silent, Browser(port) as slow:
        slow.writer.write(b"GET /health HTTP/1.1\r\nHo")
        assert await silent.rest() == b""
        assert await slow.rest() == b""


async def test_no_connection_lasts_for_ever(servers: HttpServers, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECTION_TIME", QUICK)
    await servers.apply([endpoint(port, answer=says("x" * 50_000_000))])
    async with Browser(port) as deaf:
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        deaf.writer.write(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        server = next(iter(servers._servers.values()))
        await until(lambda: len(server._clients) == 1)
        await until(lambda: not server._clients)


async def test_when_too_many_are_connected_the_oldest_has_to_go(
    servers: HttpServers, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 2)
    await servers.apply([endpoint(port)])
    async with Browser(port) as first, Browser(port) as second:
        for browser in (first, second):
            assert (await browser.fetch())[0] == 200
        async with Browser(port) as third:
            assert (await third.fetch())[0] == 200
            assert await first.rest() == b""
            assert (await second.fetch())[0] == 200


# --- change and end


async def test_a_kept_address_changes_its_paths_and_keeps_its_connections(servers: HttpServers, port: int) -> None:
    await servers.apply([endpoint(port), endpoint(port, "/old")])
    async with Browser(port) as browser:
        assert (await browser.fetch("/old"))[0] == 200
        await servers.apply([endpoint(port, answer=says("new"))])
        assert (await browser.fetch())[2] == "new"
        assert (await browser.fetch("/old"))[0] == 404


async def test_a_dropped_address_is_closed_and_a_new_one_opened(servers: HttpServers, port: int) -> None:
    other = free_port()
    await servers.apply([endpoint(port)])
    async with Browser(port) as browser:
        assert (await browser.fetch())[0] == 200
        await servers.apply([endpoint(other)])
        assert await browser.rest() == b""
    assert (await get(other))[0] == 200
    with pytest.raises(ConnectionRefusedError):
        await get(port)


async def test_of_two_endpoints_for_one_path_the_first_answers(servers: HttpServers, port: int) -> None:
    await servers.apply([endpoint(port, answer=says("first")), endpoint(port, answer=says("second"))])
    assert (await get(port))[2] == "first"


async def test_an_address_that_cannot_be_opened_changes_nothing(servers: HttpServers, port: int) -> None:
    await servers.apply([endpoint(port)])
    with socket.socket() as holder:
        holder.bind((LOCALHOST, 0))
        holder.listen()
        held, spare = holder.getsockname()[1], free_port()
        with pytest.raises(ResolverError) as caught:
            await servers.apply([endpoint(port, answer=says("new")), endpoint(spare), endpoint(held)])
    assert str(caught.value) == f"cannot listen on tcp {LOCALHOST}:{held}: the port is in use by another program"
    assert (await get(port))[2] == "OK"
    with pytest.raises(ConnectionRefusedError):
        await get(spare)


async def test_an_unknown_host_is_one_clear_line(servers: HttpServers) -> None:
    with pytest.raises(ResolverError, match=r"^cannot listen on no-such-host\.invalid: "):
        await servers.apply([HttpEndpoint("no-such-host.invalid", 1, "/", says("OK"))])


async def test_localhost_is_the_loopback(servers: HttpServers, port: int) -> None:
    await servers.apply([HttpEndpoint("localhost", port, "/health", says("OK"))])
    assert (await get(port))[0] == 200


async def test_without_a_host_all_addresses_answer(servers: HttpServers, port: int) -> None:
    await servers.apply([HttpEndpoint("", port, "/health", says("OK"))])
    hosts = [LOCALHOST, "127.0.0.2", "::1"] if has_ipv6() else [LOCALHOST, "127.0.0.2"]
    for host in hosts:
        async with Browser(port, host=host) as browser:
            assert (await browser.fetch())[0] == 200


async def test_two_instances_share_a_port_while_one_takes_over(servers: HttpServers, port: int) -> None:
    await servers.apply([endpoint(port, answer=says("one"))])
    other = HttpServers(Log(StringIO()))
    await other.apply([endpoint(port, answer=says("two"))])
    await servers.apply([])
    assert (await get(port))[2] == "two"
    await other.stop()


async def test_stopping_leaves_nothing_behind(port: int) -> None:
    before = asyncio.all_tasks()
    servers = HttpServers(Log(StringIO()))
    await servers.apply([endpoint(port)])
    async with Browser(port) as used, Browser(port) as unused:
        assert (await used.fetch())[0] == 200
        await servers.stop()
        assert await used.rest() == b""
        assert await unused.rest() == b""
    await until(lambda: asyncio.all_tasks() == before)


async def test_stopping_lets_a_request_end_but_not_for_ever(port: int) -> None:
    going = asyncio.Event()
    release = asyncio.Event()

    async def slow(request: HttpRequest) -> HttpAnswer:
        going.set()
        await release.wait()
        return HttpAnswer(200, "text/plain", b"done")

    servers = HttpServers(Log(StringIO()))
    await servers.apply([endpoint(port, answer=slow)])
    async with Browser(port) as browser:
        fetching = asyncio.create_task(browser.fetch())
        await going.wait()
        stopping = asyncio.create_task(servers.stop())
        await asyncio.sleep(0)
        release.set()
        assert (await fetching)[2] == "done"
        await stopping


async def test_stopping_what_never_served_is_fine(port: int) -> None:
    servers = HttpServers(Log(StringIO()))
    await servers.apply([endpoint(port)])
    await servers.stop()
    await servers.stop()


# --- TLS


def certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTS / "server.pem", CERTS / "server.key")
    return context


async def test_with_a_certificate_it_is_https_and_another_one_takes_its_place(servers: HttpServers, port: int) -> None:
    trusting = ssl.create_default_context(cafile=CERTS / "ca.pem")
    await servers.apply([endpoint(port, tls=certificate())])
    async with Browser(port, trusting) as browser:
        assert (await browser.fetch())[0] == 200
    stricter = certificate()
    stricter.minimum_version = ssl.TLSVersion.TLSv1_3
    await servers.apply([endpoint(port, tls=stricter)])
    async with Browser(port, trusting) as browser:
        assert (await browser.fetch())[0] == 200
        assert browser.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    await servers.apply([endpoint(port)])
    assert (await get(port))[0] == 200


async def test_one_port_cannot_be_with_and_without_tls(servers: HttpServers, port: int) -> None:
    with pytest.raises(ResolverError, match="cannot serve /health and /metrics: only one is with TLS"):
        await servers.apply([endpoint(port), endpoint(port, "/metrics", tls=certificate())])


def test_it_works_the_same_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        await test_stopping_leaves_nothing_behind(free_port())
        await test_stopping_lets_a_request_end_but_not_for_ever(free_port())
        servers = HttpServers(Log(StringIO()))
        await test_a_dropped_address_is_closed_and_a_new_one_opened(servers, free_port())
        await test_with_a_certificate_it_is_https_and_another_one_takes_its_place(servers, free_port())
        await servers.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)
