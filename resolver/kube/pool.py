"""All watches of the process, shared by those who want the same and kept over a reload."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from resolver.chain.setup import Host
from resolver.kube.access import Access
from resolver.kube.complaints import Complaints
from resolver.kube.kinds import Kind
from resolver.kube.metrics import ClientMetrics, KindMetrics, show_watches
from resolver.kube.watch import Watch
from resolver.telemetry.metrics import Registry

if TYPE_CHECKING:
    from resolver.kube.client import Client

T = TypeVar("T")
LINGER = 5.0  # seconds that a watch outlives its last user, so that a new configuration finds it


def pool_of(host: Host) -> Pool:
    """The pool of the process, which survives a reload."""
    pool = _pools.get(host.registry)
    if pool is None:
        pool = _pools[host.registry] = Pool(host)
    return pool


class Pool:
    """Hands out watches. One user more or less of the same watch changes nothing at the API.

    Two users share a watch when access, kind, selectors and ``parse`` are equal: hand in a function of a module, not
    one that is made anew for each configuration.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._registry: Registry = host.registry
        self._complaints = Complaints(host.log)
        self._chance = random.SystemRandom()
        self._entries: dict[tuple[Any, ...], _Entry] = {}
        self._clients: dict[Access, Client] = {}
        self._unhook: Callable[[], None] = lambda: None

    def watch(
        self,
        access: Access,
        kind: Kind,
        parse: Callable[[dict[str, Any]], T | None],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        speaker: str = "kubernetes",
    ) -> Watch[T]:
        """The watch of these objects, begun if nobody has it yet. To be called within the event loop.

        What goes wrong with it is logged as said by ``speaker``, the directive that began it.

        ``parse`` makes a value of an object; None means that it is of no interest, Malformed that it cannot be used
        (logged, left out). A value that is equal to the one before is no difference.
        """
        key = (access, kind, parse, namespace, labels, fields)
        entry = self._entries.get(key)
        if entry is None:
            if not self._entries:
                self._unhook = show_watches(self._registry, self._look)
            entry = self._entries[key] = self._begin(key, speaker)
        entry.users += 1
        entry.keep()
        watch: Watch[T] = entry.watch
        return watch

    async def release(self, watch: Watch[Any]) -> None:
        """A user needs it no longer. The last one's watch ends some seconds later, at once when the process ends."""
        for key, entry in list(self._entries.items()):
            if entry.watch is watch:
                entry.users -= 1
                if entry.users == 0 and not self._host.stopping:
                    entry.end_after(LINGER, partial(self._end, key))
        if self._host.stopping:
            for key in [key for key, entry in self._entries.items() if entry.users <= 0]:
                await self._end(key)

    def _begin(self, key: tuple[Any, ...], speaker: str) -> _Entry:
        from resolver.kube.reflector import Reflector, Scope  # the libraries are an extra

        access, kind, parse, namespace, labels, fields = key
        complaints = self._complaints.spoken_by(self._host.log.named(speaker))
        watch: Watch[Any] = Watch(lambda reason: complaints.follower(kind.label, reason))
        reflector = Reflector(
            self._client(access),
            Scope(kind, namespace, labels, fields),
            parse,
            watch,
            metrics=KindMetrics(self._registry, kind.label),
            complaints=complaints,
            clock=self._host.clock,
            chance=self._chance,
        )
        task = asyncio.get_running_loop().create_task(reflector.run(), name=f"watch {kind.label}")
        return _Entry(watch, task)

    def _client(self, access: Access) -> Client:
        from resolver.kube.client import Client  # the libraries are an extra

        client = self._clients.get(access)
        if client is None:
            metrics = ClientMetrics(self._registry, access.host)
            client = self._clients[access] = Client(access, metrics, self._host.clock)
        return client

    async def _end(self, key: tuple[Any, ...]) -> None:
        """End a watch, and the connections when it was the last one of its access."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        entry.keep()
        entry.task.cancel()
        await asyncio.gather(entry.task, return_exceptions=True)
        access = key[0]
        if not any(other[0] == access for other in self._entries):
            client = self._clients.pop(access, None)
            if client:
                await client.close()
        if not self._entries:
            self._unhook()

    def _look(self) -> dict[str, tuple[int, bool]]:
        """How many objects there are of each kind, and whether all of its watches are complete."""
        seen: dict[str, tuple[int, bool]] = {}
        for key, entry in self._entries.items():
            count, complete = seen.get(key[1].label, (0, True))
            seen[key[1].label] = (count + len(entry.watch.objects), complete and entry.watch.synced)
        return seen


@dataclass(slots=True)
class _Entry:
    """A watch, its task and its users; ``ending`` is the wait after the last of them."""

    watch: Watch[Any]
    task: asyncio.Task[None]
    users: int = 0
    ending: asyncio.TimerHandle | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def keep(self) -> None:
        """Do not end it after all."""
        if self.ending:
            self.ending.cancel()
            self.ending = None

    def end_after(self, seconds: float, end: Callable[[], Any]) -> None:
        """End it then, unless somebody wants it before."""

        def begin() -> None:
            task = asyncio.get_running_loop().create_task(end())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

        self.keep()
        self.ending = asyncio.get_running_loop().call_later(seconds, begin)


_pools: WeakKeyDictionary[Registry, Pool] = WeakKeyDictionary()
