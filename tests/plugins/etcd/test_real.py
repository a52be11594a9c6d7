"""Against etcd itself: changes arrive, leases count, users log in, and a restart is survived."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from resolver.plugins.etcd.handler import Etcd
from tests.plugins.chains import World, nobody, question, until
from tests.plugins.etcd.registry import Registry, needs_etcd
from tests.runtime.clients import addresses, stub
from tests.runtime.serving import block, free_port, serving
from tests.runtime.serving import until as until_served

pytestmark = needs_etcd


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    made = Registry(tmp_path)
    await made.start()
    yield made
    made.stop()


async def plugin_of(registry: Registry, options: str = "", world: World | None = None) -> Etcd:
    made: Etcd = (world or World()).part(f"skydns.test {{\n etcd {{\n endpoint {registry.url}\n {options}\n }}\n}}")
    await made.start()
    return made


async def found(plugin: Etcd, name: str) -> list[str]:
    reply = await plugin.resolve(question(name), nobody)
    return [".".join(map(str, one.rdata)) for one in reply.sections.answer if one.type == 1]


async def test_services_come_and_go(registry: Registry) -> None:
    registry.put_all({f"n{n}.many.skydns.test": f"10.1.{n // 250}.{n % 250}" for n in range(1203)})  # three pages
    plugin = await plugin_of(registry)
    await until(plugin.is_ready)
    assert len(await found(plugin, "many.skydns.test")) == 1203
    registry.put("a.web.skydns.test", host="10.0.0.1")
    await until(lambda: plugin.mirror is not None and len(plugin.mirror.tree) == 1204)
    assert await found(plugin, "web.skydns.test") == ["10.0.0.1"]
    registry.delete("a.web.skydns.test")
    await until(lambda: plugin.mirror is not None and len(plugin.mirror.tree) == 1203)
    assert await found(plugin, "web.skydns.test") == []
    await plugin.stop()


async def test_leases_count_and_end(registry: Registry) -> None:
    lease = registry.post("/v3/lease/grant", {"TTL": "77"})["ID"]
    registry.put("a.web.skydns.test", lease=lease, host="10.0.0.1")
    plugin = await plugin_of(registry)
    await until(plugin.is_ready)
    reply = await plugin.resolve(question("a.web.skydns.test"), nobody)
    assert 70 <= reply.sections.answer[0].ttl <= 77
    registry.post("/v3/lease/revoke", {"ID": lease})
    await until(lambda: plugin.mirror is not None and not len(plugin.mirror.tree))
    await plugin.stop()


async def test_a_user_logs_in(registry: Registry) -> None:
    registry.put("a.web.skydns.test", host="10.0.0.1")
    registry.post("/v3/auth/user/add", {"name": "root", "password": "secret"})
    registry.post("/v3/auth/role/add", {"name": "root"})
    registry.post("/v3/auth/user/grant", {"user": "root", "role": "root"})
    registry.post("/v3/auth/enable", {})
    world = World()
    stranger = await plugin_of(registry, world=world)
    plugin = await plugin_of(registry, "credentials root secret")
    await until(plugin.is_ready)
    assert await found(plugin, "web.skydns.test") == ["10.0.0.1"]
    token = registry.post("/v3/auth/authenticate", {"name": "root", "password": "secret"})["token"]
    registry.post("/v3/kv/deleterange", {"key": "L3NreWRucy8=", "range_end": "L3NreWRuczA="}, token)
    await until(lambda: plugin.mirror is not None and not len(plugin.mirror.tree))
    assert not stranger.is_ready()
    assert any("user name is empty" in line for line in world.lines)
    await plugin.stop()
    await stranger.stop()


async def test_names_outlive_a_restart_and_changes_meanwhile_are_seen(registry: Registry) -> None:
    registry.put("a.web.skydns.test", host="10.0.0.1")
    plugin = await plugin_of(registry)
    await until(plugin.is_ready)
    registry.stop()
    assert await found(plugin, "web.skydns.test") == ["10.0.0.1"]
    await registry.start()
    registry.put("b.web.skydns.test", host="10.0.0.2")
    await until(lambda: plugin.mirror is not None and len(plugin.mirror.tree) == 2, 10.0)
    assert await found(plugin, "web.skydns.test") == ["10.0.0.1", "10.0.0.2"]
    await plugin.stop()


async def test_a_server_replays_and_a_change_is_seen_at_once(registry: Registry, tmp_path: Path) -> None:
    registry.put("a.web.skydns.test", host="10.0.0.1")
    port, http = free_port(), free_port()
    lines = (f"etcd skydns.test {{\n endpoint {registry.url}\n }}", "cache 30")
    async with serving(tmp_path, block(port, *lines, http=http), port=port, http=http) as server, stub(port) as client:
        await until_served(server.ready)
        for _ in range(5):
            assert addresses(await client.ask("a.web.skydns.test")) == ["10.0.0.1"]
        registry.put("a.web.skydns.test", host="10.0.0.2")
        deadline = time.monotonic() + 5
        while addresses(await client.ask("a.web.skydns.test")) != ["10.0.0.2"]:
            assert time.monotonic() < deadline
        assert await server.figure("coredns_etcd_keys") == 1
