"""One budget for all caches of a process."""

from __future__ import annotations

import pytest

from resolver.chain.build import build
from resolver.chain.query import Site
from resolver.chain.setup import Block
from resolver.config.load import load_text
from resolver.config.zones import server_addresses
from resolver.errors import ConfigErrors
from resolver.plugins.cache.budget import DEFAULT_BUDGET, OCTETS_PER_ANSWER
from resolver.plugins.cache.common import common_of
from resolver.plugins.cache.handler import Cache
from resolver.plugins.catalog import setup_function as find_setup
from resolver.plugins.order import ORDER
from tests.plugins.chains import World

MIB = 1 << 20


def configure(world: World, *options: str) -> list[Cache]:
    """One server block with a cache for each set of options. Raises ConfigErrors."""
    text = "".join(f"zone{number}.test:53 {{\ncache {{\n{lines}\n}}\n}}\n" for number, lines in enumerate(options))
    caches: list[Cache] = []
    config = load_text(text, environ={})
    for source in config.blocks:
        zones = tuple(address.wire for address in server_addresses(source.keys))
        block = Block(zones, (Site("dns://:53", "."),), config=config)
        build(source, block, world.host, ORDER, find_setup)
        caches += [part for part in block.parts if isinstance(part, Cache)]
    return caches


@pytest.fixture
def world() -> World:
    return World()


async def test_the_default_is_64_mebibytes_for_all(world: World) -> None:
    caches = configure(world, "", "", "")
    for cache in caches:
        await cache.start()
    assert world.metric("coredns_cache_budget_bytes") == DEFAULT_BUDGET == 64 * MIB
    for cache in caches:
        await cache.stop()


async def test_one_line_speaks_for_all(world: World) -> None:
    for cache in configure(world, "", "budget 5MiB", ""):
        await cache.start()
    assert world.metric("coredns_cache_budget_bytes") == 5 * MIB


def test_lines_that_agree_are_fine(world: World) -> None:
    assert len(configure(world, "budget 5MiB", "budget 5120KiB", "")) == 3


def test_lines_that_disagree_are_a_mistake_at_the_second(world: World) -> None:
    with pytest.raises(ConfigErrors, match=r"budget 6MiB contradicts budget 5MiB at Corefile:3:8") as caught:
        configure(world, "budget 5MiB", "budget 6MiB")
    assert caught.value.errors[0].at is not None
    assert caught.value.errors[0].at.line == 8


def test_a_configuration_that_was_given_up_does_not_count(world: World) -> None:
    with pytest.raises(ConfigErrors):
        configure(world, "budget 5MiB", "nonsense")
    assert configure(world, "budget 6MiB")


async def test_a_reload_may_change_the_budget(world: World) -> None:
    (old,) = configure(world, "budget 5MiB")
    await old.start()
    (new,) = configure(world, "budget 6MiB")
    await new.start()
    assert world.metric("coredns_cache_budget_bytes") == 6 * MIB
    await old.stop()
    assert world.metric("coredns_cache_budget_bytes") == 6 * MIB


async def test_a_reload_that_fails_leaves_the_budget(world: World) -> None:
    (old,) = configure(world, "budget 5MiB")
    await old.start()
    (new,) = configure(world, "budget 6MiB")
    await new.start()
    await new.stop()
    assert world.metric("coredns_cache_budget_bytes") == 5 * MIB


async def test_the_budget_is_per_process(world: World) -> None:
    (cache,) = configure(world, "budget 5MiB")
    await cache.start()
    assert common_of(World().host.registry).budget.limit == DEFAULT_BUDGET


async def test_capacities_that_are_written_down_get_the_room_they_need(world: World) -> None:
    usual, large = configure(world, "", "success 1000000")
    await usual.start()
    assert usual.replay_octets == DEFAULT_BUDGET
    await large.start()
    assert world.metric("coredns_cache_budget_bytes") == 1_000_000 * OCTETS_PER_ANSWER
    assert usual.replay_octets == 2 * 1_000_000 * OCTETS_PER_ANSWER
    await large.stop()
    assert usual.replay_octets == DEFAULT_BUDGET
    await usual.stop()


async def test_a_budget_that_is_named_counts_more_than_capacities(world: World) -> None:
    (cache,) = configure(world, "success 1000000\nbudget 32MiB")
    await cache.start()
    assert cache.replay_octets == 32 * MIB
    await cache.stop()
