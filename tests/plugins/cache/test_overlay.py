"""A part behind the cache begins to answer for names that others have answered for so far."""

from __future__ import annotations

import math
from collections.abc import Hashable

import pytest

from resolver.chain.plugin import Part
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.plugins.cache.handler import Cache
from resolver.wire.constants import A
from resolver.wire.names import from_text
from resolver.wire.records import record
from tests.plugins.chains import World, question

NAME = "www.example.com"
TAG = object()


class Hosts(Part):
    """The part, and what is behind it in one: ``names`` are its own."""

    name = "hosts"

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.asked = 0

    def claims(self, name: bytes) -> bool:
        return name in self.names

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        return (TAG,) if name.endswith(b"\7example\3com\0") else ()

    async def answer(self, query: Query) -> Reply:
        self.asked += 1
        own = query.name in self.names
        reply = from_records(query, "hosts", [record(query.qname, A, 300, b"\xc0\0\2\1" if own else b"\xc0\0\2\2")])
        reply.replay = Replay(math.inf, live=True) if own else None
        return reply


@pytest.mark.parametrize("line", ["cache 30", "cache {\n serve_stale 1h immediate\n }"])
async def test_what_is_kept_is_not_given_for_a_name_that_somebody_answers_for_now(line: str) -> None:
    cache, hosts = await started(line)
    assert [await address(cache, hosts), await address(cache, hosts), hosts.asked] == ["2", "2", 1]
    hosts.names.add(from_text(NAME))
    assert await address(cache, hosts) == "1"
    hosts.names.clear()
    assert await address(cache, hosts) == "2"


async def test_replays_of_what_is_kept_end_when_somebody_else_answers() -> None:
    cache, hosts = await started("cache 30")
    for name, tags in ((NAME, (TAG,)), ("www.example.org", ())):
        await cache.resolve(question(name), hosts.answer)
        reply = await cache.resolve(question(name), hosts.answer)
        assert reply.replay is not None
        assert reply.replay.tags == tags


async def test_without_such_a_part_answers_are_given_from_memory() -> None:
    cache = World().part(". {\n cache 30\n }")
    hosts = Hosts()
    hosts.names.add(from_text(NAME))
    assert [await address(cache, hosts), hosts.asked] == ["1", 1]


async def started(line: str) -> tuple[Cache, Hosts]:
    block = World().build(f". {{\n {line}\n }}")
    hosts = Hosts()
    block.parts.append(hosts)
    cache = block.parts[0]
    assert isinstance(cache, Cache)
    await cache.start()
    return cache, hosts


async def address(cache: Cache, hosts: Hosts) -> str:
    """The last octet of the address that the cache answers with."""
    reply = await cache.resolve(question(NAME), hosts.answer)
    return str(reply.sections.answer[0].rdata[-1])
