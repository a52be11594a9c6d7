"""A Kubernetes API on loopback: lists in pages, watches, bookmarks, 410, 401, 403, 404, and everything that breaks.

It runs in the event loop of the test. What goes wrong is scripted: see the fields of ``FakeApi``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.support.kubeapi.store import Json, Selects, Store, key_of, line, selector

SERVED = {
    "/api/v1": {"services", "pods", "namespaces", "nodes", "configmaps"},
    "/apis/discovery.k8s.io/v1": {"endpointslices"},
    "/apis/networking.k8s.io/v1": {"ingresses"},
}
_PATH = re.compile(r"(?P<root>/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)")


class Request(NamedTuple):
    """A request as it came: path, query, headers with lower-case names."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def watches(self) -> bool:
        return self.query.get("watch") == "true"


class Refuse(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, reason: str, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after


@dataclass
class FakeApi:
    """The API. ``tokens`` are those that are let in (empty: everybody); ``forbidden`` plurals are answered with 403.

    ``failing`` is a status for every request; ``page_octets`` are put instead of the next list's body and ``raw`` into
    the open watches; ``gone_as_event`` says how a version that is too old is answered; ``expired`` continue tokens get
    410; ``hanging`` requests get no answer; ``pause`` seconds lie between two octets of a list.
    """

    store: Store = field(default_factory=Store)
    tokens: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    also_served: set[str] = field(default_factory=set)
    failing: int = 0
    retry_after: int = 0
    hanging: bool = False
    gone_as_event: bool = False
    expire_continue: int = 0
    list_bodies: list[bytes] = field(default_factory=list)
    end_watches_at_once: bool = False
    pause: float = 0.0
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _watchers: dict[asyncio.StreamWriter, str] = field(default_factory=dict)
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def lists(self, plural: str = "services") -> list[Request]:
        """The requests for lists of a kind so far."""
        return [one for one in self.requests if one.path.endswith(f"/{plural}") and not one.watches]

    def watches(self, plural: str = "services") -> list[Request]:
        """The requests for watches of a kind so far."""
        return [one for one in self.requests if one.path.endswith(f"/{plural}") and one.watches]

    def open_watches(self, plural: str = "services") -> int:
        """How many watches of a kind are open."""
        return sum(1 for watched in self._watchers.values() if watched == plural)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections and cut those that are open; ``start`` opens the same port again."""
        if self._server:
            self._server.close()
            self._server = None
        self.cut(every=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self, *, every: bool = False) -> None:
        """Break connections without saying good-bye: those of watches, or every one."""
        for writer in list(self._connections if every else self._watchers):
            writer.transport.abort()

    def end_watches(self) -> None:
        """End the open watches properly, as a server does whose time is up."""
        for writer in list(self._watchers):
            writer.write(b"0\r\n\r\n")
            self._watchers.pop(writer)

    def send(self, octets: bytes) -> None:
        """Put octets into every open watch."""
        for writer in self._watchers:
            writer.write(_chunk(octets))

    def bookmark(self) -> None:
        """Tell all watches how far they are."""
        self.send(line("BOOKMARK", {"kind": "Service", "metadata": {"resourceVersion": str(self.store.version)}}))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._connections.add(writer)
        try:
            async for request in _requests(reader):
                self.requests.append(request)
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._connections.discard(writer)
            self._watchers.pop(writer, None)
            writer.transport.abort()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer; whether the connection stays open."""
        while self.hanging:
            await asyncio.sleep(0.01)
        try:
            plural, selects = self._admit(request)
            if request.watches:
                await self._begin_watch(request, plural, writer)
                await self._follow(request, plural, selects, reader, writer)
                return False
            await self._list(request, plural, selects, writer)
        except Refuse as refusal:
            await _send(writer, refusal.status, json.dumps(_status(refusal)).encode(), retry_after=refusal.retry_after)
        return True

    def _admit(self, request: Request) -> tuple[str, Selects]:
        """What is asked for. Raises Refuse when it is not to be had."""
        if self.failing:
            raise Refuse(self.failing, "InternalError", "it is broken", self.retry_after)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens and bearer not in self.tokens:
            raise Refuse(401, "Unauthorized", "Unauthorized")
        found = _PATH.fullmatch(request.path)
        plural = found["plural"] if found else ""
        if not found or plural not in SERVED.get(found["root"], set()) | self.also_served:
            raise Refuse(404, "NotFound", "the server could not find the requested resource")
        if plural in self.forbidden:
            verb = "watch" if request.watches else "list"
            raise Refuse(403, "Forbidden", f'{plural} is forbidden: User "system:anonymous" cannot {verb} resource')
        return plural, selector(found["namespace"] or "", request.query)

    async def _list(self, request: Request, plural: str, selects: Selects, writer: asyncio.StreamWriter) -> None:
        begin = request.query.get("continue", "")
        version, _, after = begin.partition(":")
        if begin and self.expire_continue:
            self.expire_continue -= 1
            raise Refuse(410, "Expired", "The provided continue parameter is too old")
        items = [item for item in self.store.select(plural, selects) if key_of(item) > after]
        limit = int(request.query.get("limit", "0")) or len(items)
        page, rest = items[:limit], items[limit:]
        version = version or str(self.store.version)
        more = f"{version}:{key_of(page[-1])}" if rest else ""
        metadata = {"resourceVersion": version} | ({"continue": more} if more else {})
        body = json.dumps({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": page or None}).encode()
        if self.list_bodies:
            body = self.list_bodies.pop(0)
        compressed = "gzip" in request.headers.get("accept-encoding", "") and len(body) > 1000
        await _send(writer, 200, gzip.compress(body) if compressed else body, gzipped=compressed, pause=self.pause)

    async def _begin_watch(self, request: Request, plural: str, writer: asyncio.StreamWriter) -> None:
        since = int(request.query["resourceVersion"])
        gone = Refuse(410, "Expired", f"too old resource version: {since} ({self.store.oldest})")
        if since < self.store.oldest and not self.gone_as_event:
            raise gone
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if since < self.store.oldest:
            writer.write(_chunk(line("ERROR", _status(gone))))
        if since < self.store.oldest or self.end_watches_at_once:
            writer.write(b"0\r\n\r\n")
        else:
            self._watchers[writer] = plural
        await writer.drain()

    async def _follow(
        self,
        request: Request,
        plural: str,
        selects: Selects,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Send what changes until the client leaves or the watch is ended."""
        since = int(request.query["resourceVersion"])
        deadline = asyncio.get_running_loop().time() + int(request.query["timeoutSeconds"])
        while writer in self._watchers and not (writer.transport.is_closing() or reader.at_eof()):
            changed = self.store.changed
            for version, kind, item in self.store.events(plural, selects, since):
                writer.write(_chunk(line(kind, item)))
                since = version
            await writer.drain()
            if asyncio.get_running_loop().time() > deadline:
                writer.write(b"0\r\n\r\n")
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), 0.05)


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[Request]:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        url = urlsplit(first.split(" ")[1])
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = dict(one.split(": ", 1) for one in lines)
        yield Request(url.path, query, {name.lower(): value for name, value in headers.items()})


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    *,
    gzipped: bool = False,
    retry_after: int = 0,
    pause: float = 0.0,
) -> None:
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Encoding: gzip\r\n" * gzipped + f"Retry-After: {retry_after}\r\n" * bool(retry_after)
    writer.write(head.encode() + b"\r\n")
    for begin in range(0, len(body), 64 if pause else max(1, len(body))):
        writer.write(body[begin : begin + 64] if pause else body)
        await writer.drain()
        await asyncio.sleep(pause)


def _chunk(octets: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(octets), octets)


def _status(refusal: Refuse) -> Json:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": refusal.message,
        "reason": refusal.reason,
        "code": refusal.status,
    }
