"""Keys read in pages, followed, and read again when changes were missed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from resolver.plugins.etcd import mirror as module
from resolver.plugins.etcd.gateway import EtcdError
from resolver.plugins.etcd.metrics import Metrics
from resolver.plugins.etcd.mirror import Mirror
from resolver.plugins.etcd.service import Path
from tests.plugins.chains import World, until
from tests.plugins.etcd.registry import Scripted, base64, batch, key_of, page, stored

ONE, TWO = stored("one.test", host="10.0.0.1"), stored("two.test", host="10.0.0.2")
CREATED = {"header": {"revision": "5"}, "created": True}


class Running:
    """A mirror at work; ``changes`` are what it told of."""

    def __init__(self, gateway: Scripted) -> None:
        self.world = World()
        self.changes: list[set[Path] | None] = []
        metrics = Metrics(self.world.host.registry, "/skydns")
        log = self.world.host.log.named("etcd")
        self.mirror = Mirror(b"/skydns/", gateway, metrics, log, self.changes.append, random.Random(1))

    @property
    def names(self) -> list[str]:
        found = self.mirror.tree.find(()) or []
        return sorted(b".".join(reversed(one.path)).decode() for one in found)


@asynccontextmanager
async def running(gateway: Scripted) -> AsyncIterator[Running]:
    made = Running(gateway)
    task = asyncio.get_running_loop().create_task(made.mirror.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait((task,))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.002)


def put(one: dict[str, Any]) -> dict[str, Any]:
    return {"kv": one}


def deleted(name: str) -> dict[str, Any]:
    return {"type": "DELETE", "kv": {"key": base64(key_of(name))}}


async def test_everything_is_read_in_pages_of_one_revision() -> None:
    gateway = Scripted()
    gateway.pages = [page(ONE, revision=5, more=True), page(TWO, revision=9)]
    async with running(gateway) as made:
        await until(lambda: made.mirror.synced)
        assert made.names == ["one.test", "two.test"]
        assert made.mirror.revision == 5
        await until(lambda: len(gateway.asked) == 3)
    first, second, watch = (body for _, body in gateway.asked)
    assert (first["key"], first["range_end"], first["revision"]) == (base64("/skydns/"), base64("/skydns0"), 0)
    assert (second["key"], second["revision"]) == (base64("/skydns/test/one\0"), 5)
    assert watch["create_request"]["start_revision"] == 6
    assert made.changes == [None]
    assert made.world.metric("coredns_etcd_keys", "/skydns") == 2


async def test_changes_are_taken_over_and_told() -> None:
    gateway = Scripted()
    gateway.pages = [page(ONE)]
    changed = stored("one.test", host="10.0.0.9")
    gateway.batches = [[CREATED, batch(put(TWO), put(changed), revision=6), batch(deleted("one.test"), revision=7)]]
    async with running(gateway) as made:
        await until(lambda: made.mirror.revision == 7)
        assert made.names == ["two.test"]
    assert made.changes == [None, {(b"test", b"two"), (b"test", b"one")}, {(b"test", b"one")}]
    assert made.world.metric("coredns_etcd_updates_total", "/skydns") == 3


async def test_a_watch_that_ends_goes_on_where_it_was() -> None:
    gateway = Scripted()
    gateway.pages = [page(ONE)]
    gateway.batches = [[CREATED, batch(put(TWO), revision=8), EtcdError("connection reset")], [CREATED]]
    async with running(gateway) as made:
        await until(lambda: len(gateway.asked) == 4)
        assert made.names == ["one.test", "two.test"]
    starts = [body["create_request"]["start_revision"] for path, body in gateway.asked if path == "/v3/watch"]
    assert starts == [6, 9, 9]
    assert gateway.turned >= 1
    assert any("connection reset; what is known is kept" in line for line in made.world.lines)
    assert any("answers, 2 keys are known" in line for line in made.world.lines)


async def test_where_changes_were_compacted_everything_is_read_again() -> None:
    gateway = Scripted()
    gateway.pages = [page(ONE), page(TWO, revision=99)]
    gateway.batches = [[EtcdError("compacted", compacted=True)]]
    async with running(gateway) as made:
        await until(lambda: made.names == ["two.test"])
        assert made.mirror.revision == 99
    assert made.changes == [None, None]


async def test_what_is_known_stays_while_etcd_is_away() -> None:
    gateway = Scripted()
    gateway.pages = [page(ONE)]
    gateway.batches = [[EtcdError("no way")] for _ in range(20)]
    async with running(gateway) as made:
        await until(lambda: not gateway.batches)
        assert made.mirror.synced
        assert made.names == ["one.test"]
    assert sum("no way" in line for line in made.world.lines) == 1
    assert made.world.metric("coredns_etcd_failures_total", "/skydns") >= 20


async def test_it_goes_on_trying_until_etcd_is_there() -> None:
    gateway = Scripted()
    gateway.pages = [EtcdError("connection refused")] * 5 + [page(ONE)]
    async with running(gateway) as made:
        await until(lambda: made.mirror.synced)
    assert sum("nothing is known yet" in line for line in made.world.lines) == 1


async def test_a_value_that_makes_no_sense_is_left_out_and_named() -> None:
    gateway = Scripted()
    gateway.pages = [page(ONE, {"key": base64("/skydns/test/bad"), "value": base64("nonsense")})]
    async with running(gateway) as made:
        await until(lambda: made.mirror.synced)
        assert made.names == ["one.test"]
    assert any("/skydns/test/bad is left out: the value is not JSON" in line for line in made.world.lines)
    assert made.world.metric("coredns_etcd_malformed_total", "/skydns") == 1


@pytest.mark.parametrize(("limit", "value"), [("MOST_KEYS", 1), ("MOST_OCTETS", 40)])
async def test_more_than_memory_is_for_is_refused(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(module, limit, value)
    gateway = Scripted()
    gateway.pages = [page(stored("x"))]
    gateway.batches = [[CREATED, batch(put(ONE), put(TWO))]]
    gateway.pages += [page(ONE, TWO)] + [EtcdError("later")] * 1000
    async with running(gateway) as made:
        await until(lambda: made.world.metric("coredns_etcd_failures_total", "/skydns") > 2)
        assert not made.mirror.synced
        assert "there are more than" in made.world.output.getvalue()


@pytest.mark.parametrize(
    "answer",
    [
        {"kvs": 7}, {"kvs": [7]}, {"header": {"revision": "x"}}, {"kvs": [{"key": 7}]},
        {"kvs": [{"key": "no base64"}]},
    ],
)  # fmt: skip
async def test_answers_that_make_no_sense_are_trouble_and_no_more(answer: dict[str, Any]) -> None:
    gateway = Scripted()
    gateway.pages = [answer, page(ONE)]
    async with running(gateway) as made:
        await until(lambda: made.mirror.synced)
    assert made.world.metric("coredns_etcd_failures_total", "/skydns") == 1
