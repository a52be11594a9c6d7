"""Asking the API for the Pod of one address."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from resolver.chain.setup import Host
from resolver.errors import KubeError, Malformed
from resolver.kube import decode
from resolver.kube.access import Access
from resolver.kube.kinds import PODS
from resolver.kube.metrics import ClientMetrics
from resolver.plugins.identity.reading import RUNNING, Resident, parse_pod

MOST_WAITING: Final = 1000  # addresses
AT_ONCE: Final = 4  # requests
PATIENCE: Final = 5.0  # seconds for a request
_MOST_OCTETS: Final = 8 << 20  # of an answer; a node's own address may have more than a hundred Pods

Answered = Callable[[str, Resident | None, str], None]


class Lookups:
    """A few requests at a time, as often as the access allows, each address once.

    ``answered`` is called with the address, its Pod or None, and why there was no answer (empty where there was).
    """

    def __init__(self, access: Access, rate: int, burst: int, host: Host, answered: Answered) -> None:
        self._access = replace(access, qps=float(rate), burst=burst)
        self._host = host
        self._answered = answered
        self._waiting: deque[str] = deque()
        self._asked: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: Any = None

    def ask(self, address: str) -> bool:
        """Have an address looked up, unless it is already; False where too many wait."""
        if address in self._asked:
            return True
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._asked.add(address)
        self._waiting.append(address)
        if len(self._tasks) < AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def close(self) -> None:
        """Give up what is under way, and close the connections."""
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _work(self) -> None:
        while self._waiting:
            address = self._waiting.popleft()
            resident, problem = None, ""
            try:
                resident = await self._look_up(address)
            except TimeoutError:
                problem = f"the API has not answered within {PATIENCE:g} s"
            except KubeError as error:
                problem = str(error)
            finally:
                self._asked.discard(address)
            self._answered(address, resident, problem)

    async def _look_up(self, address: str) -> Resident | None:
        """The Pod. An answer out of the API server's memory (resourceVersion 0) is what a request a client can cost."""
        if self._client is None:
            from resolver.kube.client import Client  # the libraries are an extra

            metrics = ClientMetrics(self._host.registry, self._access.host)
            self._client = Client(self._access, metrics, self._host.clock)
        query = {"fieldSelector": f"status.podIP={address},{RUNNING}", "resourceVersion": "0", "limit": "500"}
        async with (
            asyncio.timeout(PATIENCE),
            self._client.get(PODS.path(), query, patience=PATIENCE) as pieces,
        ):
            page = decode.page(await decode.whole(pieces, _MOST_OCTETS))
        return _holder(address, page)


def _holder(address: str, page: decode.Page) -> Resident | None:
    """Whose the address is among the Pods that say so. One that shares its node's address makes it the node's."""
    found: list[Resident] = []
    for raw in page.items or ():
        try:
            resident = parse_pod(decode.tree(raw))
        except Malformed:
            continue
        if resident is not None and address in resident.nodes:
            return resident
        if resident is not None and address in resident.addresses:
            found.append(resident)
    return max(found, key=lambda one: one.rank, default=None)
