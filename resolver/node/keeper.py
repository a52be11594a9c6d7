"""Keeping link and rules as they should be: rules while the local addresses answer, and not a moment longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from resolver.errors import ResolverError
from resolver.node.lease import RULES, Leases
from resolver.node.link import Link
from resolver.node.metrics import NodeMetrics
from resolver.node.probe import silent
from resolver.node.rules import Firewall, FirewallError
from resolver.node.settings import Address, NodeSettings
from resolver.telemetry.log import Log

MISSES: Final = 3  # unanswered probes in a row until the rules go
EAGER: Final = 0.1  # seconds between two looks until the addresses answer
PAUSE: Final = 2.0  # seconds between two looks while they do
_RETRY: Final = 10.0  # seconds until a failed change is tried again
_STEADY: Final = 60.0  # seconds after which rules that have to go are no sign of a server that hangs again and again
_FIRST_PATIENCE, _LONGEST_PATIENCE = 5.0, 300.0  # seconds until the rules come back

Probe = Callable[[bool], Awaitable[Sequence[Address]]]
Sleep = Callable[[float], Awaitable[None]]


class Keeper:
    """``link`` or ``firewall`` None is not kept. ``sync`` is in seconds.

    ``probe`` tells which local addresses are silent, and is told whether the rules are in place.
    """

    def __init__(
        self,
        link: Link | None,
        firewall: Firewall | None,
        leases: Leases,
        probe: Probe,
        metrics: NodeMetrics,
        log: Log,
        *,
        sync: float,
        clock: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.link, self.firewall, self.leases, self.probe = link, firewall, leases, probe
        self.metrics, self.log = metrics, log
        self.sync, self.clock, self.sleep = sync, clock, sleep
        self.installed = False
        self.ended = False
        self._misses = 0
        self._next = 0.0
        self._since = 0.0
        self._patience = 0.0
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Go on until told to end."""
        while not self.ended:
            await self.look()
            await self.sleep(PAUSE if self.installed or self.firewall is None else EAGER)

    async def end(self) -> None:
        """Take the rules away for good."""
        self.ended = True
        await self.withdraw()

    async def look(self) -> None:
        """One round: probe, and do what follows from it."""
        silent = await self.probe(self.installed)
        if not silent:
            self._misses = 0
            if self.clock() >= self._next:
                await self.put_right()
            return
        self._misses += 1
        if self.installed and self._misses >= MISSES:
            await self._fall_back(silent)
        elif self.installed:
            await self.put_right()  # perhaps it is not the server that is gone
        elif not self.ended:
            await self._mend_link()

    async def _fall_back(self, silent: Sequence[Address]) -> None:
        """The server is gone or hangs. If that happens soon after the rules came, they come back later each time."""
        self.log.error(
            f"{', '.join(map(str, silent))} did not answer {MISSES} times: the rules are removed, "
            "so that queries to the address of the cluster's DNS reach it again"
        )
        self.metrics.fallbacks.value += 1
        soon = self.clock() - self._since < _STEADY
        self._patience = min(max(2 * self._patience, _FIRST_PATIENCE), _LONGEST_PATIENCE) if soon else 0.0
        await self.withdraw()
        self._next = self.clock() + self._patience

    async def put_right(self) -> None:
        """Have link and rules in place."""
        self._next = self.clock() + self.sync
        async with self.leases.lock():
            if self.ended:
                return
            await self._mend_link()
            if self.firewall is not None:
                self.leases.hold(RULES)
                if not await self._install(self.firewall):
                    self._next = self.clock() + min(self.sync, _RETRY)

    async def withdraw(self) -> None:
        """Take the rules away, unless another instance that is served needs them too."""
        self.installed = False
        self.metrics.rules.value = 0
        self._next = 0.0
        if self.firewall is None:
            return
        async with self.leases.lock():
            self.leases.release(RULES)
            if self.firewall.shared and self.leases.others(RULES):
                self.log.info("another instance serves the local addresses: the rules stay")
                return
            await self._guarded("remove", self._remove(self.firewall))

    async def _install(self, firewall: Firewall) -> bool:
        if not await self._guarded("install", self._write(firewall)):
            return False
        if not self.installed:
            self._since = self.clock()
        self.installed = True
        self.metrics.rules.value = 1
        return True

    async def _write(self, firewall: Firewall) -> None:
        if await firewall.install():
            again = " again, as they had been changed" if self.installed else ""
            self.log.info(f"{firewall.name}: rules for the local addresses are in place{again}")

    async def _remove(self, firewall: Firewall) -> None:
        if await firewall.remove():
            self.log.info(f"{firewall.name}: rules for the local addresses are removed")

    async def _mend_link(self) -> None:
        if self.link is None:
            return
        missing = self.link.missing()
        if not missing:
            self._said.pop("link", None)
            return
        self.log.warning(f"{', '.join(missing)} is not there any more")
        self.metrics.failed("interface_check")
        await self._guarded("link", self.link.ensure())

    async def _guarded(self, what: str, change: Awaitable[None]) -> bool:
        """Whether it went well; what did not is counted, and said once as long as it stays the same."""
        try:
            await change
        except ResolverError as error:
            kind = error.kind if isinstance(error, FirewallError) else "interface_add"
            self.metrics.failed(kind)
            if self._said.get(what) != str(error):
                self._said[what] = str(error)
                self.log.error(str(error))
            return False
        self._said.pop(what, None)
        return True


def keeper_of(
    settings: NodeSettings, link: Link, firewall: Firewall | None, leases: Leases, metrics: NodeMetrics, log: Log
) -> Keeper:
    """What keeps link and rules as the settings ask for."""
    served = without_ipvs(settings, link)
    kept = link if settings.setup_interface else None

    async def probe(rules: bool) -> tuple[Address, ...]:
        return await silent(served, settings.port, rules=rules)

    return Keeper(kept, firewall, leases, probe, metrics, log, sync=settings.sync, clock=time.monotonic)


def without_ipvs(settings: NodeSettings, link: Link) -> tuple[Address, ...]:
    """The local addresses that can be served: not those that kube-proxy's IPVS takes before any socket sees them."""
    return tuple(address for address in settings.local if address not in link.ipvs)
