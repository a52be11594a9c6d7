"""Asking one's own /health over the loopback, as a probe does: its time tells how busy the process is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

from resolver.telemetry.log import Log
from resolver.telemetry.metrics import SLIM_TIME_BUCKETS, Registry

INTERVAL = 1.0  # seconds
TIMEOUT = 3.0
SLOW = 1.0
_MAX_BODY = 4096
_FAILED = (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError)


class SelfCheck:
    """Requests /health once per interval over one connection, which is kept while the server keeps it."""

    def __init__(
        self,
        address: tuple[str, int],
        registry: Registry,
        log: Log,
        clock: Callable[[], float],
        *,
        interval: float = INTERVAL,
        timeout: float = TIMEOUT,
    ) -> None:
        host, port = address
        self._host, self._port = host or "localhost", port
        self._log = log
        self._clock = clock
        self._interval, self._timeout = interval, timeout
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._durations = registry.histogram(
            "coredns_health_request_duration_seconds", "Time of a request to our own /health.", (), SLIM_TIME_BUCKETS
        ).cell()
        self._failures = registry.counter(
            "coredns_health_request_failures_total", "Requests to our own /health that failed."
        ).cell()

    async def run(self) -> None:
        """Check until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._interval)
                await self.check()
        finally:
            self._close()

    async def check(self) -> None:
        """Make one request, count it, and warn where it failed or took long."""
        begun = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                await self._request()
        except _FAILED as error:
            self._close()
            self._failures.value += 1
            self._log.warning(f"local health request failed: {str(error) or type(error).__name__}")
        took = self._clock() - begun
        self._durations.observe(took)
        if took > SLOW:
            self._log.warning(f"local health request took {took:.1f}s")

    async def _request(self) -> None:
        if self._stream is not None:
            try:
                await self._exchange(*self._stream)
                return
            except _FAILED:
                self._close()  # the server may have closed a connection that it had kept
        self._stream = await asyncio.open_connection(self._host, self._port)
        await self._exchange(*self._stream)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nUser-Agent: selfcheck\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = head.split(b" ", 2)[1]
        length = int(head.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0]) if b"content-length:" in head else 0
        await reader.readexactly(min(length, _MAX_BODY))
        if status != b"200":
            raise ValueError(f"status {status.decode('latin-1')}")
        if b"\r\nconnection: close" in head:
            self._close()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream[1].transport.abort()
            self._stream = None


class SelfChecks:
    """The checks of a process: one at work for each address, however many server blocks have ``health``."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, int], dict[SelfCheck, None]] = {}
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}

    def join(self, address: tuple[str, int], check: SelfCheck) -> None:
        """Check the address, with this check if it is the first."""
        self._wanted.setdefault(address, {})[check] = None
        if address not in self._running:
            self._running[address] = asyncio.get_running_loop().create_task(check.run())

    async def leave(self, address: tuple[str, int], check: SelfCheck) -> None:
        """Whoever joined with this check no longer wants it; the last one ends it."""
        wanted = self._wanted.get(address, {})
        wanted.pop(check, None)
        if not wanted and address in self._running:
            del self._wanted[address]
            running = self._running.pop(address)
            running.cancel()
            await asyncio.wait([running])


_checks: WeakKeyDictionary[Registry, SelfChecks] = WeakKeyDictionary()


def checks_of(registry: Registry) -> SelfChecks:
    """The checks of the process that counts in this registry."""
    found = _checks.get(registry)
    if found is None:
        found = _checks[registry] = SelfChecks()
    return found
