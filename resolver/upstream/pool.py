"""Upstreams by their settings, shared by all who use the same one, over reloads too."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from resolver.errors import UpstreamError
from resolver.upstream.address import Address, Limits
from resolver.upstream.tls import ClientTls, TlsSettings
from resolver.upstream.upstream import Checks, Counts, Notice, Upstream, unnoticed


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """All that makes one upstream differ from another."""

    address: Address
    limits: Limits = field(default_factory=Limits)
    checks: Checks = field(default_factory=Checks)
    tls: TlsSettings = field(default_factory=TlsSettings)


@dataclass(slots=True)
class _Entry:
    upstream: Upstream
    users: int = 0
    closing: TimerHandle | None = None


class Pool:
    """Opens an upstream for its first user and closes it after its last."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        counts: Callable[[Address], Counts],
        notice: Notice = unnoticed,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._counts = counts
        self._notice = notice
        self._entries: dict[UpstreamSettings, _Entry] = {}
        self._in_use = 0
        self._contexts: dict[TlsSettings, tuple[ClientTls, set[UpstreamSettings]]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def take_all(self, wanted: Sequence[UpstreamSettings]) -> tuple[Upstream, ...]:
        """Several upstreams or, with UpstreamError, none of them."""
        taken: list[Upstream] = []
        try:
            for settings in wanted:
                taken.append(self.take(settings))  # noqa: PERF401  what was taken before an error must be known
        except UpstreamError:
            for settings in wanted[: len(taken)]:
                self.give_back(settings)
            raise
        return tuple(taken)

    def take(self, settings: UpstreamSettings) -> Upstream:
        """The upstream, to be given back. Raises UpstreamError where its certificates cannot be read."""
        entry = self._entries.get(settings)
        if entry is None:
            entry = self._entries[settings] = _Entry(self._make(settings))
        if entry.closing is not None:
            entry.closing.cancel()
            entry.closing = None
        self._in_use += not entry.users
        entry.users += 1
        return entry.upstream

    def give_back(self, settings: UpstreamSettings, linger: float = 0.0) -> None:
        """One user less; the last closes the upstream, ``linger`` seconds later so that exchanges may end.

        When nobody uses any upstream of the pool, those that linger are closed too.
        """
        entry = self._entries[settings]
        entry.users -= 1
        if entry.users:
            return
        self._in_use -= 1
        if linger:
            entry.closing = self._loop.call_later(linger, self._close, settings)
            return
        self._close(settings)
        if not self._in_use:
            for lingering in list(self._entries):
                self._close(lingering)

    def _close(self, settings: UpstreamSettings) -> None:
        entry = self._entries.pop(settings)
        if entry.closing is not None:
            entry.closing.cancel()
        entry.upstream.close()
        if settings.address.encrypted:
            users = self._contexts[settings.tls][1]
            users.discard(settings)
            if not users:
                del self._contexts[settings.tls]

    def _make(self, settings: UpstreamSettings) -> Upstream:
        tls = self._context(settings) if settings.address.encrypted else None
        counts = self._counts(settings.address)
        limits, checks = settings.limits, settings.checks
        return Upstream(self._loop, self._clock, settings.address, limits, checks, counts, tls, self._notice)

    def _context(self, settings: UpstreamSettings) -> ClientTls:
        """One context for all upstreams with the same certificates, for as long as there are any."""
        known = self._contexts.get(settings.tls)
        if known is None:
            known = self._contexts[settings.tls] = (ClientTls(settings.tls), set())
        known[1].add(settings)
        return known[0]
