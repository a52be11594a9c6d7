"""Answers that are withdrawn when their data changes are passed on, not kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.plugins.cache.handler import Cache
from resolver.wire.constants import IN, A
from resolver.wire.records import Record
from tests.plugins.chains import World, question

TAG = object()


@dataclass
class Objects:
    """Stands for a plugin that answers from the cluster's objects."""

    address: bytes = b"\xc0\0\2\1"
    ttl: int = 5
    live: bool = True
    asked: list[Query] = field(default_factory=list)

    async def resolve(self, query: Query) -> Reply:
        self.asked.append(query)
        reply = from_records(query, "kubernetes", [Record(query.qname, A, IN, self.ttl, self.address)])
        reply.replay = Replay(math.inf, tags=(TAG,), live=self.live)
        return reply


async def test_a_change_of_the_object_is_seen_by_the_next_question() -> None:
    cache, objects = _cache("cache"), Objects()
    await cache.resolve(question("web.prod.svc.cluster.local"), objects.resolve)
    objects.address = b"\xc0\0\2\2"
    reply = await cache.resolve(question("web.prod.svc.cluster.local"), objects.resolve)
    assert [record.rdata for record in reply.sections.answer] == [b"\xc0\0\2\2"]


async def test_it_may_be_replayed_until_its_data_changes() -> None:
    reply = await _cache("cache").resolve(question("web.prod.svc.cluster.local"), Objects().resolve)
    assert reply.replay is not None
    assert (reply.replay.until, reply.replay.tags, reply.replay.live) == (math.inf, (TAG,), True)


async def test_its_ttl_is_bounded_by_the_cache_like_any_other() -> None:
    reply = await _cache("cache 30").resolve(question("web.prod.svc.cluster.local"), Objects(ttl=300).resolve)
    assert [record.ttl for record in reply.sections.answer] == [30]


async def test_an_answer_that_is_not_live_is_kept() -> None:
    cache, objects = _cache("cache"), Objects(live=False)
    for _ in range(2):
        await cache.resolve(question("web.prod.svc.cluster.local"), objects.resolve)
    assert len(objects.asked) == 1


def _cache(line: str) -> Cache:
    part = World().part(f". {{\n{line}\n}}")
    assert isinstance(part, Cache)
    return part
