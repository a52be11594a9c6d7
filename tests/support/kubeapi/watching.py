"""What tests of lists and watches share: a pool in a world, objects, and waiting for what is to come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from resolver.errors import Malformed
from resolver.kube.access import Access, from_endpoint
from resolver.kube.kinds import SERVICES, Kind
from resolver.kube.pool import Pool, pool_of
from resolver.kube.watch import Watch
from tests.plugins.chains import World
from tests.support.kubeapi.store import Json


def service(name: str, namespace: str = "default", *, port: int = 80, labels: dict[str, str] | None = None) -> Json:
    """A Service that differs by its port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {"ports": [{"port": port, "protocol": "TCP"}]},
    }


def port_of(item: Json) -> int | None:
    """The parser of these tests: the first port; 9999 is of no interest, and without ports an object is malformed."""
    ports = item["spec"].get("ports")
    if not ports:
        raise Malformed("has no ports")
    port: int = ports[0]["port"]
    return None if port == 9999 else port


def name_of(item: Json) -> str:
    """A parser for objects of any kind."""
    return str(item["metadata"]["name"])


@dataclass
class Watching:
    """A pool whose watches are given back at the end; ``told`` is what one follower of ``services`` heard."""

    world: World = field(default_factory=World)
    told: list[tuple[str, Any, Any]] = field(default_factory=list)
    watches: list[Watch[Any]] = field(default_factory=list)

    @property
    def pool(self) -> Pool:
        return pool_of(self.world.host)

    def watch(
        self, access: Access | str, kind: Kind = SERVICES, parse: Callable[[Json], Any] = port_of, **narrow: str
    ) -> Watch[Any]:
        """A watch of that API."""
        if isinstance(access, str):
            access = from_endpoint(access)
        watch = self.pool.watch(access, kind, parse, **narrow)
        self.watches.append(watch)
        return watch

    def follow(self, watch: Watch[Any]) -> None:
        """Write down what changes."""
        watch.follow(lambda key, old, new: self.told.append((key, old, new)))

    async def end(self) -> None:
        """Give everything back, as a process that stops does."""
        self.world.host.stopping = True
        while self.watches:
            await self.pool.release(self.watches.pop())


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds():
        if loop.time() > deadline:
            raise AssertionError("it did not come to that in time")
        await asyncio.sleep(0.005)
