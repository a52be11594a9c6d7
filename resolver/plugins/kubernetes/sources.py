"""The watches behind the index: only those that are needed, shared with whoever wants the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from resolver.chain.setup import Host
from resolver.kube import kinds
from resolver.kube.access import Access, from_endpoint, from_kubeconfig, in_cluster
from resolver.kube.index import ClusterIndex
from resolver.kube.kinds import Kind
from resolver.kube.pool import Pool, pool_of
from resolver.kube.reading import parse_namespace, parse_service, parse_service_import, pod_parser, slice_parser
from resolver.kube.watch import Changed, Watch
from resolver.plugins.kubernetes import needs
from resolver.plugins.kubernetes.metrics import Latency
from resolver.plugins.kubernetes.settings import VERIFIED, Settings, Source

T = TypeVar("T")

# Pods that have ended keep their address in the API, while the network has given it to others.
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"
_IMPORTED = "multicluster.kubernetes.io/service-name"


def access_to(source: Source) -> Access:
    """How the API is reached, as the directive says. Raises KubeError."""
    if source.kubeconfig:
        access = from_kubeconfig(str(source.root / source.kubeconfig), source.context)
    elif source.endpoint:
        cert, key, ca = (str(source.root / path) if path else "" for path in source.tls)
        access = from_endpoint(source.endpoint, cert, key, ca)
    else:
        access = in_cluster()
    return access.limited(source.qps, source.burst, source.max_inflight)


class Sources:
    """Feeds an index between ``begin`` and ``end``.

    ``missing`` has the bits (``needs``) of what was not listed yet, or not yet put into the index.
    """

    def __init__(self, settings: Settings, index: ClusterIndex, host: Host, synced: Callable[[], None]) -> None:
        self._settings = settings
        self._index = index
        self._host = host
        self._synced = synced
        self._watches: list[Watch[Any]] = []
        self._ends: list[Callable[[], None]] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._pool: Pool | None = None
        self.missing = needs.SERVICES | needs.NAMESPACES

    def begin(self, access: Access) -> None:
        """Watch what is needed. To be called within the event loop."""
        settings, index = self._settings, self._index
        self._pool = pool_of(self._host)
        plans: list[Callable[[], None]] = []

        def plan(need: int, kind: Kind, parse: Any, changed: Changed[Any], labels: str, fields: str = "") -> None:
            self.missing |= need
            plans.append(partial(self._begin_one, access, need, kind, parse, changed, labels, fields))

        plan(needs.NAMESPACES, kinds.NAMESPACES, parse_namespace, index.namespace_changed, settings.namespace_labels)
        plan(needs.SERVICES, kinds.SERVICES, parse_service, index.service_changed, settings.labels)
        self._plan_slices(plan)
        if settings.pods == VERIFIED:
            parse = pod_parser(labels=settings.pod_labels)
            plan(needs.PODS, kinds.PODS, parse, index.pod_changed, settings.labels, _RUNNING)
        if settings.multicluster:
            plan(needs.IMPORTS, kinds.SERVICE_IMPORTS, parse_service_import, index.import_changed, settings.labels)
        for begin in plans:
            begin()

    def _plan_slices(self, plan: Callable[..., None]) -> None:
        """One watch has the slices of Services and ServiceImports; without endpoints only the latter are wanted."""
        settings = self._settings
        parse = slice_parser(pods=settings.endpoint_pod_names, zones=settings.zonal)
        latency = Latency(self._host.registry, self._index)

        def changed(key: str, old: Any, new: Any) -> None:
            self._index.slice_changed(key, old, new)
            if new is not None and not self.missing & needs.SLICES:
                latency.changed(old, new)

        if settings.endpoints:
            need = needs.SLICES | (needs.IMPORTED_SLICES if settings.multicluster else 0)
            plan(need, kinds.ENDPOINT_SLICES, parse, changed, settings.labels)
        elif settings.multicluster:
            labels = ",".join(filter(None, (settings.labels, _IMPORTED)))
            plan(needs.IMPORTED_SLICES, kinds.ENDPOINT_SLICES, parse, self._index.slice_changed, labels)

    def _begin_one(
        self,
        access: Access,
        need: int,
        kind: Kind,
        parse: Callable[[dict[str, Any]], T | None],
        changed: Changed[T],
        labels: str,
        fields: str,
    ) -> None:
        if self._pool is None:
            return
        watch = self._pool.watch(access, kind, parse, labels=labels, fields=fields)
        _begun.setdefault(watch, self._host.clock())
        self._watches.append(watch)
        self._ends.append(watch.follow(changed, partial(self._complete, need)))

    async def wait(self, seconds: float) -> bool:
        """Wait until nothing is missing; whether that is so.

        ``seconds`` count from when the API was first asked: several server blocks do not wait one after the other.
        """
        left = seconds - max((self._host.clock() - _begun[watch] for watch in self._watches), default=0.0)
        if not self.missing or left <= 0:
            return not self.missing
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        alarm = loop.call_later(left, _settle, waiter)
        try:
            await waiter
        finally:
            alarm.cancel()
            self._waiters.remove(waiter)
        return not self.missing

    async def end(self) -> None:
        """Give the watches back."""
        for end in self._ends:
            end()
        pool, watches = self._pool, self._watches
        self._pool, self._watches, self._ends = None, [], []
        if pool is not None:
            for watch in watches:
                await pool.release(watch)

    @property
    def problems(self) -> str:
        """What is missing, and why as far as that is known."""
        names = [name for need, name in needs.NAMES.items() if need & self.missing]
        reasons = dict.fromkeys(watch.problem for watch in self._watches if watch.problem and not watch.synced)
        return ", ".join(names) + "".join(f"; {reason}" for reason in reasons)

    def _complete(self, need: int) -> None:
        self.missing &= ~need
        if not self.missing:
            for waiter in self._waiters:
                _settle(waiter)
            self._synced()


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


_begun: WeakKeyDictionary[Watch[Any], float] = WeakKeyDictionary()
