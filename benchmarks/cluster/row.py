"""A cluster of 10,000 Services: first sync, memory, queries/s on its names, and how soon a change is answered."""

from __future__ import annotations

import contextlib
import json
import select
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import names
from benchmarks.cluster import objects
from benchmarks.measure import Files, Row, measure, progress
from benchmarks.outcome import LoadError, percentile
from benchmarks.peers import coredns, ours
from benchmarks.peers.base import Peer
from benchmarks.processes import Running, StartError, free_ports, running, seconds_to_answer
from benchmarks.results import ClusterFigures, Results
from benchmarks.stage import Seat, Stage

CLUSTER = Row("cluster", "names of a cluster of 10,000 Services", 10_000)
ONCE = Row("cluster", CLUSTER.title, 10_000, once=True)
AGAIN, FIRST, CHANGING = "every name again", "each name once", "again, amid changes"

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 90.0  # seconds for the first sync
_SETTLING = 0.5  # seconds until changes flow, and until the last of them is answered
_PAUSE = 0.02  # seconds between two attempts to connect
_POLL = 0.001  # seconds between two questions for the probe


@dataclass(frozen=True, slots=True)
class Size:
    """How large the cluster is, and how much changes for how many seconds."""

    services: int = 10_000
    endpoints: int = 10
    rate: int = 1_000
    seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that can be measured; ``command`` is what comes before the Corefile's path."""

    peer: Peer
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.peer.name


def candidates() -> list[Candidate]:
    """Ours, and a CoreDNS with the kubernetes plugin where one is installed."""
    found = [Candidate(ours.PEER, (sys.executable, "-m", "resolver", "-quiet", "-conf"))]
    program = shutil.which("coredns-kube") or shutil.which("coredns")
    if program:
        found.append(Candidate(coredns.PEER, (program, "-quiet", "-conf")))
    return found


def play(stage: Stage, size: Size, seconds: float, out: Results) -> None:
    """Each server after the other, with an API server of its own."""
    for candidate in candidates():
        if stage.deadline.left() < 30:
            stage.note(f"cluster: {candidate.name} left out, out of time")
            continue
        try:
            with _api(stage, size, candidate.name) as api, _server(stage, candidate, api) as seat:
                _measure(stage, seat, api, size, seconds, out)
        except (LoadError, StartError, OSError) as error:
            stage.note(f"cluster: {candidate.name}: {error}")


@contextlib.contextmanager
def _api(stage: Stage, size: Size, whose: str) -> Iterator[int]:
    (port,) = free_ports(1)
    directory = stage.directory / f"api-{whose}"
    directory.mkdir()
    words = [str(port), str(size.services), str(size.endpoints)]
    command = [sys.executable, "-m", "benchmarks.cluster.api", *words]
    with running("api", command, stage.cores.load, directory, {"PYTHONPATH": str(_ROOT)}) as api:
        wait_until_listening(api, port)
        yield port


def wait_until_listening(api: Running, port: int) -> None:
    """Raises StartError when the API ends or stays silent instead."""
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        api.check_alive()
        time.sleep(_PAUSE)
    raise StartError("the API does not listen")


@contextlib.contextmanager
def _server(stage: Stage, candidate: Candidate, api: int) -> Iterator[Seat]:
    """A server that was asked for the last endpoint that it hears of, so that it knows everything."""
    port, metrics = free_ports(2)
    directory = stage.directory / f"cluster-{candidate.name}"
    directory.mkdir()
    corefile = directory / "Corefile"
    corefile.write_text(f""".:{port} {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:{metrics}
    kubernetes {objects.ZONE} in-addr.arpa {{
        endpoint http://127.0.0.1:{api}
        startup_timeout {_PATIENCE:.0f}s
    }}
    loadbalance
}}
""")
    command = [*candidate.command, str(corefile)]
    with running(candidate.name, command, stage.cores.server, directory, candidate.peer.environment) as server:
        first = seconds_to_answer(server, port, names.question(objects.PROBE_NAME), _PATIENCE)
        yield Seat(candidate.peer, port, server, first)


def _measure(stage: Stage, seat: Seat, api: int, size: Size, seconds: float, out: Results) -> None:
    synced_kib, synced_cpu = seat.server.resident_kib(), seat.server.cpu_seconds()
    services = names.write(stage.directory / "services.txt", objects.service_names(size.services))
    endpoints = names.write(stage.directory / "endpoints.txt", objects.endpoint_names(size.services, size.endpoints))
    again = Files(services, services, services)
    once = Files(*_halves(endpoints))
    for row, files, variant in ((ONCE, once, FIRST), (CLUSTER, again, AGAIN)):
        sample = measure(stage, seat, row, files, seconds, variant=variant)
        out.samples.append(sample)
        stage.say(progress(sample))
    waits = _changes(seat, api, size)
    _tell(api, f"/bench/change?rate={size.rate}&seconds={3 * seconds + 4}")
    time.sleep(_SETTLING)
    sample = measure(stage, seat, CLUSTER, Files(services, services), seconds, variant=CHANGING)
    out.samples.append(sample)
    stage.say(progress(sample))
    figures = ClusterFigures(
        seat.peer.name, seat.first_answer, synced_cpu, synced_kib / 1024, len(waits),
        percentile(waits, 0.5), percentile(waits, 0.99), waits[-1] if waits else None,
    )  # fmt: skip
    out.clusters.append(figures)


def _halves(path: Path) -> tuple[Path, Path]:
    """Different names for the full load and for the one at a fixed rate."""
    lines = path.read_text().splitlines(keepends=True)
    middle = len(lines) * 3 // 4
    parts = path.with_suffix(".full"), path.with_suffix(".steady")
    parts[0].write_text("".join(lines[:middle]))
    parts[1].write_text("".join(lines[middle:]))
    return parts


def _changes(seat: Seat, api: int, size: Size) -> list[float]:
    """Seconds from the sending of a change to the first answer that shows it, in ascending order."""
    _tell(api, f"/bench/change?rate={size.rate}&seconds={size.seconds}")
    seen: dict[int, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", seat.port))
        limit = time.monotonic() + size.seconds + _SETTLING
        while (now := time.monotonic()) < limit:
            client.send(names.question(objects.PROBE_NAME, int(now * 1000) & 0xFFFF))
            if select.select([client], [], [], 1)[0]:
                number = _probe_number(client.recv(4096))
                for earlier in range(max(seen, default=0) + 1, number + 1):
                    seen[earlier] = time.monotonic()
            time.sleep(_POLL)
    sent = dict(json.loads(_tell(api, "/bench/changes")))
    return sorted(seen[number] - when for number, when in sent.items() if number in seen)


def _probe_number(answer: bytes) -> int:
    """What the last address in the answer says; 0 for an answer without one."""
    return int.from_bytes(answer[-3:], "big") if answer[3] & 15 == 0 and answer[7] else 0


def _tell(api: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{api}{path}", timeout=10) as answer:
        found: bytes = answer.read()
    return found
