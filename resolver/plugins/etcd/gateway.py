"""Requests to etcd over its HTTP gateway (JSON, version 3 of the API), at whichever endpoint answers."""

from __future__ import annotations

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2

from resolver.errors import ResolverError
from resolver.plugins.etcd.settings import Settings
from resolver.upstream.tls import TlsFiles, client_context

CONNECT: Final = 5.0  # seconds
ANSWER: Final = 10.0  # seconds without an octet of an answer
SILENCE: Final = 900.0  # seconds without a word about changes; etcd itself says something each ten minutes
MAX_ANSWER: Final = 64 << 20  # octets
MAX_LINE: Final = 64 << 20  # octets of one batch of changes

# A peer that has vanished is noticed by the system: after 30 s without any octet, three probes 5 s apart.
_KEEPALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]
# A member that has lost its cluster ends a watch with this, and would keep silent without.
_LEADER = {"grpc-metadata-hasleader": "true"}


class EtcdError(ResolverError):
    """etcd did not do what it was asked for. ``compacted`` says that changes since then are not known any more."""

    def __init__(self, reason: str, *, status: int = 0, compacted: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.compacted = compacted


class Gateway:
    """Connections to the endpoints; the one that answered last is asked first."""

    def __init__(self, settings: Settings) -> None:
        self._endpoints = settings.endpoints
        self._credentials = settings.credentials
        self._current = 0
        self._token = ""
        secure = any(endpoint.startswith("https:") for endpoint in settings.endpoints)
        transport = httpx2.AsyncHTTPTransport(
            verify=client_context(settings.tls or TlsFiles()) if secure else False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=16, max_keepalive_connections=4, keepalive_expiry=60.0),
            socket_options=_KEEPALIVE,
        )
        self._http = httpx2.AsyncClient(transport=transport, trust_env=False)

    @property
    def endpoint(self) -> str:
        """The endpoint that is asked first."""
        return self._endpoints[self._current]

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request, of the first endpoint that gives one. Raises EtcdError."""
        error = EtcdError("no endpoint")
        for _ in self._endpoints:
            try:
                return await self._authorized(path, body)
            except EtcdError as failed:
                error = failed
                if failed.compacted:
                    break
                self.turn()
        raise error

    def turn(self) -> None:
        """Ask the next endpoint first from now on."""
        self._current = (self._current + 1) % len(self._endpoints)

    async def watch(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Batches of changes from the current endpoint, as they come. Raises EtcdError; ends where etcd ends it."""
        if self._credentials and not self._token:
            await self._log_in()
        timeout = httpx2.Timeout(connect=CONNECT, write=CONNECT, read=SILENCE, pool=CONNECT)
        headers = self._headers() | _LEADER
        url = f"{self.endpoint}/v3/watch"
        try:
            async with self._http.stream("POST", url, json=body, headers=headers, timeout=timeout) as response:
                if response.status_code != 200:
                    raise await self._refusal(response)
                async for line in _lines(response):
                    yield self._change(line)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise EtcdError(_explained(error)) from error

    async def _authorized(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """With a token where there are credentials, and with another one where that is not taken any more."""
        if not self._credentials:
            return await self._post(path, body)
        had = bool(self._token)
        if not had:
            await self._log_in()
        try:
            return await self._post(path, body)
        except EtcdError as error:
            if error.status != 401 or not had:
                raise
        await self._log_in()
        return await self._post(path, body)

    async def _log_in(self) -> None:
        user, password = self._credentials or ("", "")
        self._token = ""
        answer = await self._post("/v3/auth/authenticate", {"name": user, "password": password})
        self._token = str(answer.get("token", ""))

    def _headers(self) -> dict[str, str]:
        return {"authorization": self._token} if self._token else {}

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        timeout = httpx2.Timeout(connect=CONNECT, write=CONNECT, read=ANSWER, pool=CONNECT)
        url = self.endpoint + path
        try:
            async with self._http.stream("POST", url, json=body, headers=self._headers(), timeout=timeout) as response:
                if response.status_code != 200:
                    raise await self._refusal(response)
                return _object(await _body(response, MAX_ANSWER))
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise EtcdError(_explained(error)) from error

    async def _refusal(self, response: httpx2.Response) -> EtcdError:
        """What etcd says against the request."""
        try:
            said = _object(await _body(response, 65_536))
            reason = str(said.get("message") or said.get("error") or "")
        except EtcdError:
            reason = ""
        if response.status_code == 401:
            self._token = ""
        reason = reason or f"status {response.status_code}"
        return EtcdError(reason, status=response.status_code, compacted="compacted" in reason)

    def _change(self, line: bytes) -> dict[str, Any]:
        said = _object(line)
        failed = said.get("error")
        if failed is not None:
            reason = failed.get("message", "") if isinstance(failed, dict) else str(failed)
            if "auth token" in reason:
                self._token = ""
            raise EtcdError(reason or "the watch has ended", compacted="compacted" in reason)
        result = said.get("result")
        if not isinstance(result, dict):
            raise EtcdError("a change makes no sense")
        if result.get("compact_revision") not in (None, 0, "0"):
            raise EtcdError("changes were compacted", compacted=True)
        if result.get("canceled"):
            raise EtcdError(str(result.get("cancel_reason") or "etcd has ended the watch"))
        return result


def encoded(octets: bytes) -> str:
    """Keys and values travel as base64."""
    return b64encode(octets).decode("ascii")


async def _body(response: httpx2.Response, limit: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > limit:
            raise EtcdError(f"the answer is longer than {limit >> 20} MiB")
    return bytes(body)


async def _lines(response: httpx2.Response) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for piece in response.aiter_bytes():
        waiting += piece
        if b"\n" in piece:
            *lines, rest = bytes(waiting).split(b"\n")
            waiting = bytearray(rest)
            for line in lines:
                if line.strip():
                    yield line
        if len(waiting) > MAX_LINE:
            raise EtcdError(f"a batch of changes is longer than {MAX_LINE >> 20} MiB")


def _object(octets: bytes) -> dict[str, Any]:
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):
        raise EtcdError("it does not answer as etcd does") from None
    if not isinstance(found, dict):
        raise EtcdError("it does not answer as etcd does")
    return found


def _explained(error: BaseException) -> str:
    """Why there was no answer, for people."""
    if isinstance(error, httpx2.TimeoutException | asyncio.TimeoutError):
        return "it did not answer in time"
    cause = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    words = getattr(cause, "strerror", None) or getattr(cause, "verify_message", None) or str(cause)
    return str(words or type(cause).__name__).lower()
