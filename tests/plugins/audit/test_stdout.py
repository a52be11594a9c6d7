"""Lines on a standard output that somebody reads, or does not."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.plugins.audit import stdout
from resolver.plugins.audit.metrics import Report
from resolver.plugins.audit.stdout import PIECE, Stdout, pieces
from tests.plugins.chains import World, until

LINE = b'{"n":"' + b"x" * 92 + b'"}\n'
LOST, WRITTEN = "coredns_audit_dropped_total", "coredns_audit_lines_total"


class Pipe(NamedTuple):
    """Two ends."""

    reading: int
    writing: int

    def read(self) -> bytes:
        try:
            return os.read(self.reading, 1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    found = Pipe(*os.pipe())
    fcntl.fcntl(found.writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(found.reading, False)
    yield found
    os.close(found.reading)
    os.close(found.writing)


async def begun(world: World, pipe: Pipe, limit: int = 1 << 20) -> Stdout:
    report = Report("stdout", world.host.registry, world.host.log)
    found = Stdout(limit, report, lambda: 1_800_000_000.5, pipe.writing)
    await found.start()
    return found


async def test_lines_are_written_at_once(pipe: Pipe) -> None:
    world = World()
    found = await begun(world, pipe)
    found.put(LINE * 3, 3)
    assert pipe.read() == LINE * 3
    await found.stop()
    assert world.metric(WRITTEN, "stdout") == 3


async def test_while_nobody_reads_lines_wait_and_nothing_blocks(pipe: Pipe) -> None:
    world = World()
    found = await begun(world, pipe)
    for _ in range(200):
        found.put(LINE, 1)
    octets = b""

    def read() -> bool:
        nonlocal octets
        octets += pipe.read()
        return octets.count(b"\n") == 200

    await until(read)
    await found.stop()
    assert octets == LINE * 200
    assert world.metric(LOST, "stdout") == 0


async def test_what_finds_no_room_is_told_of(pipe: Pipe) -> None:
    world = World()
    found = await begun(world, pipe, 10 * len(LINE))
    for _ in range(100):
        found.put(LINE, 1)
    lost = world.metric(LOST, "stdout")
    assert lost > 30
    octets = b""

    def read() -> bool:
        nonlocal octets
        octets += pipe.read()
        return octets.count(b"\n") == 100 - lost

    await until(read)
    found.put(LINE, 1)
    await until(lambda: bool(octets.count(b"\n") == 100 - lost) and world.metric(WRITTEN, "stdout") >= 101 - lost)
    rest = pipe.read()
    await found.stop()
    assert rest == b'{"time":"2027-01-15T08:00:00.500000Z","lost":%d}\n' % lost + LINE


async def test_the_end_waits_a_moment_for_a_reader_and_no_longer(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdout, "ENDING", 0.05)
    world = World()
    found = await begun(world, pipe)
    found.put(LINE * 100, 100)
    await found.stop()
    assert world.metric(LOST, "stdout") + world.metric(WRITTEN, "stdout") == 100
    assert world.metric(LOST, "stdout") > 0


async def test_a_reader_that_is_gone_does_no_harm(pipe: Pipe) -> None:
    world = World()
    reading, writing = os.pipe()
    os.close(reading)
    found = await begun(world, Pipe(0, writing))
    found.put(LINE, 1)
    await found.stop()
    os.close(writing)
    assert world.metric(LOST, "stdout") == 1


@given(st.lists(st.integers(0, 6000), min_size=1, max_size=20))
def test_pieces_are_whole_lines_that_a_pipe_takes_in_one_go(lengths: list[int]) -> None:
    octets = b"".join(b"x" * length + b"\n" for length in lengths)
    found = pieces(octets)
    assert b"".join(found) == octets
    assert all(piece.endswith(b"\n") for piece in found)
    assert all(len(piece) <= PIECE or piece.count(b"\n") == 1 for piece in found)
