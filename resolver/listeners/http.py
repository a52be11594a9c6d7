"""HTTP endpoints for probes and metrics: a few paths with GET, served by hypercorn over HTTP/1.1.

The sockets are ours: bound before anything is served, shared by a starting and an ending instance, kept over a reload.
hypercorn is imported aside from the event loop when the first endpoint opens, as that takes a tenth of a second.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest
from resolver.errors import ResolverError
from resolver.listeners.sockets import has_ipv6, open_tcp
from resolver.telemetry.log import Log

Address = tuple[str, int]

MAX_CONNECTIONS: Final = 64  # per address; one more takes the place of the oldest
MAX_HEADER: Final = 8192  # octets of request line and headers
KEEP_ALIVE: Final = 5.0  # seconds until a request, and between two
CONNECTION_TIME: Final = 60.0  # seconds that any connection may last
_BACKLOG: Final = 128
_ALL_ADDRESSES: Final = ("0.0.0.0", "::")
_PLAIN: Final = "text/plain; charset=utf-8"


class HttpServers:
    """All HTTP endpoints of a process, by address."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._servers: dict[Address, _Server] = {}

    async def apply(self, endpoints: Iterable[HttpEndpoint]) -> None:
        """Serve exactly these endpoints from now on: open new addresses, give kept ones their new paths, close others.

        Connections to an address that is kept go on. Of several endpoints for one path the first one answers. Raises
        ResolverError with one clear line, and changes nothing, where an address cannot be opened.
        """
        wanted = await _by_address(endpoints)
        opened: dict[Address, _Server] = {}
        try:
            for address in wanted.keys() - self._servers.keys():
                opened[address] = _Server(open_tcp(*address), self.log)
        except ResolverError:
            for server in opened.values():
                server.sock.close()
            raise
        gone = [self._servers.pop(address) for address in self._servers.keys() - wanted.keys()]
        self._servers |= opened
        changes = [
            self._servers[address].serve({endpoint.path: endpoint for endpoint in reversed(group)})
            for address, group in wanted.items()
        ]
        await _stop(gone)
        if "hypercorn" in sys.modules:  # else importing it takes longer than anybody should wait for
            await asyncio.gather(*changes)

    async def stop(self) -> None:
        """Close all addresses; requests under way have two seconds to end."""
        gone, self._servers = list(self._servers.values()), {}
        await _stop(gone)


class _Server:
    """One listening socket, what its paths are, and who is connected."""

    def __init__(self, sock: socket.socket, log: Log) -> None:
        self.sock = sock
        self.log = log
        self.paths: Mapping[str, HttpEndpoint] = {}
        self.tls: ssl.SSLContext | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[Any]] = {}
        self._hypercorn: _Hypercorn | None = None

    def serve(self, paths: Mapping[str, HttpEndpoint]) -> asyncio.Task[None]:
        """Answer these paths from now on, and where that takes a new certificate, once the task is done."""
        self.paths = paths
        tls = next((endpoint.tls for endpoint in paths.values()), None)
        if self._accepting is None or tls is not self.tls:
            self.tls = tls
            self._accepting = asyncio.get_running_loop().create_task(self._accept(tls, self._accepting))
        return self._accepting

    async def stop(self, grace: float) -> None:
        """Accept no more, let requests end, close."""
        if self._accepting is not None:
            await asyncio.wait([self._accepting])
        if self._server is not None:
            self._server.close()
        self.sock.close()
        if self._hypercorn is not None:
            await self._hypercorn.context.terminated.set()  # ends connections that wait for their next request
        if self._clients:
            _, late = await asyncio.wait(list(self._clients.values()), timeout=grace)
            for writer in list(self._clients):
                writer.transport.abort()
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=grace)

    async def _accept(self, tls: ssl.SSLContext | None, previous: asyncio.Task[None] | None) -> None:
        """Accept connections from a copy of the socket, so that another certificate does not close the address."""
        if previous is not None:
            await asyncio.wait([previous])
        try:
            if self._hypercorn is None:
                self._hypercorn = await asyncio.get_running_loop().run_in_executor(None, _Hypercorn)
            if self._server is not None:
                self._server.close()
            handshake = KEEP_ALIVE if tls else None
            self._server = await asyncio.start_server(
                self._connected, sock=self.sock.dup(), backlog=_BACKLOG, ssl=tls, ssl_handshake_timeout=handshake
            )
        except (ImportError, OSError) as error:
            self.log.error(f"cannot serve HTTP: {error}")

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MAX_CONNECTIONS:
            oldest = next(iter(self._clients))
            oldest.transport.abort()
            self._clients.pop(oldest).cancel()
        conversation = self._converse(reader, writer)
        self._clients[writer] = asyncio.get_running_loop().create_task(conversation)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection for a limited time."""
        # abort, not cancel: hypercorn waits for the octets that a client does not take, even when it is cancelled
        end = asyncio.get_running_loop().call_later(CONNECTION_TIME, writer.transport.abort)
        try:
            if self._hypercorn is not None:
                await self._hypercorn.connection(self._app, reader, writer)
        except asyncio.CancelledError:
            pass  # the connection is at its end either way
        except Exception as error:  # a client's misbehaviour ends its own connection and nothing else
            self.log.debug(f"HTTP connection ended with {type(error).__name__}: {error}")
        finally:
            end.cancel()
            writer.transport.abort()
            self._clients.pop(writer, None)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        answer, headers = await self._answer(scope)
        headers += [
            (b"content-type", answer.content_type.encode("latin-1")),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Any) -> tuple[HttpAnswer, list[tuple[bytes, bytes]]]:
        endpoint = self.paths.get(scope["path"])
        if endpoint is None:
            return HttpAnswer(404, _PLAIN, b"not found\n"), []
        if scope["method"] not in ("GET", "HEAD"):
            return HttpAnswer(405, _PLAIN, b"method not allowed\n"), [(b"allow", b"GET, HEAD")]
        accept = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept")
        query = scope.get("query_string", b"").decode("latin-1")
        request = HttpRequest(accept.decode("latin-1"), scope["path"], query)
        try:
            async with asyncio.timeout(endpoint.within):
                return await endpoint.answer(request), []
        except TimeoutError:
            return HttpAnswer(503, _PLAIN, b"no answer in time\n"), []
        except Exception as error:  # the client gets an answer, the log the reason
            self.log.error(f"{endpoint.path} failed with {type(error).__name__}: {error}")
            return HttpAnswer(500, _PLAIN, b"internal error\n"), []


class _Hypercorn:
    """hypercorn's connection handling with our limits. Making one imports hypercorn."""

    def __init__(self) -> None:
        from hypercorn.app_wrappers import ASGIWrapper
        from hypercorn.asyncio.tcp_server import TCPServer
        from hypercorn.asyncio.worker_context import WorkerContext
        from hypercorn.config import Config

        config = Config()
        config.errorlog = config.accesslog = None
        config.include_server_header = False
        config.h11_max_incomplete_size = MAX_HEADER
        config.keep_alive_timeout = KEEP_ALIVE
        self.config = config
        self.context = WorkerContext(None)
        self._wrap, self._serve = ASGIWrapper, TCPServer

    async def connection(self, app: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it closes."""
        loop = asyncio.get_running_loop()
        await self._serve(self._wrap(app), loop, self.config, self.context, {}, reader, writer)


async def _by_address(endpoints: Iterable[HttpEndpoint]) -> dict[Address, list[HttpEndpoint]]:
    """The endpoints by the addresses to bind, names resolved. Raises ResolverError."""
    groups: dict[Address, list[HttpEndpoint]] = {}
    hosts: dict[str, tuple[str, ...]] = {}
    for endpoint in endpoints:
        if endpoint.host not in hosts:
            hosts[endpoint.host] = await _hosts(endpoint.host)
        for host in hosts[endpoint.host]:
            group = groups.setdefault((host, endpoint.port), [])
            if group and (group[0].tls is None) != (endpoint.tls is None):
                paths = f"{group[0].path} and {endpoint.path}"
                raise ResolverError(f"port {endpoint.port} of {host} cannot serve {paths}: only one is with TLS")
            group.append(endpoint)
    return groups


async def _hosts(host: str) -> tuple[str, ...]:
    """Addresses to bind: all of the machine for an empty host, the first one of a name, IPv4 before IPv6."""
    if not host:
        return _ALL_ADDRESSES if has_ipv6() else _ALL_ADDRESSES[:1]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ResolverError(f"cannot listen on {host}: {error.strerror or error}") from None
    found.sort(key=lambda one: one[0] != socket.AF_INET)
    return (str(found[0][4][0]),)


async def _stop(servers: Iterable[_Server], grace: float = 2.0) -> None:
    await asyncio.gather(*(server.stop(grace) for server in servers))
