"""What waits for a destination, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from resolver.chain.reply import Replay, Reply
from resolver.errors import ResolverError
from resolver.plugins.audit import outlet
from resolver.plugins.audit.destinations import ToFile, outlets_of
from resolver.plugins.audit.journal import MOST, Journal
from resolver.plugins.audit.metrics import Report
from resolver.plugins.audit.outlet import Batch, Outlet, Undeliverable
from resolver.telemetry.rotation import Keeping
from tests.plugins.audit.scribe import read, replay, scribe
from tests.plugins.chains import World, answering, question, until

LINE = b'{"time":"2026-11-23T10:00:00.000000Z"}\n'
LOST, WRITTEN = "coredns_audit_dropped_total", "coredns_audit_lines_total"


class Shelf:
    """A sink that takes lines while ``fails`` is None and nobody holds it up."""

    def __init__(self) -> None:
        self.patience: float | None = None
        self.taken: list[bytes] = []
        self.fails: Exception | None = None
        self.refuses = 0
        self.tried = 0
        self.free = threading.Event()
        self.free.set()
        self.closed = False

    def open(self) -> None:
        return

    def write(self, batch: Batch) -> int:
        self.tried += 1
        self.free.wait(10)
        if self.fails is not None:
            raise self.fails
        self.taken.append(batch.octets)
        return self.refuses

    def close(self) -> None:
        self.closed = True

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in b"".join(self.taken).splitlines()]


async def begun(world: World, shelf: Shelf, limit: int = 100 * len(LINE)) -> Outlet:
    found = Outlet(shelf, limit, Report("shelf", world.host.registry, world.host.log), lambda: 1_800_000_000.5)
    await found.start()
    return found


async def test_lines_come_in_their_order_and_are_counted() -> None:
    world, shelf = World(), Shelf()
    found = await begun(world, shelf)
    for number in range(20):
        found.put(b'{"n":%d}\n' % number, 1)
    await found.stop()
    assert [line["n"] for line in shelf.lines] == list(range(20))
    assert shelf.closed
    assert (world.metric(WRITTEN, "shelf"), world.metric(LOST, "shelf")) == (20, 0)


async def test_what_finds_no_room_is_counted_and_said_in_the_log_and_in_the_stream() -> None:
    world, shelf = World(), Shelf()
    shelf.free.clear()
    found = await begun(world, shelf, 5 * len(LINE))
    for _ in range(12):
        found.put(LINE, 1)
    assert world.metric(LOST, "shelf") == 7
    assert world.lines == ["[WARNING] 1 lines for shelf are lost"]  # the others within a minute
    shelf.free.set()
    await until(lambda: len(shelf.lines) == 5)
    await until(lambda: world.metric(WRITTEN, "shelf") == 5)
    found.put(LINE * 2, 2)
    await found.stop()
    assert shelf.lines[5] == {"time": "2027-01-15T08:00:00.500000Z", "lost": 7}
    assert (len(shelf.lines), world.metric(WRITTEN, "shelf"), world.metric(LOST, "shelf")) == (8, 7, 7)
    assert world.lines[-1] == "[WARNING] 6 lines for shelf are lost"


async def test_what_was_lost_last_is_said_at_the_end() -> None:
    world, shelf = World(), Shelf()
    shelf.free.clear()
    found = await begun(world, shelf, len(LINE))
    found.put(LINE, 1)
    found.put(LINE, 1)
    shelf.free.set()
    await found.stop()
    assert [line.get("lost") for line in shelf.lines] == [None, 1]


async def test_a_destination_that_fails_is_tried_again_and_loses_nothing() -> None:
    world, shelf = World(), Shelf()
    shelf.fails = OSError(28, "No space left on device")
    found = await begun(world, shelf)
    found.put(LINE, 1)
    await until(lambda: shelf.tried >= 2)
    shelf.fails = None
    await until(lambda: bool(shelf.taken))
    await found.stop()
    assert shelf.taken == [LINE]
    assert world.metric(LOST, "shelf") == 0
    assert world.lines == [
        "[ERROR] shelf: no space left on device; lines wait", "[INFO] shelf takes lines again",
    ]  # fmt: skip


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "FIRST_PAUSE", 0.01)
    world, shelf = World(), Shelf()
    shelf.patience = 0.02
    shelf.fails = OSError("status 503")
    found = await begun(world, shelf)
    found.put(LINE, 1)
    await until(lambda: world.metric(LOST, "shelf") == 1)
    assert shelf.tried == 3
    shelf.fails = None
    found.put(LINE, 1)
    await found.stop()
    assert [line.get("lost") for line in shelf.lines] == [1, None]


@pytest.mark.parametrize("error", [Undeliverable("status 400"), ValueError("odd")])
async def test_what_will_never_be_taken_is_not_tried_again(error: Exception) -> None:
    world, shelf = World(), Shelf()
    shelf.fails = error
    found = await begun(world, shelf)
    found.put(LINE, 1)
    await until(lambda: world.metric(LOST, "shelf") == 1)
    await found.stop()
    assert str(error) in world.lines[0]


async def test_what_a_destination_refused_is_counted() -> None:
    world, shelf = World(), Shelf()
    shelf.refuses = 2
    found = await begun(world, shelf)
    found.put(LINE * 5, 5)
    await found.stop()
    assert (world.metric(WRITTEN, "shelf"), world.metric(LOST, "shelf")) == (3, 2)


async def test_a_destination_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "ENDING", 0.05)
    world, shelf = World(), Shelf()
    shelf.free.clear()
    found = await begun(world, shelf)
    found.put(LINE * 3, 3)
    await found.stop()
    shelf.free.set()
    assert world.metric(LOST, "shelf") == 3


async def test_a_destination_that_fails_at_the_end_is_tried_once_more() -> None:
    world, shelf = World(), Shelf()
    shelf.fails = OSError("gone")
    found = await begun(world, shelf)
    found.put(LINE, 1)
    await until(lambda: shelf.tried == 1)
    await found.stop()
    assert (shelf.tried >= 2, world.metric(LOST, "shelf")) == (True, 1)


async def test_lines_after_the_end_are_counted_as_lost() -> None:
    world, shelf = World(), Shelf()
    found = await begun(world, shelf)
    await found.stop()
    found.put(LINE, 1)
    assert world.metric(LOST, "shelf") == 1


async def test_a_file_that_cannot_be_written_is_a_reason_not_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ResolverError, match="its folder does not exist"):
        async with scribe(tmp_path / "missing"):
            pass


async def test_all_blocks_of_a_process_share_an_outlet_and_a_reload_leaves_it_open(tmp_path: Path) -> None:
    world = World()
    outlets, target = outlets_of(world.host.registry), ToFile(str(tmp_path / "log"), Keeping())
    first = await outlets.take(target, 1 << 20, world.host)
    second = await outlets.take(target, 1 << 20, world.host)
    assert first is second
    await outlets.give_back(target, 1 << 20)
    second.put(LINE, 1)
    await outlets.give_back(target, 1 << 20)
    assert (tmp_path / "log").read_bytes() == LINE
    third = await outlets.take(target, 1 << 20, world.host)
    assert third is not first
    await outlets.give_back(target, 1 << 20)


async def test_many_replays_in_a_turn_of_the_loop_are_handed_on_in_time(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        reply = await audit.ask(
            question("a.example."), answering(lambda query: Reply(query.question, replay=Replay(1e12)))
        )
        for _ in range(5000):
            replay(reply)
        assert len(audit.part._journal.waiting) < 1024
        assert len(await audit.written()) == 5001


async def test_a_line_does_not_wait_long_for_others(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example."), answering(lambda query: Reply(query.question)))
        await until(lambda: len(read(audit.path)) == 1)
        await asyncio.sleep(0)


async def test_what_has_more_behind_it_waits_until_it_is_worth_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "ENOUGH", 5 * len(LINE))
    world, shelf = World(), Shelf()
    found = await begun(world, shelf)
    for _ in range(4):
        found.put(LINE, 1, more=True)
    assert not found._wake.is_set()
    found.put(LINE, 1, more=True)
    await until(lambda: len(shelf.lines) == 5)
    found.put(LINE, 1, more=True)
    assert not found._wake.is_set()
    found.put(b"", 0)
    await until(lambda: len(shelf.lines) == 6)
    await found.stop()
    assert (world.metric(WRITTEN, "shelf"), world.metric(LOST, "shelf")) == (6, 0)


async def test_a_small_queue_does_not_wait_until_it_is_full() -> None:
    world, shelf = World(), Shelf()
    found = await begun(world, shelf, 8 * len(LINE))
    for _ in range(2):
        found.put(LINE, 1, more=True)
    await until(lambda: len(shelf.lines) == 2)
    await found.stop()


async def test_lines_that_were_handed_on_early_do_not_wait_either(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        reply = await audit.ask(
            question("a.example."), answering(lambda query: Reply(query.question, replay=Replay(1e12)))
        )
        for _ in range(MOST - 1):
            replay(reply)
        assert not audit.part._journal.waiting
        await until(lambda: len(read(audit.path)) == MOST)


async def test_the_smallest_queue_holds_what_comes_together() -> None:
    world, shelf = World(), Shelf()
    shelf.free.clear()
    found = await begun(world, shelf, 64 << 10)
    journal = Journal(lambda: 1_800_000_000.5, [found])
    for _ in range(MOST):
        journal.put("x" * 400 + "\n")
    assert world.metric(LOST, "shelf") == 0
    shelf.free.set()
    await found.stop()
    assert world.metric(WRITTEN, "shelf") == MOST


async def test_the_thread_is_given_turns_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr(outlet, "time", SimpleNamespace(sleep=given.append))
    world, shelf = World(), Shelf()
    shelf.free.clear()
    found = await begun(world, shelf, 1000 * len(LINE))
    for _ in range(200):
        found.put(LINE, 1)  # nobody is in a hurry
    assert given == []
    for _ in range(290):
        found.put(LINE, 1, more=True)
    assert 0 < len(given) <= 2 * outlet.MOST_TURNS
    for _ in range(1000):
        found.put(LINE, 1, more=True)
    assert 450 < len(given) < 510 + 2 * outlet.MOST_TURNS  # none for what is lost
    shelf.free.set()
    await found.stop()
    assert (world.metric(WRITTEN, "shelf"), world.metric(LOST, "shelf")) == (1000, 490)
