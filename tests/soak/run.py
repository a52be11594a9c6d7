"""One soak run: a server, upstreams of every character, clients, reloads and, with workers, sudden deaths."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.runtime.clients import figures, total
from tests.runtime.serving import Server, serving, until
from tests.soak.growth import LIMITS, Limit, grown, sample
from tests.soak.load import Load, Tally
from tests.soak.scenario import KINDS, Ports, configuration, script
from tests.support.upstreams import Upstream


@dataclass(frozen=True)
class Settings:
    """``seconds`` of load in all, of which each of ``rounds`` gets a share and the first one warms up.

    ``settle`` is how long the server rests before it is looked at, ``reload`` and ``kill`` are the seconds between two
    reloads and two deaths of workers. All times are in seconds.
    """

    seconds: float
    rounds: int = 6
    workers: int = 1
    reload: float = 3.0
    kill: float = 5.0
    settle: float = 3.0
    seed: int = 1


@dataclass
class Outcome:
    """What a run has shown."""

    tallies: list[Tally] = field(default_factory=list)
    samples: list[dict[str, float]] = field(default_factory=list)
    malformed: int = 0
    reloads: int = 0
    refused: int = 0
    kills: int = 0
    rejected: float = 0
    panics: float = 0
    exit_code: int = 0

    def complaints(self, limits: Sequence[Limit] = LIMITS) -> list[str]:
        """What should not have been, in words; empty when all is well."""
        out = grown(self.samples, limits)
        for tally in self.tallies:
            if tally.lost:
                out.append(f"{tally.label}: {tally.lost} of {tally.asked} questions stayed without an answer")
            if tally.wrong:
                out.append(f"{tally.label}: {tally.wrong} wrong answers, the first one for {tally.example}")
            if not tally.right:
                out.append(f"{tally.label}: not one right answer")
        if self.panics:
            out.append(f"{self.panics:g} panics")
        if not self.rejected:
            out.append("no malformed message was counted")
        if self.exit_code:
            out.append(f"the server ended with code {self.exit_code}")
        return out


async def soak(settings: Settings) -> Outcome:
    """Run it. Raises AssertionError where the server dies or does not do as it is told."""
    chance = random.Random(settings.seed)
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name:
        async with Upstream(script) as upstream, Upstream() as dead:
            ports = Ports.find(upstream.port, dead.port)
            flags = ("--workers", str(settings.workers))
            text = configuration(ports, 0)
            async with serving(Path(name), text, *flags, port=ports.dns, http=ports.http) as server:
                await until(server.ready)
                await figures(ports.http)  # the first one loads what all others need
                load = Load(ports.dns, KINDS, chance, persistent=settings.workers > 1)
                load.start()
                try:
                    for _ in range(settings.rounds):
                        async with _unrest(server, ports, upstream, settings, outcome):
                            await asyncio.sleep(settings.seconds / settings.rounds)
                        await load.rest()
                        await until(server.ready)
                        outcome.samples.append(await sample(ports.http, settings.settle))
                        load.check()
                        load.gate.set()
                finally:
                    await load.stop()
                await _conclude(server, load, outcome)
    return outcome


async def _conclude(server: Server, load: Load, outcome: Outcome) -> None:
    last = await figures(server.http)
    outcome.tallies = list(load.tallies.values())
    outcome.malformed = load.malformed
    outcome.rejected = total(last, "coredns_dns_rejected_total")
    outcome.panics = total(last, "coredns_panics_total")
    server.signal(signal.SIGTERM)
    outcome.exit_code = await server.exit_code()


@contextlib.asynccontextmanager
async def _unrest(
    server: Server, ports: Ports, upstream: Upstream, settings: Settings, outcome: Outcome
) -> AsyncIterator[None]:
    """Reloads and deaths while the block runs, each of them to its end."""
    ending = asyncio.Event()
    tasks = [asyncio.create_task(_reload_on(server, ports, upstream, settings.reload, outcome, ending))]
    if settings.workers > 1:
        tasks.append(asyncio.create_task(_kill_on(server, settings, outcome, ending)))
    try:
        yield
    finally:
        ending.set()
        await asyncio.gather(*tasks)


async def _reload_on(
    server: Server, ports: Ports, upstream: Upstream, pause: float, outcome: Outcome, ending: asyncio.Event
) -> None:
    """Reload again and again; every fourth is followed by a wrong one. An even number, so that all rests are alike."""
    while await _paused(pause, ending) or outcome.reloads % 2:
        outcome.reloads += 1
        await server.reload(configuration(ports, outcome.reloads))
        upstream.seen.clear()
        if outcome.reloads % 4 == 0:
            outcome.refused += 1
            await server.reload(f".:{ports.dns} {{\n    nonsense {outcome.refused}\n}}\n", outcome="reload failed")


async def _kill_on(server: Server, settings: Settings, outcome: Outcome, ending: asyncio.Event) -> None:
    while await _paused(settings.kill, ending):
        workers = await server.workers()
        outcome.kills += 1
        os.kill(workers[outcome.kills % len(workers)], signal.SIGKILL)
        known = set(workers)
        await until(lambda: _replaced(server, known, settings.workers))  # noqa: B023 - awaited before it changes
        await until(server.ready)


async def _replaced(server: Server, known: set[int], number: int) -> bool:
    workers = await server.workers()
    return len(workers) == number and not known.issuperset(workers)


async def _paused(seconds: float, ending: asyncio.Event) -> bool:
    """Wait; False as soon as the end has come."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ending.wait()
    return not ending.is_set()
