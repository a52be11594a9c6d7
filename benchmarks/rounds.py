"""The main rows: every server side by side, row after row, round after round."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from benchmarks.load import PythonGenerator
from benchmarks.measure import Files, Row, Sample, files, measure, progress
from benchmarks.outcome import Load, LoadError
from benchmarks.peers.base import Peer
from benchmarks.processes import StartError
from benchmarks.results import LossCount, Results, Start
from benchmarks.stage import Seat, Stage, seated

_LOSS_RATE = 10_000


def play(stage: Stage, peers: Sequence[Peer], rows: Sequence[Row], rounds: int, seconds: float, out: Results) -> None:
    """``rounds`` rounds with all servers up at once; stops early when the next round would pass the deadline."""
    prepared = [(row, files(row, stage.directory, seconds)) for row in rows]
    longest = 0.0
    for number in range(1, rounds + 1):
        if stage.deadline.left() < longest:
            stage.note(f"{number - 1} of {rounds} rounds: out of time")
            return
        began = time.monotonic()
        stage.say(f"round {number} of {rounds}")
        _round(stage, _turned(peers, number), prepared, seconds, number, out)
        longest = max(longest, time.monotonic() - began)


def _turned(peers: Sequence[Peer], number: int) -> list[Peer]:
    """Another server goes first in each round."""
    first = (number - 1) % max(1, len(peers))
    return [*peers[first:], *peers[:first]]


def _round(
    stage: Stage,
    peers: Sequence[Peer],
    prepared: Sequence[tuple[Row, Files]],
    seconds: float,
    number: int,
    out: Results,
) -> None:
    with contextlib.ExitStack() as stack:
        seats = [seat for peer in peers if (seat := _take_seat(stage, peer, stack))]
        out.starts.extend(Start(seat.peer.name, number, seat.first_answer) for seat in seats)
        for row, chosen in prepared:
            for seat in seats:
                sample = _try(stage, seat, row, chosen, seconds, number)
                out.samples.extend([sample] if sample else [])


def _take_seat(stage: Stage, peer: Peer, stack: contextlib.ExitStack) -> Seat | None:
    try:
        return stack.enter_context(seated(stage, peer))
    except StartError as error:
        stage.note(f"{peer.name} did not start: {error}")
        return None


def _try(stage: Stage, seat: Seat, row: Row, chosen: Files, seconds: float, number: int) -> Sample | None:
    if stage.deadline.left() < 2 * seconds + 2:
        stage.note(f"{row.key} in round {number}: {seat.peer.name} left out, out of time")
        return None
    try:
        sample = measure(stage, seat, row, chosen, seconds, number)
    except (LoadError, StartError) as error:
        stage.note(f"{row.key}: {seat.peer.name}: {error}")
        return None
    stage.say(progress(sample))
    return sample


def count_losses(stage: Stage, peers: Sequence[Peer], queries: int, out: Results) -> None:
    """Each server alone, asked by the Python generator, which checks identity and question of each answer."""
    row = Row("lost", "", 0, warm=True)
    path = files(row, stage.directory, 1).full
    for peer in peers:
        if stage.deadline.left() < 10:
            stage.note(f"lost: {peer.name} left out, out of time")
            continue
        try:
            with seated(stage, peer) as seat:
                load = Load(seat.port, path, seconds=queries / _LOSS_RATE, rate=_LOSS_RATE, window=1_000)
                outcome = PythonGenerator().run(load)
        except (LoadError, StartError) as error:
            stage.note(f"lost: {peer.name}: {error}")
            continue
        out.losses.append(LossCount(peer.name, outcome.sent, outcome.lost, outcome.failed))
