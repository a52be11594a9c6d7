"""What hardening costs: policy, audit and ratelimit beside the same block without them; encryption beside the peers."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks import names, secured
from benchmarks.measure import CACHED_NAMES, Files, Row, Sample, measure, progress
from benchmarks.names import ZONE
from benchmarks.outcome import LoadError
from benchmarks.peers import corefile, ours
from benchmarks.peers.base import Peer, Setup
from benchmarks.processes import StartError, free_ports
from benchmarks.results import Results
from benchmarks.stage import Stage, seated

WITHOUT, WITH = "without", "with"
POLICY = Row("policy", "cached answers under a policy of 10,000 rules, UDP", 30_000)
AUDIT = Row("audit", "cached answers, each with a line in a file, UDP", 30_000, least=4.0)
RATELIMIT = Row("ratelimit", "cached answers under a limit that nobody reaches, UDP", 30_000)
DOT = Row("dot", "cached answers, 10,000 names, over TLS", 10_000, mode="dot")
DOH = Row("doh", "cached answers, 10,000 names, over HTTPS", 2_000, mode="doh")
UPSTREAMS = Row("upstreams", "misses, every name new, from encrypted upstreams, UDP", 1_000, once=True)
LIMITS, LISTENERS = (POLICY, AUDIT, RATELIMIT), (DOT, DOH)
HARDENED = (*LIMITS, *LISTENERS, UPSTREAMS)

RULES = 10_000
_FASTEST_MISSES = 60_000
_WINDOWS = {"dot": 100, "doh": 16}


@dataclass(frozen=True, slots=True)
class Added:
    """``directive`` is what the server block has beside the usual in each of its variants."""

    row: Row
    directives: dict[str, Callable[[Setup], str]]


def play(stage: Stage, peers: Sequence[Peer], keys: Sequence[str], seconds: float, out: Results) -> None:
    """Each row whose key is wanted."""
    known = names.write(stage.directory / "hardened.txt", names.cached(CACHED_NAMES))
    repeats = Files(known, known, known)
    for added in ADDED:
        if added.row.key in keys and any(peer.name == ours.PEER.name for peer in peers):
            _limits(stage, added, repeats, seconds, out)
    if not {row.key for row in (*LISTENERS, UPSTREAMS)} & set(keys):
        return
    try:
        pair = certificate(stage.directory)
    except StartError as error:
        stage.note(f"dot, doh, upstreams: {error}")
        return
    for row in LISTENERS:
        if row.key in keys:
            _listeners(stage, peers, row, repeats, pair, seconds, out)
    if UPSTREAMS.key in keys:
        _upstreams(stage, peers, pair, seconds, out)


def certificate(directory: Path) -> secured.Pair:
    """A certificate for 127.0.0.1 that is its own authority, good for a day. Raises StartError."""
    program = shutil.which("openssl")
    if program is None:
        raise StartError("openssl is not installed")
    pair = secured.Pair(directory / "bench.crt", directory / "bench.key")
    words = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    words += ["-subj", f"/CN={secured.HOST}", "-addext", f"subjectAltName=DNS:{secured.HOST},IP:127.0.0.1"]
    words += ["-keyout", str(pair.key), "-out", str(pair.certificate)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"openssl: {error}") from error
    if done.returncode:
        raise StartError(f"openssl: {done.stderr.strip()[-200:]}")
    return pair


# --- policy, audit, ratelimit


def _limits(stage: Stage, added: Added, files: Files, seconds: float, out: Results) -> None:
    for variant, directive in added.directives.items():
        with _noted(stage, added.row, f"ours {variant}", max(seconds, added.row.least) + seconds + 8) as is_on:
            if is_on:
                setups: list[Setup] = []
                with seated(stage, replace(ours.PEER, command=_with(directive, setups))) as seat:
                    lines = Lines(partial(_lines_of, setups[0].spare_port))
                    settle = lines.settle if added.row is AUDIT and variant == WITH else _at_once
                    sample = measure(stage, seat, added.row, files, seconds, variant=variant, settle=settle)
                    _keep(stage, out, sample)
                    for words in lines.objections(sample.sent - sample.lost):
                        stage.note(f"audit: {words}")


class Lines:
    """What became of the lines of an audit: one that leaves lines out, or for later, is faster than one that writes.

    ``read`` gives how many were lost and written until now. Raises LoadError where that cannot be found out.
    """

    def __init__(self, read: Callable[[], tuple[int, int]], pause: float = 0.1, patience: float = 10.0) -> None:
        self._read = read
        self._pause = pause
        self._turns = int(patience / pause)
        self._seen: list[tuple[int, int]] = []

    def settle(self) -> None:
        """Wait until no more lines are written."""
        found = self._read()
        for _ in range(self._turns):
            time.sleep(self._pause)
            before, found = found, self._read()
            if found == before:
                break
        else:
            raise LoadError("lines are still being written long after the load")
        self._seen.append(found)

    def objections(self, answers: int) -> Iterator[str]:
        """What speaks against the figures of so many answers."""
        if len(self._seen) < 2:
            return
        dropped, written = (last - first for first, last in zip(self._seen[0], self._seen[-1], strict=True))
        if dropped:
            yield f"{dropped:,} of {dropped + written:,} lines were lost, and counted as such"
        if dropped + written < answers:
            yield f"{answers - dropped - written:,} of {answers:,} answers have no line, and nobody counted them"


def _at_once() -> None:
    """There is nothing to wait for."""


def _lines_of(port: int) -> tuple[int, int]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            return lines_counted(page.read().decode())
    except OSError as error:
        raise LoadError(f"how many lines were lost is not known: {error}") from error


def lines_counted(metrics: str) -> tuple[int, int]:
    """Audit lines that were lost, and those that were written."""
    found = [
        sum(float(value) for value in re.findall(rf"^coredns_audit_{name}_total\{{.*\}} (\S+)$", metrics, re.MULTILINE))
        for name in ("dropped", "lines")
    ]
    return int(found[0]), int(found[1])


def _with(directive: Callable[[Setup], str], setups: list[Setup]) -> Callable[[Setup], list[str]]:
    """The server with one directive more; what it was set up with is added to ``setups``."""

    def command(setup: Setup) -> list[str]:
        setups.append(setup)
        return ours.command(setup, extended(setup, directive(setup)))

    return command


def extended(setup: Setup, directive: str) -> str:
    """The Corefile of all other rows with one directive more."""
    return corefile.corefile(setup).replace("    errors\n", f"    errors\n{directive}", 1)


def _rules(setup: Setup, clients: str = "") -> str:
    """Everything is denied but 10,000 names, by a rule each."""
    allowed = [f"start.{ZONE}", *names.cached(RULES - 1), f"n{RULES - 1}.{ZONE}"]
    path = setup.write("rules.txt", "".join(f"allow {name}{clients}\n" for name in allowed))
    return f"    policy {{\n        default deny\n        rules {path}\n    }}\n"


def _rules_for_clients(setup: Setup) -> str:
    return _rules(setup, " net 127.0.0.0/8")


def _nothing(setup: Setup) -> str:
    return ""


def _audit(setup: Setup) -> str:
    path = setup.directory / "audit.log"
    return f"    audit {{\n        file {path} {{\n            max_size 64MiB\n            keep 1\n        }}\n    }}\n"


def _ratelimit(setup: Setup) -> str:
    return "    ratelimit 1000000\n"


ADDED = (
    Added(POLICY, {WITHOUT: _nothing, WITH: _rules, "with, rules for a network": _rules_for_clients}),
    Added(AUDIT, {WITHOUT: _nothing, WITH: _audit}),
    Added(RATELIMIT, {WITHOUT: _nothing, WITH: _ratelimit}),
)


# --- encryption


def _listeners(
    stage: Stage, peers: Sequence[Peer], row: Row, files: Files, pair: secured.Pair, seconds: float, out: Results
) -> None:
    """Repeats over encrypted connections, from those of the servers that have them."""
    if not stage.generator.encrypts:
        stage.note(f"{row.key}: dnsperf is not installed, and the Python generator has no TLS")
        return
    for peer in peers:
        listening = secured.LISTENING.get(peer.name)
        if listening is None:
            continue
        if row is DOH and peer.name in secured.WITHOUT_DOH:
            stage.note(f"{row.key}: {peer.name} left out: {secured.WITHOUT_DOH[peer.name]}")
            continue
        with _noted(stage, row, peer.name, 2 * seconds + 8) as is_on:
            if is_on:
                _listener(stage, peer, row, files, listening(row.mode, pair, free_ports(1)[0]), seconds, out)


def _listener(
    stage: Stage, peer: Peer, row: Row, files: Files, chosen: secured.Secured, seconds: float, out: Results
) -> None:
    with seated(stage, replace(peer, command=chosen.command)) as seat:
        asked = replace(seat, port=chosen.port)
        _keep(stage, out, measure(stage, asked, replace(row, window=_WINDOWS[row.mode]), files, seconds))


def _upstreams(stage: Stage, peers: Sequence[Peer], pair: secured.Pair, seconds: float, out: Results) -> None:
    """Misses over each protocol, from upstreams of loopback."""
    for scheme in secured.SCHEMES:
        with _noted(stage, UPSTREAMS, scheme, 2 * seconds + 8) as is_on:
            if is_on:
                with secured.behind(stage.directory, scheme, pair, stage.cores.upstream) as behind:
                    staged = replace(stage, upstream=behind)
                    _misses(staged, peers, scheme, pair, seconds, out)


def _misses(stage: Stage, peers: Sequence[Peer], scheme: str, pair: secured.Pair, seconds: float, out: Results) -> None:
    for peer in peers:
        asking = secured.ASKING.get((peer.name, scheme))
        if asking is None:
            if peer.name in secured.LISTENING:
                stage.note(f"{UPSTREAMS.key}: {peer.name} {peer.version()} has no {scheme} upstreams")
            continue
        label = f"{peer.name} {scheme}"
        with _noted(stage, UPSTREAMS, label, 2 * seconds + 6) as is_on:
            if is_on:
                command = asking(scheme, pair)
                with seated(stage, replace(peer, command=command)) as seat:
                    files = _new(stage, peer.name, scheme, seconds)
                    _keep(stage, out, measure(stage, seat, UPSTREAMS, files, seconds, variant=scheme))


def _new(stage: Stage, server: str, scheme: str, seconds: float) -> Files:
    counts = {"f": int(seconds * _FASTEST_MISSES), "s": int((seconds + 1) * UPSTREAMS.rate)}
    made = [
        names.write(
            stage.directory / f"upstreams-{run}.txt", names.new(f"{run}-{server}-{scheme.partition(':')[0]}-", count)
        )
        for run, count in counts.items()
    ]
    return Files(made[0], made[1])


@contextmanager
def _noted(stage: Stage, row: Row, what: str, needed: float) -> Iterator[bool]:
    """Whether there is time left; what fails within is a note, not the end of the run."""
    if stage.deadline.left() < needed:
        stage.note(f"{row.key}: {what} left out, out of time")
        yield False
        return
    try:
        yield True
    except (LoadError, StartError) as error:
        stage.note(f"{row.key}: {what}: {error}")


def _keep(stage: Stage, out: Results, sample: Sample) -> None:
    out.samples.append(sample)
    stage.say(progress(sample))
