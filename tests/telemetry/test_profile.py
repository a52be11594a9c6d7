"""Profiles as files, and the sampling that fills them."""

from __future__ import annotations

import gzip
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resolver.errors import ResolverError
from resolver.telemetry import profile as module
from resolver.telemetry.profile import Kind, Place, Profile
from resolver.telemetry.sampling import CPU, Sampler
from tests.support.protobuf import fields, packed, repeated

INNER, OUTER = Place("inner", "a.py", 3, 1), Place("Outer.run", "b.py", 9, 5)
GO = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))


def made() -> Profile:
    profile = Profile((Kind("samples", "count"), Kind("cpu", "nanoseconds")), 17, 2_000_000_000, 10_000_000)
    profile.add((INNER, OUTER), (1, 10_000_000))
    profile.add((INNER, OUTER), (2, 30_000_000))
    profile.add((OUTER,), (1, 10_000_000))
    return profile


def test_stacks_are_added_up() -> None:
    assert made().stacks == {(INNER, OUTER): [3, 40_000_000], (OUTER,): [1, 10_000_000]}


def test_collapsed_lines_begin_with_the_outermost_call() -> None:
    assert made().collapsed().splitlines() == [
        b"Outer.run (b.py:9) 10000000",
        b"Outer.run (b.py:9);inner (a.py:3) 40000000",
    ]


def test_the_file_holds_stacks_and_names() -> None:
    octets = gzip.decompress(made().pprof())
    texts = [text.decode() for text in repeated(octets, 6)]
    samples = [fields(sample) for sample in repeated(octets, 2)]
    places = {one[1]: fields(one[4]) for one in map(fields, repeated(octets, 4))}
    functions = {one[1]: one for one in map(fields, repeated(octets, 5))}
    assert texts[0] == ""
    assert [packed(sample[2]) for sample in samples] == [[3, 40_000_000], [1, 10_000_000]]
    line = places[packed(samples[0][1])[0]]
    function = functions[line[1]]
    assert (line[2], texts[function[2]], texts[function[4]], function[5]) == (3, "inner", "a.py", 1)


def test_the_number_of_stacks_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STACKS", 3)
    profile = Profile(CPU)
    for line in range(10):
        profile.add((Place("f", "a.py", line),), (1, 1))
    assert len(profile.stacks) == 4
    assert profile.stacks[(Place("(other stacks)", "", 0),)] == [7, 7]


@pytest.mark.skipif(GO is None, reason="needs go")
def test_go_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(made().pprof())
    command = [str(GO), "tool", "pprof", "-top", str(tmp_path / "p")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Total samples = 50ms" in done.stdout
    assert "Outer.run" in done.stdout


def burn(seconds: float) -> int:
    until, number = time.process_time() + seconds, 0
    while time.process_time() < until:
        number += 1
    return number


async def test_busy_functions_are_seen() -> None:
    sampler = Sampler()
    running = sampler.run(0.01)
    running.send(None)  # begins to look, and waits
    burn(0.3)
    running.close()
    seen = sum(values[1] for stack, values in sampler.profile.stacks.items() if stack[0].function == "burn")
    assert seen > 0.1e9
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


async def test_one_profile_at_a_time() -> None:
    first = Sampler().run(0.01)
    first.send(None)
    with pytest.raises(ResolverError, match="under way"):
        await Sampler().run(0.01)
    first.close()
    assert (await Sampler().run(0.01)).duration >= 10_000_000
