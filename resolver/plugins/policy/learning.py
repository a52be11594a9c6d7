"""``learn FILE``: writes down who asks for what, so that an allow list can be made of it."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from resolver.chain.capabilities import UNSETTLED
from resolver.chain.changed import open_regular
from resolver.chain.query import Query
from resolver.chain.setup import Host
from resolver.chain.turns import Turns
from resolver.errors import ConfigError, ResolverError
from resolver.plugins.policy.settings import Learn
from resolver.policy.learned import BROKEN, Asker, Entry, Learned, read_line
from resolver.policy.rules import ALLOW, AUDIT_ONLY, DENY, Decision
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import type_name

if TYPE_CHECKING:
    from resolver.plugins.policy.handler import PolicyPlugin, Source

IPV4_BITS, IPV6_BITS = 24, 64
"""Networks by which clients are known who are no Pods that somebody knows."""
_MODE: Final = 0o640
_MAX_OCTETS: Final = 4 << 30
_KNOWN: Final = 4096


class Table(Learned):
    """What all server blocks of the process learn that write to one file, from one configuration to the next."""

    def __init__(self, registry: Registry, now: float) -> None:
        super().__init__(since=now)
        self.registry = registry  # alive as long as the table, whose key has its id
        self.is_read = False


_TABLES: WeakValueDictionary[tuple[int, Path], Table] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class _Both:
    """Counts the replays of an answer for a name that was rewritten, for both names."""

    one: Callable[[int], None]
    other: Callable[[int], None]

    def __call__(self, times: int) -> None:
        self.one(times)
        self.other(times)


class Learning:
    """The learner of a server block, and the source that keeps its file. Several workers write a file each."""

    def __init__(self, plugin: PolicyPlugin, settings: Learn, wall: Callable[[], float] = time.time) -> None:
        self._plugin = plugin
        self._host: Host = plugin.host
        self._settings = settings
        self._wall = wall
        self._writing: asyncio.Task[None] | None = None
        self._complaint = ""
        self.table = Table(self._host.registry, wall())
        registry = self._host.registry
        label = str(settings.path)
        self._names = registry.gauge(
            "coredns_policy_learn_names", "Names that were learnt, by namespace each.", ["file"]
        ).cell(label)
        self._lost = registry.gauge(
            "coredns_policy_learn_lost_queries", "Queries for names that found no room.", ["file"]
        ).cell(label)
        self._failures = registry.counter(
            "coredns_policy_learn_failures_total", "Attempts to write what was learnt that failed.", ["file"]
        ).cell(label)

    @cached_property
    def path(self) -> Path:
        """Where it is written: with the worker's number where several serve."""
        path = self._settings.path
        return path.with_name(f"{path.name}.{self._host.worker}") if self._host.is_one_of_several else path

    # --- what the plugin asks

    def group(self, client: str) -> Hashable:
        """Clients who are written down as one."""
        known = self._plugin.identifying
        if known is not None and not known.settled(client):
            return UNSETTLED
        return self._who(client)

    def note(self, query: Query, found: Decision, *, missing: bool = False) -> Callable[[int], None]:
        """Write it down under the name as asked and, where it was rewritten, under the other one too."""
        who = self._who(query.client[0])
        count = self._see(who, query.name, query.qtype, found, missing=missing)
        original = query.original
        if original is None or original == query.name:
            return count
        return _Both(count, self._see(who, original, query.qtype, found, missing=missing))

    def _see(self, who: Asker, name: bytes, qtype: int, found: Decision, *, missing: bool) -> Callable[[int], None]:
        verdict = DENY if found.denies else AUDIT_ONLY if found.action == AUDIT_ONLY else ALLOW
        denied_by = found.rule if found.is_rule_against else ""
        kind, now = type_name(qtype), self._wall()
        entry = self.table.see(who, name, kind, verdict, found.rule, now, denied_by=denied_by, missing=missing)
        return _counter(entry, verdict, missing=missing)

    def _who(self, client: str) -> Asker:
        known = self._plugin.identifying
        identity = None if known is None else known.identify(client)
        return _network(client) if identity is None else ("namespace", identity.namespace)

    # --- its file

    def succeed(self, other: Source) -> None:
        """The table is found by the name of its file."""

    async def start(self) -> None:
        """Take up what was learnt before. Raises ResolverError where the file cannot be read or written."""
        self.table = _TABLES.setdefault((id(self._host.registry), self.path), self.table)
        self.table.limits = self._settings.limits
        try:
            if not self.table.is_read:
                await self._read()
                self.table.is_read = True
            await self._write()
        except (OSError, UnicodeError) as error:
            raise ResolverError(f"policy: learn {self.path}: {getattr(error, 'strerror', None) or error}") from None
        self._writing = asyncio.get_running_loop().create_task(self._keep_writing())

    async def mistakes(self) -> Sequence[ConfigError]:
        """It writes its file itself."""
        return ()

    def is_ready(self) -> bool:
        """It has no rules."""
        return True

    async def stop(self) -> None:
        """Write it a last time."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
            await self._try()

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(self._settings.every)
            await self._try()

    async def _try(self) -> None:
        try:
            await self._write()
            self._complaint = ""
        except OSError as error:
            self._failures.value += 1
            reason = error.strerror or str(error)
            if reason != self._complaint:
                self._complaint = reason
                self._plugin.log.error(f"{self.path}: what was learnt cannot be written: {reason}")

    async def _write(self) -> None:
        """Put a new file in the place of the old one. Raises OSError."""
        table = self.table
        table.now = self._wall()
        for _ in self._host.registry.families():  # whoever counts replays tells them now
            pass
        self._names.value, self._lost.value = len(table), table.lost
        turns, lines = Turns(), []
        for line in table.lines():
            lines.append(line)
            await turns.give()
        await asyncio.to_thread(_replace, self.path, lines)

    async def _read(self) -> None:
        try:
            octets = await asyncio.to_thread(_octets, self.path)
        except FileNotFoundError:
            return
        turns, broken = Turns(), 0
        for line in octets.split(b"\n"):
            await turns.give()
            if line.strip():
                try:
                    self.table.take(read_line(line))
                except BROKEN:
                    broken += 1
        if broken:
            self._plugin.log.warning(f"{self.path}: {broken} lines are not what was learnt, they are left out")


def _counter(entry: Entry, verdict: str, *, missing: bool) -> Callable[[int], None]:
    if missing:
        return entry.noted_missing if verdict == AUDIT_ONLY else entry.allowed_missing
    return entry.denied if verdict == DENY else entry.noted if verdict == AUDIT_ONLY else entry.allowed


@lru_cache(_KNOWN)
def _network(client: str) -> Asker:
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return "net", "0.0.0.0/32"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = IPV4_BITS if address.version == 4 else IPV6_BITS
    return "net", str(ip_network(f"{address}/{bits}", strict=False))


def _octets(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(_MAX_OCTETS)


def _replace(path: Path, lines: list[bytes]) -> None:
    descriptor, half = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fchmod(file.fileno(), _MODE)
            os.fsync(file.fileno())
        Path(half).replace(path)
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise
