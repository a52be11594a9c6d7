"""Where everything runs: cores, the upstream, the load generator, the servers, and how much time is left."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import names
from benchmarks.outcome import Generator
from benchmarks.peers.base import Peer, Setup
from benchmarks.processes import Running, free_ports, running, seconds_to_answer
from benchmarks.upstream import Upstream

ROOM = 250_000


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server, another for the load; the upstream gets a third where there is one."""

    server: set[int]
    load: set[int]
    upstream: set[int]
    every: set[int]

    @staticmethod
    def share_out(allowed: set[int]) -> Cores:
        ordered = sorted(allowed)
        server, load = ordered[0], ordered[min(1, len(ordered) - 1)]
        upstream = ordered[2] if len(ordered) > 2 else load
        return Cores({server}, {load}, {upstream}, allowed)

    def for_workers(self, workers: int) -> set[int]:
        """As many cores as workers, apart from load and upstream where the machine has that many, else all."""
        spare = sorted(self.every - self.server - self.load - self.upstream)[: workers - 1]
        return self.server | set(spare) if len(spare) == workers - 1 else self.every


class Deadline:
    """The time that the whole run may take, in seconds from now."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        return self._end - self._clock()


@dataclass(slots=True)
class Stage:
    """Shared by all rows of a run; ``notes`` collects what could not be measured and why."""

    generator: Generator
    upstream: Upstream
    cores: Cores
    directory: Path
    deadline: Deadline
    say: Callable[[str], None]
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.say(f"  note: {text}")


@dataclass(frozen=True, slots=True)
class Seat:
    """A server that answers on 127.0.0.1:``port``, and how long it took from exec to its first answer."""

    peer: Peer
    port: int
    server: Running
    first_answer: float


@contextlib.contextmanager
def seated(
    stage: Stage, peer: Peer, room: int = ROOM, stub_zones: int = 0, workers: int = 1, patience: float = 20.0
) -> Iterator[Seat]:
    """A freshly started server, stopped on leaving. Raises StartError."""
    port, spare = free_ports(2)
    directory = stage.directory / f"{peer.name}-{port}"
    directory.mkdir()
    setup = Setup(port, stage.upstream.port, spare, directory, room, stub_zones, workers)
    cores = stage.cores.for_workers(workers) if workers > 1 else stage.cores.server
    with running(peer.name, peer.command(setup), cores, directory, peer.environment) as server:
        first = seconds_to_answer(server, port, names.question(f"start.{names.ZONE}", os.getpid() & 0xFFFF), patience)
        yield Seat(peer, port, server, first)
