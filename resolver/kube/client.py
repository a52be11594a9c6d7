"""Requests to one API server: credentials, limits, metrics, and every failure as one error of ours."""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx2

from resolver import __version__
from resolver.errors import KubeError
from resolver.kube import decode
from resolver.kube.access import Access
from resolver.kube.credentials import Credentials, tls_context
from resolver.kube.limits import Limiter
from resolver.kube.metrics import ClientMetrics

# The HTTP library would import its loop's half at the first connection: 40 ms in which nothing is answered.
with suppress(ImportError):
    importlib.import_module("anyio._backends._asyncio")
    importlib.import_module("anyio.streams.stapled")

CONNECT = 5.0  # seconds to connect, TLS included
WRITE = 5.0  # seconds for a request to be taken
MAX_REASON = 65_536  # octets of an error's body that are read

# A peer that has vanished is noticed by the system: after 30 s without any octet, three probes 5 s apart.
_KEEPALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]


class Failure(KubeError):
    """A request that brought nothing: ``status`` is that of HTTP, 0 without an answer; ``wait`` what the API asks for.

    ``wait`` is in seconds (Retry-After). ``general`` says that every request would have failed like this one: there is
    no way to the API, or it does not know who asks.
    """

    def __init__(self, reason: str, status: int = 0, wait: float = 0.0, *, general: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.wait = wait
        self.general = general


class Client:
    """The connection pool to one API server, for one Access."""

    def __init__(self, access: Access, metrics: ClientMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self.access = access
        self._metrics = metrics
        self._clock = clock
        self._credentials = Credentials(access, clock)
        self._limiter = Limiter(access.qps, access.burst, clock)
        self._places = asyncio.Semaphore(access.max_inflight) if access.max_inflight else None
        self._http: httpx2.AsyncClient | None = None
        self._identity: object = None

    @asynccontextmanager
    async def get(
        self, path: str, query: Mapping[str, str], *, patience: float, gzip: bool = False
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of the answer to a GET, in pieces as they come, once the API has said that it is a good one.

        ``patience`` is how many seconds may pass without an octet. Raises Failure, also while the body is read.
        """
        headers = {"accept": "application/json", "accept-encoding": "gzip" if gzip else "identity"}
        try:
            response = await self._send(path, query, headers, patience)
            try:
                yield response.aiter_bytes()
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            no_way = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise Failure(_explained(error), general=no_way) from error

    async def close(self) -> None:
        """Close all connections."""
        http, self._http = self._http, None
        if http:
            await http.aclose()

    async def _send(
        self, path: str, query: Mapping[str, str], headers: dict[str, str], patience: float
    ) -> httpx2.Response:
        """The answer, its body unread. After a 401 it is tried once more, if there are other credentials by then."""
        response = await self._try(path, query, headers, patience)
        if response.status_code == 401 and await self._credentials.renew():
            await response.aclose()
            response = await self._try(path, query, headers, patience)
        if response.status_code != 200:
            raise await _refusal(response)
        return response

    async def _try(
        self, path: str, query: Mapping[str, str], headers: dict[str, str], patience: float
    ) -> httpx2.Response:
        held = await self._limiter.take()
        self._metrics.held_back(held)
        headers = headers | await self._credentials.headers()
        http = await self._connected()
        extensions = {"sni_hostname": self.access.server_name} if self.access.server_name else None
        timeout = httpx2.Timeout(connect=CONNECT, write=WRITE, read=patience, pool=None)
        url = self.access.server + path
        request = http.build_request(
            "GET", url, params=dict(query), headers=headers, timeout=timeout, extensions=extensions
        )
        if self._places is None:
            return await self._timed(http, request)
        async with self._places:
            return await self._timed(http, request)

    async def _timed(self, http: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
        begin, status = self._clock(), 0
        try:
            response = await http.send(request, stream=True)
            status = response.status_code
            return response
        finally:
            self._metrics.requested(status, self._clock() - begin)

    async def _connected(self) -> httpx2.AsyncClient:
        """The client of the library; a new one when a credential plugin has given another certificate."""
        identity = self._credentials.identity
        if self._http is None or identity != self._identity:
            await self.close()
            self._identity = identity
            transport = httpx2.AsyncHTTPTransport(
                verify=tls_context(self.access, identity),
                trust_env=False,
                proxy=self.access.proxy or _proxy_for(self.access.server) or None,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=4, keepalive_expiry=30.0),
                socket_options=_KEEPALIVE,
            )
            agent = {"user-agent": f"k8s-resolver/{__version__}"}
            self._http = httpx2.AsyncClient(transport=transport, trust_env=False, headers=agent)
        return self._http


async def _refusal(response: httpx2.Response) -> Failure:
    """What the API says against the request; the body of an error is a Status object, but not from every proxy."""
    body = b""
    try:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_REASON:
                break
    except httpx2.HTTPError:
        pass
    finally:
        await response.aclose()
    said = decode.status(body)[0] or body.decode("utf-8", "replace").strip().partition("\n")[0][:300]
    wait = response.headers.get("retry-after", "")
    status, phrase = response.status_code, response.reason_phrase
    reason = f"{status} {phrase}".strip()
    reason = f"{reason}: {said}" if said not in ("", phrase) else reason
    return Failure(reason, status, float(wait) if wait.isdigit() else 0, general=status == 401)


def _explained(error: BaseException) -> str:
    """Why there was no answer, for people."""
    if isinstance(error, httpx2.ReadTimeout):
        return "nothing came for too long"
    if isinstance(error, httpx2.TimeoutException):
        return "no connection in time"
    while (deeper := _cause(error)) is not None:
        error = deeper
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS fails: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, OSError) and error.strerror:
        number = error.errno or 0
        return os.strerror(number) if number > 0 else error.strerror  # below 0: a name that is not found
    return str(error) or type(error).__name__


def _cause(error: BaseException) -> BaseException | None:
    """What an error was raised from; libraries wrap the reason that helps several times."""
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[0]
    return error.__cause__ or error.__context__


def _proxy_for(server: str) -> str:
    """The proxy that the environment names for this server, as other Kubernetes clients use it."""
    parts = urlsplit(server)
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    return urllib.request.getproxies().get(parts.scheme, "")
