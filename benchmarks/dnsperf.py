"""Drive dnsperf and read its report."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from benchmarks.outcome import Load, LoadError, Outcome, percentile

_NUMBER = r"\s+([0-9]+)"
_FIELDS = {
    "sent": re.compile("Queries sent:" + _NUMBER),
    "answered": re.compile("Queries completed:" + _NUMBER),
    "seconds": re.compile(r"Run time \(s\):\s+([0-9.]+)"),
}
_NOERROR = re.compile(r"NOERROR ([0-9]+)")


class Dnsperf:
    """dnsperf with one pair of threads; inherits the caller's CPU affinity."""

    def __init__(self, program: str, scratch: Path) -> None:
        self._program = program
        self._scratch = scratch

    @property
    def name(self) -> str:
        return version(self._program)

    @property
    def encrypts(self) -> bool:
        return True

    def run(self, load: Load) -> Outcome:
        with tempfile.TemporaryFile("w+", dir=self._scratch) as output:
            self._execute(arguments(load), output, patience=load.seconds + load.timeout + 20)
            output.seek(0)
            return parse(output)

    def _execute(self, words: list[str], output: IO[str], patience: float) -> None:
        try:
            done = subprocess.run(
                [self._program, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LoadError(f"dnsperf did not end within {patience:.0f} s") from error
        if done.returncode != 0:
            raise LoadError(f"dnsperf ended with status {done.returncode}: {done.stderr.strip()[-200:]}")


def find(scratch: Path) -> Dnsperf | None:
    program = shutil.which("dnsperf")
    return Dnsperf(program, scratch) if program else None


def version(program: str) -> str:
    shown = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10, check=False)
    found = re.search(r"Version ([0-9.]+)", shown.stdout + shown.stderr)
    return f"dnsperf {found.group(1)}" if found else "dnsperf"


def arguments(load: Load) -> list[str]:
    """The command line for ``load``; the latency of each query needs ``-v``, affordable at a fixed rate only."""
    words = ["-s", "127.0.0.1", "-p", str(load.port), "-d", str(load.names), "-l", f"{load.seconds:.2f}"]
    words += ["-c", str(load.clients), "-T", "1", "-q", str(load.window), "-t", f"{load.timeout:.2f}"]
    mode = load.mode or ("tcp" if load.tcp else "")
    words += ["-m", mode] if mode else []
    words += ["-n", "1"] if load.once else []
    words += ["-D"] if load.dnssec else []
    words += ["-v", "-Q", str(load.rate)] if load.rate else []
    return [*words, "-O", "suppress=timeouts,congestion,sendfailed,sockready,unexpected"]


def parse(lines: Iterable[str]) -> Outcome:
    """Read dnsperf's report, with or without the lines of ``-v`` ("> RCODE NAME TYPE SECONDS")."""
    latencies: list[float] = []
    report: list[str] = []
    for line in lines:
        if line.startswith("> "):
            latencies.extend(_latency(line))
        else:
            report.append(line)
    return _summary("".join(report), sorted(latencies))


def _latency(line: str) -> list[float]:
    words = line.split()
    if len(words) < 5 or words[1] in ("T", "I"):
        return []
    return [float(words[-1]) * 1e6]


def _summary(report: str, ordered: list[float]) -> Outcome:
    values = {name: _field(pattern, report) for name, pattern in _FIELDS.items()}
    good = _NOERROR.search(report)
    answered = int(values["answered"])
    return Outcome(
        sent=int(values["sent"]),
        answered=answered,
        failed=answered - (int(good.group(1)) if good else 0),
        seconds=float(values["seconds"]),
        p50=percentile(ordered, 0.50),
        p99=percentile(ordered, 0.99),
    )


def _field(pattern: re.Pattern[str], report: str) -> str:
    found = pattern.search(report)
    if not found:
        raise LoadError(f"dnsperf's report has no line like {pattern.pattern!r}")
    return found.group(1)
