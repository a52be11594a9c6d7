from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.clients import BatchClient, PlainClient
from benchmarks.load import Ledger, PythonGenerator, main, read_bodies
from benchmarks.names import cached, question, write
from benchmarks.outcome import Load, LoadError
from benchmarks.responder import Responder, answer

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def responding(drop: Callable[[int], bool] = lambda number: False) -> Iterator[int]:
    responder = Responder(drop=drop)
    thread = threading.Thread(target=responder.serve)
    thread.start()
    try:
        yield responder.port
    finally:
        responder.stop()
        thread.join()


@pytest.fixture
def names(tmp_path: Path) -> Path:
    return write(tmp_path / "names", cached(200))


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_counts_what_was_answered(names: Path, tcp: bool) -> None:
    with responding() as port:
        outcome = PythonGenerator().run(Load(port, names, seconds=10, once=True, tcp=tcp))
    assert (outcome.sent, outcome.answered, outcome.lost, outcome.failed) == (200, 200, 0, 0)
    assert outcome.p50 is not None
    assert outcome.p99 is not None
    assert outcome.p50 <= outcome.p99


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_counts_what_was_lost(names: Path, tcp: bool) -> None:
    with responding(drop=lambda number: number % 10 == 0) as port:
        outcome = PythonGenerator().run(Load(port, names, seconds=10, once=True, tcp=tcp, timeout=0.1))
    assert (outcome.sent, outcome.answered, outcome.lost) == (200, 180, 20)


def test_counts_everything_as_lost_where_nobody_answers(names: Path) -> None:
    with responding(drop=lambda number: True) as port:
        outcome = PythonGenerator().run(Load(port, names, seconds=10, once=True, window=200, timeout=0.05))
    assert (outcome.sent, outcome.answered, outcome.lost) == (200, 0, 200)


def test_ends_after_its_seconds(names: Path) -> None:
    with responding() as port:
        outcome = PythonGenerator().run(Load(port, names, seconds=0.1, rate=1000))
    assert 0 < outcome.sent <= 120
    assert outcome.lost == 0


def test_refuses_a_closed_tcp_port(names: Path) -> None:
    with responding() as port:
        pass
    with pytest.raises(LoadError):
        PythonGenerator().run(Load(port, names, seconds=0.1, tcp=True))


@pytest.mark.parametrize("client", [BatchClient, PlainClient])
def test_sends_through_either_kind_of_socket(client: type[BatchClient | PlainClient]) -> None:
    with responding() as port:
        asking = client(port)
        asking.send([question("a.bench.test", 7)])
        answers: list[bytes] = []
        for _ in range(100_000):
            answers += asking.receive()
            if answers:
                break
        asking.close()
    assert answers == [answer(question("a.bench.test", 7))]


def test_counts_no_answer_to_another_question() -> None:
    ledger = Ledger([question("a.bench.test")[2:]], timeout=1, once=True)
    (query,) = ledger.take(10, now=0)
    wrong = answer(query[:2] + question("b.bench.test")[2:])
    assert wrong is not None
    ledger.settle(wrong, now=0.5)
    ledger.settle(query, now=0.5)
    assert (ledger.outstanding, ledger.strange) == (1, 2)


def test_counts_an_error_answer_as_failed_and_a_late_one_as_lost() -> None:
    ledger = Ledger([question("a.bench.test")[2:]], timeout=1, once=False)
    first, second = ledger.take(2, now=0)
    refused = answer(first)
    assert refused is not None
    ledger.settle(refused[:3] + b"\x85" + refused[4:], now=0.25)
    ledger.expire(now=2)
    late = answer(second)
    assert late is not None
    ledger.settle(late, now=2)
    outcome = ledger.outcome(seconds=2)
    assert (outcome.sent, outcome.answered, outcome.failed, outcome.lost) == (2, 1, 1, 1)
    assert outcome.p50 == pytest.approx(250_000)


def test_refuses_a_file_of_other_types(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("a.bench.test MX\n")
    with pytest.raises(LoadError, match="NAME A"):
        read_bodies(tmp_path / "names")


def test_prints_one_line(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with responding() as port:
        assert main(["--port", str(port), "--names", str(names), "--once"]) == 0
    assert capsys.readouterr().out.startswith("queries 200 answered 200 lost 0 failed 0 ")


def test_it_is_a_command() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--rate" in shown.stdout
