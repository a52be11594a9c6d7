"""Pods, and a server block that identifies them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from resolver.chain.setup import Block
from resolver.plugins.identity import Identities
from tests.plugins.chains import World

Json = dict[str, Any]


def pod(name: str, *addresses: str, namespace: str = "shop", born: str = "2026-01-01T00:00:00Z", **more: Any) -> Json:
    """A Pod that runs; ``more`` are ``phase``, ``host``, ``node``, ``labels``, ``owner``, ``leaving``."""
    metadata: Json = {"name": name, "namespace": namespace, "creationTimestamp": born, "labels": more.get("labels", {})}
    if owner := more.get("owner"):
        kind, _, owned_by = owner.partition("/")
        metadata["ownerReferences"] = [{"kind": kind, "name": owned_by, "controller": True}]
    if more.get("leaving"):
        metadata["deletionTimestamp"] = born
    spec = {"nodeName": more.get("node", "one"), "serviceAccountName": "default"}
    if more.get("host"):
        spec["hostNetwork"] = True
    status: Json = {"phase": more.get("phase", "Running"), "hostIP": "10.0.0.1"}
    if addresses:
        status |= {"podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


@asynccontextmanager
async def identifying(
    world: World, url: str, options: str, rest: str = "whoami"
) -> AsyncIterator[tuple[Identities, Block]]:
    """The directive with these options, started."""
    where = f"endpoint {url}" if url else ""
    block = world.build(f". {{\nidentity {{\n{where}\n{options}\n}}\n{rest}\n}}")
    part = next(one for one in block.parts if isinstance(one, Identities))
    for one in block.parts:
        await one.start()
    try:
        yield part, block
    finally:
        world.host.stopping = True
        for one in block.parts:
            await one.stop()
