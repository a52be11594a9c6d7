"""The watches behind the index: only those that are needed, shared with whoever wants the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from resolver.chain.setup import Host
from resolver.kube import kinds
from resolver.kube.access import Access
from resolver.kube.index import ClusterIndex
from resolver.kube.kinds import Kind
from resolver.kube.objects import Slice
from resolver.kube.pool import Pool, pool_of
from resolver.kube.reading import parse_namespace, parse_service, parse_service_import, pod_parser, slice_parser
from resolver.kube.watch import Changed, Watch
from resolver.plugins.kubernetes import needs
from resolver.plugins.kubernetes.metrics import Latency
from resolver.plugins.kubernetes.settings import VERIFIED, Settings

# Pods that have ended keep their address in the API, while the network has given it to others.
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"
_IMPORTED = "multicluster.kubernetes.io/service-name"
MOST_NAMESPACES = 4  # more are cheaper to watch all at once
TELLING = 30.0  # seconds; far more than it takes to put what is known into an index


class Plan(NamedTuple):
    """What to watch, and what it is for (``needs``). ``everywhere``: in all namespaces, whatever is exposed."""

    need: int
    kind: Kind
    parse: Callable[[dict[str, Any]], Any]
    changed: Changed[Any]
    labels: str = ""
    fields: str = ""
    everywhere: bool = False


class Sources:
    """Feeds an index between ``begin`` and ``end``.

    ``missing`` has the bits (``needs``) of what was not listed yet, or not yet put into the index.
    """

    def __init__(self, settings: Settings, index: ClusterIndex, host: Host, synced: Callable[[], None]) -> None:
        self._settings = settings
        self._index = index
        self._host = host
        self._synced = synced
        self._watches: dict[Watch[Any], int] = {}
        self._ends: list[Callable[[], None]] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._pool: Pool | None = None
        self.missing = needs.SERVICES | needs.NAMESPACES

    def begin(self, access: Access) -> None:
        """Watch what is needed. To be called within the event loop."""
        self._pool = pool = pool_of(self._host)
        begun: list[tuple[Plan, Watch[Any]]] = []
        for plan in self._plans():
            for namespace, fields in self._scopes(plan):
                watch: Watch[Any] = pool.watch(
                    access, plan.kind, plan.parse, namespace=namespace, labels=plan.labels, fields=fields
                )
                _begun.setdefault(watch, self._host.clock())
                self._watches[watch] = plan.need
                begun.append((plan, watch))
        self._count_missing()
        for plan, watch in begun:  # who is told everything at once may be complete at once
            self._ends.append(watch.follow(plan.changed, partial(self._complete, watch)))

    def _scopes(self, plan: Plan) -> Iterator[tuple[str, str]]:
        """Namespaces to look at (empty: all) and fields to select. A few that are named are looked at one by one."""
        names = sorted(name.decode() for name in self._settings.namespaces)
        if plan.everywhere or not 0 < len(names) <= MOST_NAMESPACES:
            yield "", plan.fields
        elif plan.kind.namespaced:
            yield from ((name, plan.fields) for name in names)
        else:
            yield from (("", f"metadata.name={name}") for name in names)

    def _plans(self) -> Iterator[Plan]:
        settings, index = self._settings, self._index
        labels = settings.labels
        yield Plan(
            needs.NAMESPACES,
            kinds.NAMESPACES,
            parse_namespace,
            index.namespace_changed,
            settings.namespace_labels,
        )
        yield Plan(needs.SERVICES, kinds.SERVICES, parse_service, index.service_changed, labels)
        yield from self._slices()
        if settings.pods == VERIFIED:  # also those of clients in other namespaces
            parse = pod_parser(labels=settings.pod_labels)
            yield Plan(needs.PODS, kinds.PODS, parse, index.pod_changed, labels, _RUNNING, everywhere=True)
        if settings.multicluster:
            yield Plan(needs.IMPORTS, kinds.SERVICE_IMPORTS, parse_service_import, index.import_changed, labels)

    def _slices(self) -> Iterator[Plan]:
        """One watch has the slices of Services and ServiceImports; without endpoints only the latter are wanted."""
        settings = self._settings
        parse = slice_parser(pods=settings.endpoint_pod_names, zones=settings.zonal)
        if settings.endpoints:
            need = needs.SLICES | (needs.IMPORTED_SLICES if settings.multicluster else 0)
            yield Plan(need, kinds.ENDPOINT_SLICES, parse, self._timed(), settings.labels)
        elif settings.multicluster:
            labels = ",".join(filter(None, (settings.labels, _IMPORTED)))
            yield Plan(needs.IMPORTED_SLICES, kinds.ENDPOINT_SLICES, parse, self._index.slice_changed, labels)

    def _timed(self) -> Changed[Slice]:
        """Changes of slices go into the index, and those after the first list are timed."""
        latency = Latency(self._host.registry, self._index)

        def changed(key: str, old: Slice | None, new: Slice | None) -> None:
            self._index.slice_changed(key, old, new)
            if new is not None and not self.missing & needs.SLICES:
                latency.changed(old, new)

        return changed

    async def wait(self, seconds: float) -> bool:
        """Wait until nothing is missing; whether that is so.

        ``seconds`` count from when the API was first asked, so that several server blocks do not wait one after the
        other. What the API has told already, and is only to be put into the index, is waited for in any case.
        """
        clock = self._host.clock
        begin = clock()
        while self.missing:
            until = begin + TELLING if self._is_being_told else self._asked + seconds
            if clock() >= until:
                break
            await self._next_step(until - clock())
        return not self.missing

    @property
    def _is_being_told(self) -> bool:
        return any(need and watch.synced for watch, need in self._watches.items())

    @property
    def _asked(self) -> float:
        """When the API was first asked for what is missing."""
        return max(_begun[watch] for watch, need in self._watches.items() if need)

    async def _next_step(self, seconds: float) -> None:
        """Until another watch is complete, or the time is up."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        alarm = loop.call_later(seconds, _settle, waiter)
        try:
            await waiter
        finally:
            alarm.cancel()
            self._waiters.remove(waiter)

    async def end(self) -> None:
        """Give the watches back."""
        for end in self._ends:
            end()
        pool, watches = self._pool, self._watches
        self._pool, self._watches, self._ends = None, {}, []
        if pool is not None:
            for watch in watches:
                await pool.release(watch)

    @property
    def missing_names(self) -> str:
        """What is missing, in words."""
        return ", ".join(name for need, name in needs.NAMES.items() if need & self.missing)

    @property
    def problems(self) -> str:
        """Why it is missing, as far as that is known."""
        reasons = dict.fromkeys(watch.problem for watch in self._watches if watch.problem and not watch.synced)
        return "; ".join(reasons)

    def _complete(self, watch: Watch[Any]) -> None:
        self._watches[watch] = 0
        self._count_missing()
        for waiter in self._waiters:
            _settle(waiter)
        if not self.missing:
            self._synced()

    def _count_missing(self) -> None:
        self.missing = 0
        for need in self._watches.values():
            self.missing |= need


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


_begun: WeakKeyDictionary[Watch[Any], float] = WeakKeyDictionary()
