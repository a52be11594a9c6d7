"""Start, stop, reload, and what a cache has under way meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from resolver.chain.build import build
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, from_records
from resolver.chain.setup import Block
from resolver.config.load import load_text
from resolver.plugins.cache.common import common_of
from resolver.plugins.cache.handler import Cache
from resolver.plugins.cache.metrics import MAX_LABEL, label_of
from resolver.plugins.cache.refresh import MOST_REFRESHES
from resolver.plugins.catalog import setup_function as find_setup
from resolver.plugins.order import ORDER
from resolver.wire.names import from_text
from resolver.wire.records import record
from tests.plugins.cache.scenario import VirtualLoop
from tests.plugins.chains import World

STALE = "cache {\n serve_stale\n}"


def run(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story)


def new_world() -> World:
    return World(clock=asyncio.get_running_loop().time)


def make(world: World, line: str = "cache", zone: str = ".") -> Cache:
    block = world.build(f"{zone}:53 {{\n{line}\n}}\n")
    (part,) = block.parts
    assert isinstance(part, Cache)
    return part


def block_of(world: World, lines: str) -> Cache:
    """The cache of a block that knows its configuration."""
    config = load_text(f".:53 {{\n{lines}\n}}\n", environ={})
    (source,) = config.blocks
    block = Block((b"\0",), (Site("dns://:53", "."),), source.keys, config=config)
    build(source, block, world.host, ORDER, find_setup)
    return next(part for part in block.parts if isinstance(part, Cache))


async def answers(query: Query) -> Reply:
    return from_records(query, "below", [record(query.name, 1, 60, b"\xc0\0\2\1")])


async def hangs(query: Query) -> Reply:
    await asyncio.sleep(3600)
    raise AssertionError("nobody waits for so long")


async def fill(cache: Cache, number: int, world: World) -> None:
    for count in range(number):
        site = cache._block.sites[0]
        await cache.resolve(Query(from_text(f"n{count}.test"), 1, site=site), answers)


async def is_cached(cache: Cache, name: str = "n0.test") -> bool:
    passed_on = False

    async def below(query: Query) -> Reply:
        nonlocal passed_on
        passed_on = True
        return await answers(query)

    await cache.resolve(Query(from_text(name), 1, site=cache._block.sites[0]), below)
    return not passed_on


def test_making_a_cache_has_no_effect_on_the_process() -> None:
    async def story() -> None:
        world = new_world()
        make(world, "cache {\n budget 2MiB\n}")
        assert not any(family.cells for family in world.host.registry.families())
        assert common_of(world.host.registry).budget.limit == 64 << 20

    run(story())


def test_stopping_frees_everything() -> None:
    async def story() -> None:
        world = new_world()
        cache = make(world, "cache {\n success 5000\n budget 2MiB\n}")
        await cache.start()
        await fill(cache, 3000, world)
        assert world.metric("coredns_cache_entries", "dns://:53", "success", ".", "") == 3000
        assert world.metric("coredns_cache_bytes") > 3000 * 150
        await cache.stop()
        assert common_of(world.host.registry).budget.used == 0
        assert common_of(world.host.registry).budget.limit == 64 << 20
        families = {family.name: family for family in world.host.registry.families()}
        assert families["coredns_cache_entries"].cells == {}

    run(story())


def test_a_cache_that_is_never_asked_costs_nothing_but_itself() -> None:
    async def story() -> None:
        world = new_world()
        caches = [make(world, zone=f"z{number}.example") for number in range(100)]
        for cache in caches:
            await cache.start()
        await caches[0].resolve(Query(from_text("www.z0.example"), 1, site=caches[0]._block.sites[0]), answers)
        families = {family.name: family for family in world.host.registry.families()}
        assert len(families["coredns_cache_entries"].cells) == 2
        assert [cache._contents is None for cache in caches].count(False) == 1
        for cache in caches:
            await cache.stop()

    run(story())


def test_stopping_what_never_started_is_fine() -> None:
    async def story() -> None:
        await make(new_world()).stop()

    run(story())


def test_a_reload_with_equal_options_keeps_the_answers() -> None:
    async def story() -> None:
        world = new_world()
        old, new = make(world, STALE), make(world, STALE)
        await old.start()
        await fill(old, 10, world)
        new.succeed(old)
        await new.start()
        assert await is_cached(old)
        await old.stop()
        assert await is_cached(new)
        assert world.metric("coredns_cache_entries", "dns://:53", "success", ".", "") == 10
        await new.stop()
        assert common_of(world.host.registry).budget.used == 0

    run(story())


@pytest.mark.parametrize(
    ("before", "after"), [("cache", STALE), ("cache 30", "cache 60"), ("cache", "cache example.org")]
)
def test_a_reload_with_other_options_starts_anew(before: str, after: str) -> None:
    async def story() -> None:
        world = new_world()
        old, new = make(world, before), make(world, after)
        await old.start()
        await fill(old, 10, world)
        new.succeed(old)
        await new.start()
        assert not await is_cached(new)
        await old.stop()
        await new.stop()
        assert common_of(world.host.registry).budget.used == 0

    run(story())


FORWARD = "cache\nforward . 127.0.0.1 {\n force_tcp\n}"


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        (FORWARD, True),
        ("errors\nloadbalance\n" + FORWARD, True),
        ("cache\nforward . 127.0.0.1 {\n prefer_udp\n}", False),
        ("cache\nforward . 127.0.0.2 {\n force_tcp\n}", False),
        ("hosts {\n 192.0.2.1 a.test\n}\n" + FORWARD, False),
    ],
)
def test_answers_outlive_a_reload_only_where_they_would_be_given_again(after: str, kept: bool) -> None:
    async def story() -> None:
        world = new_world()
        old, new = (block_of(world, lines) for lines in (FORWARD, after))
        await fill(old, 1, world)
        new.succeed(old)
        assert (new.contents is old.contents) is kept

    run(story())


def test_another_budget_is_no_reason_to_forget() -> None:
    async def story() -> None:
        world = new_world()
        old, new = make(world), make(world, "cache {\n budget 2MiB\n}")
        await old.start()
        await fill(old, 10, world)
        new.succeed(old)
        await new.start()
        await old.stop()
        assert await is_cached(new)

    run(story())


def test_a_reload_that_fails_leaves_the_answers_where_they_were() -> None:
    async def story() -> None:
        world = new_world()
        old, new = make(world), make(world)
        await old.start()
        await fill(old, 10, world)
        new.succeed(old)
        await new.start()
        await new.stop()
        assert await is_cached(old)
        assert world.metric("coredns_cache_entries", "dns://:53", "success", ".", "") == 10

    run(story())


def test_the_part_of_another_directive_has_nothing_to_hand_over() -> None:
    async def story() -> None:
        world = new_world()
        make(world).succeed(world.part(".:53 {\n whoami\n}"))

    run(story())


def test_stopping_ends_refreshes() -> None:
    async def story() -> None:
        world = new_world()
        cache = make(world, STALE)
        await cache.start()
        await fill(cache, 5, world)
        await asyncio.sleep(60)
        for count in range(5):
            await cache.resolve(Query(from_text(f"n{count}.test"), 1), hangs)
        assert len(cache._refreshes) == 5
        before = len(asyncio.all_tasks())
        await cache.stop()
        assert len(cache._refreshes) == 0
        assert len(asyncio.all_tasks()) == before - 5
        assert common_of(world.host.registry).places.free == MOST_REFRESHES

    run(story())


def test_the_refreshes_of_all_caches_are_limited() -> None:
    async def story() -> None:
        world = new_world()
        caches = [make(world, STALE), make(world, STALE, "test")]
        for cache in caches:
            await cache.start()
            await fill(cache, 400, world)
        await asyncio.sleep(60)
        for cache in caches:
            for count in range(400):
                reply = await cache.resolve(Query(from_text(f"n{count}.test"), 1), hangs)
                assert reply.rcode == 0
        assert sum(len(cache._refreshes) for cache in caches) == MOST_REFRESHES
        await asyncio.sleep(11)  # those that hang are given up
        assert sum(len(cache._refreshes) for cache in caches) == 0
        for cache in caches:
            await cache.stop()

    run(story())


def test_figures_are_told_by_server_and_view() -> None:
    async def story() -> None:
        world = new_world()
        cache = make(world, "cache example.org example.net")
        await cache.start()
        first = cache._block.sites[0]
        for site in (first, first._replace(zone="example.net."), first._replace(view="office")):
            for _ in range(2):
                await cache.resolve(Query(from_text("www.example.org"), 1, site=site), answers)
        zones = "example.org.,example.net."
        assert world.metric("coredns_cache_requests_total", "dns://:53", zones, "") == 4
        assert world.metric("coredns_cache_requests_total", "dns://:53", zones, "office") == 2
        assert world.metric("coredns_cache_misses_total", "dns://:53", zones, "") == 1
        assert world.metric("coredns_cache_hits_total", "dns://:53", "success", zones, "") == 3
        assert world.metric("coredns_cache_hits_total", "dns://:53", "success", zones, "office") == 2
        assert world.metric("coredns_cache_entries", "dns://:53", "success", zones, "office") == 1
        assert world.metric("coredns_cache_entries", "dns://:53", "denial", zones, "") == 0
        await cache.stop()

    run(story())


def test_a_long_list_of_zones_makes_no_long_label() -> None:
    zones = [from_text(f"zone{number}.example.org") for number in range(10_000)]
    assert label_of(zones[:3]) == "zone0.example.org.,zone1.example.org.,zone2.example.org."
    label = label_of(zones)
    assert len(label) < MAX_LABEL + 20
    assert label.startswith("zone0.example.org.,zone1.example.org.,")
    assert label.endswith(f" and {10_000 - label.count(',') - 1} more")


def test_evictions_are_counted() -> None:
    async def story() -> None:
        world = new_world()
        cache = make(world, "cache {\n success 1024\n}")
        await cache.start()
        await fill(cache, 1100, world)
        for _ in range(2):
            assert world.metric("coredns_cache_evictions_total", "dns://:53", "success", ".", "") == 76
        await cache.stop()

    run(story())
