"""Directives that answer or change names, beside CoreDNS with the same Corefile: rewrite, template, hosts."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import names
from benchmarks.measure import CACHED_NAMES, Files, Row, measure, progress
from benchmarks.names import ZONE
from benchmarks.outcome import LoadError
from benchmarks.peers.base import Peer, Setup
from benchmarks.processes import StartError
from benchmarks.results import Results
from benchmarks.stage import Seat, Stage, seated

REPEATS, ONCE = "repeats", "each name once"
REWRITE = Row("rewrite", "1,000 exact, 100 suffix and 5 regex rules of rewrite, the new names cached", 5_000)
TEMPLATE = Row("template", "addresses that a template makes of the name", 5_000)
HOSTS = Row("hosts", "a hosts file of 10,000 entries", 5_000)
DIRECTIVES = (REWRITE, TEMPLATE, HOSTS)

EXACT, SUFFIX, REGEX = 1_000, 100, 5
_FASTEST = 150_000
COMMANDS = {
    "ours": (sys.executable, "-m", "resolver", "-quiet", "-conf"),
    "coredns": ("coredns", "-quiet", "-conf"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """``directives`` is what the server block has beside the usual; ``new`` gives names that are asked once only."""

    row: Row
    directives: Callable[[Path], str]
    known: Callable[[], Iterable[str]]
    new: Callable[[str], Iterator[str]]


def play(stage: Stage, peers: Sequence[Peer], keys: Sequence[str], seconds: float, out: Results) -> None:
    """Each row whose key is wanted, for those of the servers that read a Corefile."""
    for case in (case for case in CASES if case.row.key in keys):
        chosen = _files(stage.directory, case, seconds)
        for peer in (peer for peer in peers if peer.name in COMMANDS):
            _try(stage, _with(peer, case), case.row, chosen, seconds, out)


def _files(directory: Path, case: Case, seconds: float) -> dict[str, Files]:
    def written(run: str, asked: Iterable[str]) -> Path:
        return names.write(directory / f"{case.row.key}-{run}.txt", asked)

    again = written("again", case.known())
    full = written("full", itertools.islice(case.new("f"), int(seconds * _FASTEST)))
    steady = written("steady", itertools.islice(case.new("s"), int((seconds + 1) * case.row.rate)))
    return {REPEATS: Files(again, again, again), ONCE: Files(full, steady)}


def _with(peer: Peer, case: Case) -> Peer:
    """The server with the Corefile of this case."""

    def command(setup: Setup) -> list[str]:
        path = setup.write("Corefile", corefile(setup, case.directives(setup.directory)))
        return [*COMMANDS[peer.name], str(path)]

    return replace(peer, command=command)


def corefile(setup: Setup, directives: str) -> str:
    """A server block on the ports of ``setup`` that forwards what the directives do not answer."""
    return f""".:{setup.port} {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:{setup.spare_port}
{directives}    forward . 127.0.0.1:{setup.upstream}
}}
"""


def _try(stage: Stage, peer: Peer, row: Row, chosen: dict[str, Files], seconds: float, out: Results) -> None:
    if stage.deadline.left() < 5 * seconds + 8:
        stage.note(f"{row.key}: {peer.name} left out, out of time")
        return
    try:
        with seated(stage, peer) as seat:
            for variant, files in chosen.items():
                _measure(stage, seat, replace(row, once=variant == ONCE), files, seconds, variant, out)
    except (LoadError, StartError) as error:
        stage.note(f"{row.key}: {peer.name}: {error}")


def _measure(stage: Stage, seat: Seat, row: Row, files: Files, seconds: float, variant: str, out: Results) -> None:
    sample = measure(stage, seat, row, files, seconds, variant=variant)
    out.samples.append(sample)
    stage.say(progress(sample))


def _rules(directory: Path) -> str:
    """Rules for names that are no longer used, whose new names the upstream knows."""
    lines = [f"rewrite name exact old{number}.{ZONE} n{number}.{ZONE}" for number in range(EXACT)]
    lines += [f"rewrite name suffix .s{number}.old.{ZONE} .{ZONE} answer auto" for number in range(SUFFIX)]
    escaped = ZONE.replace(".", "[.]")
    lines += [
        rf"rewrite name regex ^[a-z0-9]+-(n[0-9]+)[.]r{number}[.]old[.]{escaped}[.]$ {{1}}.{ZONE} answer auto"
        for number in range(REGEX)
    ]
    lines += ["cache {", f"    success {2 * CACHED_NAMES}", "}"]
    return "".join(f"    {line}\n" for line in lines)


def _ruled() -> Iterator[str]:
    """One name in ten for an exact rule, four for a suffix, five for a pattern; each becomes another cached name."""
    for number in range(CACHED_NAMES):
        kind = number % 10
        if kind == 0:
            yield f"old{number // 10 % EXACT}.{ZONE}"
        elif kind < 5:
            yield f"n{number}.s{number % SUFFIX}.old.{ZONE}"
        else:
            yield _matched("again", number)


def _matched(unique: str, number: int) -> str:
    return f"{unique}-n{number}.r{number % REGEX}.old.{ZONE}"


def _newly_ruled(prefix: str) -> Iterator[str]:
    """Names that only a pattern fits, after all other rules; what they become has been asked for by the repeats."""
    wanted = [number for number in range(CACHED_NAMES) if number % 10 >= 5]
    return (_matched(f"{prefix}{count}", number) for count, number in enumerate(itertools.cycle(wanted)))


def _template(directory: Path) -> str:
    group = "".join(f"-(?P<{letter}>[0-9]+)" for letter in "abcd")
    answer = ".".join(f"{{{{ .Group.{letter} }}}}" for letter in "abcd")
    return f"""    template IN A dyn.{ZONE} {{
        match ^ip{group}[.]dyn[.]{ZONE.replace(".", "[.]")}[.]$
        answer "{{{{ .Name }}}} 60 IN A {answer}"
        fallthrough
    }}
"""


def _addresses(first: int) -> Iterator[str]:
    """Names that have an address in them, of the network ``first``.0.0.0/8."""
    return (f"ip-{first}-{n >> 16 & 255}-{n >> 8 & 255}-{n & 255}.dyn.{ZONE}" for n in itertools.count())


def _hosts(directory: Path) -> str:
    """The directive, and its file written."""
    path = directory / "hosts"
    path.write_text("".join(f"10.1.{n >> 8}.{n & 255} {_host(n)}\n" for n in range(CACHED_NAMES)))
    return f"    hosts {path} {{\n        fallthrough\n    }}\n"


def _host(number: int) -> str:
    return f"machineintherack{number}.hosts.{ZONE}"


def _spelled(prefix: str) -> Iterator[str]:
    return names.respelled([_host(number) for number in range(CACHED_NAMES)], int(prefix == "s"))


CASES = (
    Case(REWRITE, _rules, _ruled, _newly_ruled),
    Case(
        TEMPLATE,
        _template,
        lambda: itertools.islice(_addresses(10), CACHED_NAMES),
        lambda prefix: _addresses(11 if prefix == "f" else 12),
    ),
    Case(HOSTS, _hosts, lambda: map(_host, range(CACHED_NAMES)), _spelled),
)
