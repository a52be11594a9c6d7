from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.responder import Responder

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "dig-load"

needs_dig = pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")


def dig_load(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(SCRIPT), *words], capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def port() -> Iterator[int]:
    """A server that leaves every fifth query without an answer."""
    responder = Responder(drop=lambda number: number % 5 == 0)
    thread = threading.Thread(target=responder.serve)
    thread.start()
    yield responder.port
    responder.stop()
    thread.join()


@needs_dig
def test_counts_answers_and_losses(port: int) -> None:
    shown = dig_load("-p", str(port), "-n", "5", "-j", "2", "-t", "1")
    assert shown.stdout.startswith("queries 5 answered 4 lost 1 seconds "), shown.stderr


@needs_dig
def test_asks_over_tcp(port: int, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("one.bench.test A\ntwo.bench.test AAAA\n")
    shown = dig_load("-p", str(port), "-n", "4", "-j", "1", "-T", "-f", str(tmp_path / "names"))
    assert shown.stdout.startswith("queries 4 answered 4 lost 0 "), shown.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-s", "192.0.2.1"], "only loopback"),
        (["-n", "0"], "-n must be a number from 1 to 200000"),
        (["-n", "many"], "-n must be a number"),
        (["-j", "17"], "-j must be a number from 1 to 16"),
        (["-f", "/nonexistent"], "missing or empty"),
    ],
)
def test_refuses_what_is_out_of_bounds(words: list[str], message: str) -> None:
    shown = dig_load(*words)
    assert shown.returncode == 1
    assert message in shown.stderr
