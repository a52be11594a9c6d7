"""Lists of upstreams that stay right while the files and names behind them change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from resolver.errors import UpstreamError
from resolver.upstream.address import Address
from resolver.upstream.lookup import Addresses
from resolver.upstream.targets import HostName, NameServerFile, Target, name_servers

MAX_ADDRESSES: Final = 64  # of all targets together; names with more are cut short

Known: TypeAlias = Mapping[Target, tuple[Address, ...]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, in seconds: at files, at names between these bounds whatever their TTL, after a failure."""

    files: float = 5.0
    least: float = 5.0
    most: float = 300.0
    retry: float = 10.0


def fixed(targets: Sequence[Target]) -> list[Address] | None:
    """The addresses of targets that never move, each once; None where files or names are among them."""
    addresses = [target for target in targets if isinstance(target, Address)]
    return _each_once(addresses) if len(addresses) == len(targets) else None


class Refresher:
    """Knows the addresses behind targets; keeps the last good ones of each while it cannot be read or found."""

    def __init__(
        self,
        targets: Sequence[Target],
        lookup: Callable[[str], Awaitable[Addresses]],
        clock: Callable[[], float],
        warn: Callable[[str], None],
        pace: Pace = Pace(),
    ) -> None:
        self._lookup = lookup
        self._clock = clock
        self._warn = warn
        self._pace = pace
        self._targets = targets
        self._known: dict[Target, tuple[Address, ...]] = {}
        self._due: dict[Target, float] = {}
        self._stamps: dict[Target, object] = {}
        self._failing: set[Target] = set()

    @property
    def known(self) -> Known:
        """The addresses of each target when it was last found."""
        return self._known

    def addresses(self) -> list[Address]:
        """All addresses in the order of the targets, each once."""
        return _each_once(address for target in self._targets for address in self._known.get(target, ()))

    async def find(self, before: Known | None = None) -> None:
        """Find all addresses for the first time; what was known ``before`` stands in for what cannot be found now.

        Raises UpstreamError for a target of which nothing is known.
        """
        for target in self._targets:
            try:
                await self._refresh(target)
            except UpstreamError as error:
                last = (before or {}).get(target)
                if last is None:
                    raise
                self._known[target] = last
                self._fail(target, error)

    async def follow(self, changed: Callable[[list[Address]], None]) -> None:
        """Look again and again, and tell whenever the addresses have changed. Never ends by itself."""
        while True:
            await asyncio.sleep(max(min(self._due.values()) - self._clock(), 0.0))
            before = self.addresses()
            for target in [target for target, due in self._due.items() if due <= self._clock()]:
                try:
                    await self._refresh(target)
                except UpstreamError as error:
                    self._fail(target, error)
            after = self.addresses()
            if after != before:
                changed(after)

    async def _refresh(self, target: Target) -> None:
        if isinstance(target, Address):
            self._known[target] = (target,)
        elif isinstance(target, NameServerFile):
            self._due[target] = self._clock() + self._pace.files
            stamp = _stamp(target.path)
            if stamp is None or stamp != self._stamps.get(target):
                self._known[target] = tuple(name_servers(target.path))
                self._stamps[target] = stamp
        else:
            self._known[target] = await self._look_up(target)
        self._failing.discard(target)

    async def _look_up(self, target: HostName) -> tuple[Address, ...]:
        try:
            found, ttl = await self._lookup(target.name)
        except UpstreamError as error:
            raise UpstreamError(f"{target.place}{error}") from None
        self._due[target] = self._clock() + min(max(ttl, self._pace.least), self._pace.most)
        # in a fixed order, or servers that rotate their answers would look like a change each time
        return tuple(target.at(host) for host in sorted(found))

    def _fail(self, target: Target, error: UpstreamError) -> None:
        self._due[target] = self._clock() + self._pace.retry
        if target not in self._failing:
            self._failing.add(target)
            self._warn(f"{error}; going on with {', '.join(map(str, self._known.get(target, ())))}")


def _each_once(addresses: Iterable[Address]) -> list[Address]:
    found: dict[tuple[str, int, str, str], Address] = {}
    for address in addresses:
        found.setdefault((address.host, address.port, address.scheme, address.path), address)
    return list(found.values())[:MAX_ADDRESSES]


def _stamp(path: Path) -> object:
    """What changes when a file does, also when a link to it is turned elsewhere; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev
