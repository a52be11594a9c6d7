"""What tests of exchanges share: requests, and transports towards a scripted upstream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Outcome, Request
from resolver.upstream.stream import StreamExchanges
from resolver.upstream.tls import ClientTls
from resolver.upstream.udp import UdpExchanges
from resolver.wire.message import Message
from resolver.wire.names import from_text
from tests.support.upstreams import Upstream

LIMITS = Limits(read_timeout=2.0)
SHORT = Limits(read_timeout=0.2)


def request(name: str = "www.example.org") -> Request:
    """A question for A records with RD set."""
    question = from_text(name) + b"\0\1\0\1"
    return Request(b"\x01\0\0\1\0\0\0\0\0\0" + question, question)


def addresses(outcome: Outcome) -> list[str]:
    """The addresses in an answer."""
    assert isinstance(outcome, Message), outcome
    return [".".join(map(str, record.rdata)) for record in outcome.sections().answer]


class Counted:
    """Cells for sockets that were open and sockets that had to be opened."""

    def __init__(self) -> None:
        self.hits, self.misses = Cell(), Cell()

    def both(self) -> tuple[float, float]:
        return self.hits.value, self.misses.value


def over_udp(
    upstream: Upstream,
    counted: Counted | None = None,
    limits: Limits = LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> UdpExchanges:
    """UDP towards the upstream."""
    counted = counted or Counted()
    address = Address(upstream.host, upstream.port)
    return UdpExchanges(asyncio.get_running_loop(), clock, address, limits, counted.hits, counted.misses)


def over_stream(
    upstream: Upstream,
    counted: Counted | None = None,
    limits: Limits = LIMITS,
    tls: ClientTls | None = None,
    server_name: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> StreamExchanges:
    """TCP, or TLS where it is said whom to trust, towards the upstream."""
    counted = counted or Counted()
    address = Address(upstream.host, upstream.port, "tls" if tls else "dns", server_name)
    loop = asyncio.get_running_loop()
    return StreamExchanges(loop, clock, address, replace(limits), counted.hits, counted.misses, tls)


class Clock:
    """Seconds that pass when a test says so, on top of the real ones."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead
