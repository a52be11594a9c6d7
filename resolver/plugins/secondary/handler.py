"""Zones that other servers have, served here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network

from resolver.chain.contacts import TCP, Caller, Contact
from resolver.chain.networks import NetworkSet
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records, silence
from resolver.chain.setup import Host
from resolver.plugins.secondary.settings import Settings
from resolver.wire.constants import NOTAUTH, OPCODE_MASK
from resolver.wire.names import to_text
from resolver.zone.data import Zone
from resolver.zone.follower import MOST_AT_ONCE, Follower
from resolver.zone.primary import Primary
from resolver.zone.serving import Changed, ZoneAnswers


class Secondary(Plugin):
    """Answers from the zones that were fetched, and takes NOTIFY from those who have them."""

    name = "secondary"
    transparent = True
    answers_notify = True

    def __init__(self, directives: tuple[Settings, ...], host: Host) -> None:
        self.log = host.log.named(self.name)
        fallthrough = [zone for settings in directives for zone in settings.fallthrough]
        self._answers = ZoneAnswers(self.name, host, tuple(dict.fromkeys(fallthrough)))
        self._host = host
        self._sources = {zone: settings for settings in reversed(directives) for zone in settings.zones}
        self._followers: dict[bytes, Follower] = {}
        self._before: dict[bytes, Follower] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._allowed = {
            settings: NetworkSet(ip_network(host.partition("%")[0]) for host, _ in settings.primaries)
            for settings in directives
        }

    def succeed(self, previous: Secondary) -> None:
        """Go on with the zones that were fetched before a reload."""
        self._before = dict(previous._followers)

    def contacts(self) -> Iterator[Contact]:
        for settings in self._sources.values():
            for host, port in settings.primaries:
                yield Contact(host, port, TCP, "secondary: transfers")

    def callers(self) -> Iterator[Caller]:
        for settings in self._sources.values():
            for host, _ in settings.primaries:
                yield Caller(host, "secondary: NOTIFY of primaries")

    async def start(self) -> None:
        slots = asyncio.Semaphore(MOST_AT_ONCE)
        for origin, settings in self._sources.items():
            primaries = [Primary(address, settings.key) for address in settings.primaries]
            follower = Follower(origin, primaries, self._answers, slots, self.log, self._host.chance, self._host.clock)
            before = self._before.get(origin)
            if before is not None and [(one.address, one.key) for one in before.primaries] == [
                (one.address, one.key) for one in primaries
            ]:
                follower.succeed(before)
            self._followers[origin] = follower
            follower.begin()
            self._tasks.append(asyncio.get_running_loop().create_task(follower.run()))
        self._before = {}

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()

    # --- what others may see

    def zones(self) -> Mapping[bytes, Zone]:
        """The zones that are answered from."""
        return self._answers.zones()

    def follow_zones(self, changed: Changed) -> Callable[[], None]:
        """Be told of every change until the returned function is called."""
        return self._answers.follow_zones(changed)

    # --- queries

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.flags & OPCODE_MASK:  # nothing else gets here
            return self._notified(query)
        return await self._answers.resolve(query, next)

    def _notified(self, query: Query) -> Reply:
        """Strangers get no answer: it would only tell them, or who they pretend to be, that somebody is here."""
        settings = self._sources.get(query.name)
        allowed = [settings] if settings is not None else list(self._allowed)
        if not any(self._allowed[one].holds(query.client[0]) for one in allowed):
            self.log.debug(f"NOTIFY for {to_text(query.name)} from {query.client[0]}, which is no primary of it")
            return silence(query, self.name)
        follower = self._followers.get(query.name)
        if follower is None:
            return failure(query, self.name, NOTAUTH)
        self.log.debug(f"NOTIFY for {to_text(query.name)} from {query.client[0]}")
        follower.notified()
        return from_records(query, self.name)
