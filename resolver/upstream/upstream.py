"""One upstream: its address, its health, and exchanges with it over whatever it speaks."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from resolver.errors import UpstreamError
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Outcome, Request
from resolver.upstream.health import Health
from resolver.upstream.padding import padded
from resolver.upstream.proof import Proof
from resolver.upstream.protocols import Exchanges, over_connections
from resolver.upstream.tls import ClientTls
from resolver.upstream.udp import UdpExchanges
from resolver.wire.message import Message


@dataclass(frozen=True, slots=True)
class Checks:
    """How health is checked: ``interval`` in seconds, what is asked, and after how many fails the upstream is down."""

    interval: float = 0.5
    domain: bytes = b"\0"
    recursion: bool = True
    over_tcp: bool = False
    max_fails: int = 2


@dataclass(frozen=True, slots=True)
class Counts:
    """Cells that an upstream counts into."""

    udp_hits: Cell = field(default_factory=Cell)
    udp_misses: Cell = field(default_factory=Cell)
    stream_hits: Cell = field(default_factory=Cell)
    stream_misses: Cell = field(default_factory=Cell)
    stream_failures: Cell = field(default_factory=Cell)
    failed_checks: Cell = field(default_factory=Cell)
    unproven: Cell = field(default_factory=Cell)


Notice: TypeAlias = Callable[[str, bool], None]
"""Is told in words when an upstream goes down (False) or is up again (True)."""


def unnoticed(text: str, up: bool) -> None:
    """For those who do not want to be told."""


class Upstream:
    """One upstream. Opens nothing before it is asked something."""

    __slots__ = (
        "_clock", "_closed", "_counts", "_loop", "_notice", "_only_streams", "_padding", "_prober", "_proof",
        "_streams", "_tls", "_udp", "address", "checks", "health", "label", "limits",
    )  # fmt: skip

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        address: Address,
        limits: Limits,
        checks: Checks,
        counts: Counts,
        tls: ClientTls | None = None,
        notice: Notice = unnoticed,
    ) -> None:
        if address.encrypted and tls is None:
            raise ValueError("an encrypted upstream needs to know whom to trust")
        self.address = address
        self.label = str(address)
        self.limits = limits
        self.checks = checks
        self.health = Health(checks.max_fails)
        self._loop = loop
        self._clock = clock
        self._only_streams = address.encrypted
        self._counts = counts
        self._tls = tls if self._only_streams else None
        self._padding = self._tls is not None and self._tls.settings.padding
        self._notice = notice
        self._udp: UdpExchanges | None = None
        self._proof: Proof | None = None
        if limits.random_case or limits.cookies:
            self._proof = Proof(random_case=limits.random_case, cookies=limits.cookies, unproven=counts.unproven)
        self._streams: Exchanges | None = None
        self._prober: Task[None] | None = None
        self._closed = False

    def ask(self, request: Request, over_tcp: bool, timeout: float) -> Future[Outcome]:
        """Begin an exchange; the future ends with the answer or the error, ``timeout`` seconds later at the latest.

        No exchange takes longer than the upstream's read timeout.
        """
        if over_tcp or self._only_streams or (self._proof is not None and self._clock() < self._proof.tcp_until):
            if self._padding:
                request = padded(request)
            return (self._streams or self._over_streams()).ask(request, timeout)
        return (self._udp or self._over_udp()).ask(request, timeout)

    async def exchange(self, request: Request, over_tcp: bool = False, timeout: float | None = None) -> Message:
        """Ask and wait. Raises UpstreamError."""
        outcome = await self.ask(request, over_tcp, timeout or self.limits.read_timeout)
        if isinstance(outcome, UpstreamError):
            raise outcome
        return outcome

    def failed(self) -> None:
        """Note that a query brought no answer, and begin to probe."""
        if not self._closed and self.health.query_failed() and (self._prober is None or self._prober.done()):
            self._prober = self._loop.create_task(self._probe())

    def close(self) -> None:
        """Stop probing and close everything for good."""
        self._closed = True
        if self._prober is not None:
            self._prober.cancel()
            self._prober = None
        for exchanges in (self._udp, self._streams):
            if exchanges is not None:
                exchanges.close()

    def _over_udp(self) -> UdpExchanges:
        """With the first question: of ten thousand upstreams most are seldom asked."""
        counts = self._counts
        self._udp = made = UdpExchanges(
            self._loop, self._clock, self.address, self.limits, counts.udp_hits, counts.udp_misses, proof=self._proof
        )
        if self._closed:
            made.close()
        return made

    def _over_streams(self) -> Exchanges:
        counts = self._counts
        self._streams = made = over_connections(self.address.scheme)(
            self._loop, self._clock, self.address, self.limits, counts.stream_hits, counts.stream_misses, self._tls
        )
        made.failures = counts.stream_failures
        if self._closed:
            made.close()
        return made

    async def _probe(self) -> None:
        checks = self.checks
        flags = b"\x01\x00" if checks.recursion else b"\0\0"
        question = checks.domain + b"\0\x02\0\x01"
        request = Request(flags + b"\0\1\0\0\0\0\0\0" + question, question)
        told = False
        while self.health.probing:
            outcome = await self.ask(request, checks.over_tcp, PROBE_TIMEOUT)
            if isinstance(outcome, Message):
                self.health.answered()
                break
            self.health.probe_failed()
            self._counts.failed_checks.value += 1
            if self.health.down and not told:
                told = True
                self._notice(f"upstream {self.label} is down: {outcome}", False)
            await asyncio.sleep(max(checks.interval, MIN_INTERVAL))
        if told:
            self._notice(f"upstream {self.label} is up again", True)


PROBE_TIMEOUT = 1.0
MIN_INTERVAL = 0.05  # seconds; a check that fails at once must not become a flood
