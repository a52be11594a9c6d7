"""What a load generator is asked to do, and what it brings back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Load:
    """One run against 127.0.0.1:``port`` with the questions of ``names`` (lines "NAME TYPE").

    The file is repeated until ``seconds`` are over, or read once only with ``once``. ``rate`` is in queries per
    second, ``None`` for as fast as ``window`` outstanding queries allow. Percentiles are taken when a rate is set.
    With ``dnssec`` the questions have EDNS with DO. ``mode`` is ``dot`` or ``doh`` for encrypted connections.
    """

    port: int
    names: Path
    seconds: float
    rate: int | None = None
    tcp: bool = False
    once: bool = False
    window: int = 100
    clients: int = 4
    timeout: float = 1.0
    dnssec: bool = False
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts of one run; ``failed`` are answers other than NOERROR; latencies in microseconds, if taken."""

    sent: int
    answered: int
    failed: int
    seconds: float
    p50: float | None = None
    p99: float | None = None

    @property
    def lost(self) -> int:
        return self.sent - self.answered

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds if self.seconds > 0 else 0.0


class Generator(Protocol):
    """A load generator: dnsperf where it is installed, the Python one elsewhere."""

    @property
    def name(self) -> str: ...

    @property
    def encrypts(self) -> bool:
        """Whether loads over TLS and HTTPS can be run."""
        ...

    def run(self, load: Load) -> Outcome:
        """Raises LoadError when the run could not be made at all; lost queries are counted, not raised."""
        ...


class LoadError(Exception):
    """The load generator did not run, or its report could not be read."""


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which ``share`` (0 to 1) of the ascending ``ordered`` lies; ``None`` for no values."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
