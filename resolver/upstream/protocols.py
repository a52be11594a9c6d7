"""How upstreams are spoken to: one class for each protocol, all of the same shape."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Outcome, Request
from resolver.upstream.stream import StreamExchanges
from resolver.upstream.tls import ClientTls


class Exchanges(Protocol):
    """All exchanges with one upstream over one protocol. Opens nothing before it is asked something."""

    failures: Cell

    def ask(self, request: Request, timeout: float) -> Future[Outcome]:
        """Send the request; the future ends with the answer or with the reason why there is none (never an exception).

        Waits ``timeout`` seconds, and never longer than the read timeout. A query on a connection that turns out to be
        dead is asked once more on another one. Nothing is retried otherwise.
        """

    def close(self) -> None:
        """Close everything for good; exchanges in flight end with UpstreamError, and so do those begun later."""


class MakeExchanges(Protocol):
    """Makes the exchanges with ``address``. ``clock`` is monotonic, in seconds.

    ``hits`` counts the exchanges on a connection that was open, ``misses`` those that had to open one. ``tls`` is what
    the line says of certificates: everything but ``dns://`` has it.
    """

    def __call__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        address: Address,
        limits: Limits,
        hits: Cell,
        misses: Cell,
        tls: ClientTls | None,
        /,
    ) -> Exchanges: ...


def over_connections(scheme: str) -> MakeExchanges:
    """The protocol that a scheme stands for; for ``dns`` that is TCP. Raises ImportError without its library."""
    if scheme == "quic":
        from resolver.upstream.quic import QuicExchanges

        return QuicExchanges
    if scheme == "https3":
        from resolver.upstream.http3 import Http3Exchanges

        return Http3Exchanges
    if scheme == "https":
        from resolver.upstream.https import HttpsExchanges

        return HttpsExchanges
    return StreamExchanges


def missing_library(scheme: str) -> str:
    """The library without which a scheme cannot be spoken; empty where nothing is missing."""
    return "aioquic" if scheme in ("quic", "https3") and find_spec("aioquic") is None else ""
