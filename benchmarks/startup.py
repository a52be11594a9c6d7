"""What many zones cost before anybody asks for them: ``python -m benchmarks.startup [--zones 1,1000,10000]``.

For each number of zones, as server blocks, as lines of one block and as keys of one block: seconds from exec to the
first answer, processor time until then, resident memory, how much of it each zone takes, how long a scrape takes, and
how long the slowest of the queries waits that are asked every millisecond during a reload.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import question
from benchmarks.processes import Running, StartError, free_ports, running, seconds_to_answer
from benchmarks.responder import Responder

_ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 60.0  # seconds for a start or a reload
_PAUSE = 0.001  # seconds between two queries during a reload
_RELOADED = "Reloading complete"
_COLUMNS = ("form", "zones", "first answer", "CPU", "RSS", "per zone", "scrape", "reload", "slowest answer")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server, its metrics and its upstream are."""

    dns: int
    metrics: int
    upstream: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one configuration costs. Times in seconds, memory in KiB; ``wait`` is the slowest answer in a reload."""

    first_answer: float
    cpu: float
    resident: int
    scrape: float
    reload: float
    wait: float


def blocks(count: int, ports: Ports) -> str:
    """A server block for each zone."""
    lines = f"    errors\n    cache 30\n    forward . 127.0.0.1:{ports.upstream}\n"
    zones = (f"z{number}.bench.test:{ports.dns} {{\n{lines}}}\n" for number in range(count))
    return f".:{ports.dns} {{\n    prometheus 127.0.0.1:{ports.metrics}\n{lines}}}\n{''.join(zones)}"


def lines(count: int, ports: Ports) -> str:
    """One server block with a ``forward`` line for each zone."""
    zones = (f"    forward z{number}.bench.test 127.0.0.1:{ports.upstream}\n" for number in range(count))
    return f"{_head(ports)}{''.join(zones)}    forward . 127.0.0.1:{ports.upstream}\n}}\n"


def keys(count: int, ports: Ports) -> str:
    """One server block that names all zones."""
    zones = (f"z{number}.bench.test:{ports.dns},\n" for number in range(count))
    return f"{''.join(zones)}{_head(ports)}    forward . 127.0.0.1:{ports.upstream}\n}}\n"


def _head(ports: Ports) -> str:
    return f".:{ports.dns} {{\n    prometheus 127.0.0.1:{ports.metrics}\n    errors\n    cache 30\n"


FORMS = {"blocks": blocks, "lines": lines, "keys": keys}


def measure(form: str, count: int, directory: Path) -> Figures:
    """Start the server with so many zones, scrape it, reload it. Raises StartError."""
    upstream = Responder()
    serving = threading.Thread(target=upstream.serve)
    serving.start()
    try:
        dns, metrics = free_ports(2)
        corefile = directory / "Corefile"
        corefile.write_text(FORMS[form](count, Ports(dns, metrics, upstream.port)))
        command = [sys.executable, "-m", "resolver", "-conf", str(corefile), "-quiet"]
        name = f"{form}{count}"
        with running(name, command, os.sched_getaffinity(0), directory, {"PYTHONPATH": str(_ROOT)}) as server:
            first_answer = seconds_to_answer(server, dns, question("n.bench.test"), _PATIENCE)
            cpu, resident = server.cpu_seconds(), server.resident_kib()
            scrape = _scrape(metrics)
            began = time.monotonic()
            wait = _reload(server, directory / f"{name}.log", dns)
            return Figures(first_answer, cpu, resident, scrape, time.monotonic() - began, wait)
    finally:
        upstream.stop()
        serving.join()


def _scrape(port: int) -> float:
    """Seconds that the second of two scrapes takes; the first one imports what it needs."""
    for _ in range(2):
        began = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_PATIENCE) as answer:
            answer.read()
    return time.monotonic() - began


def _reload(server: Running, log: Path, port: int) -> float:
    """Seconds that the slowest query waits which is asked while the server reloads. Raises StartError."""
    os.kill(server.pids()[0], signal.SIGUSR1)
    limit = time.monotonic() + _PATIENCE
    slowest = 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        while _RELOADED not in log.read_text():
            if time.monotonic() > limit:
                raise StartError(f"no reload within {_PATIENCE:.0f} s")
            slowest = max(slowest, _asked(client))
            time.sleep(_PAUSE)
    return slowest


def _asked(client: socket.socket) -> float:
    began = time.monotonic()
    client.send(question("n.bench.test"))
    if not select.select([client], [], [], _PATIENCE)[0]:
        raise StartError("a query was lost")
    client.recv(4096)
    return time.monotonic() - began


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--zones", type=_numbers, default=(1, 1000, 10_000), metavar="N,N,...")
    parser.add_argument("--forms", type=_forms, default=tuple(FORMS), metavar="FORMS", help=f"of {','.join(FORMS)}")
    options = parser.parse_args(words)
    print("  ".join(f"{column:>14}" for column in _COLUMNS))
    try:
        with tempfile.TemporaryDirectory(prefix="resolver-startup-") as directory:
            for form in options.forms:
                _table(form, options.zones, Path(directory))
    except (StartError, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _table(form: str, counts: Sequence[int], directory: Path) -> None:
    least: tuple[int, int] | None = None
    for count in counts:
        found = measure(form, count, directory)
        least = least or (count, found.resident)
        per_zone = "-" if count == least[0] else f"{(found.resident - least[1]) * 1024 / (count - least[0]):,.0f} B"
        cells = (
            form, f"{count:,}", f"{found.first_answer:.2f} s", f"{found.cpu:.2f} s", f"{found.resident / 1024:.0f} MiB",
            per_zone, f"{found.scrape * 1000:.0f} ms", f"{found.reload:.2f} s", f"{found.wait * 1000:.0f} ms",
        )  # fmt: skip
        print("  ".join(f"{cell:>14}" for cell in cells), flush=True)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(word) for word in text.split(","))
    if not all(1 <= number <= 15_000 for number in numbers):
        raise argparse.ArgumentTypeError("between 1 and 15000: a configuration file is at most 1 MiB")
    return numbers


def _forms(text: str) -> tuple[str, ...]:
    unknown = [word for word in text.split(",") if word not in FORMS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such form: {', '.join(unknown)}")
    return tuple(text.split(","))


if __name__ == "__main__":
    sys.exit(main())
