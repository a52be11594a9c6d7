"""A zone of one's own, unsigned and signed: ours and CoreDNS with the same Corefile, beside nsd and knot."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import names
from benchmarks.directives import COMMANDS, ONCE, REPEATS
from benchmarks.measure import CACHED_NAMES, Files, Row, measure, progress
from benchmarks.names import ZONE
from benchmarks.outcome import LoadError
from benchmarks.peers.base import Peer, Setup
from benchmarks.processes import StartError
from benchmarks.results import Results
from benchmarks.stage import Stage, seated

FILE = Row("file", "a zone of 10,000 names", 10_000)
SIGNED = Row("signed", "the same zone signed with ECDSA, asked with DO", 10_000, dnssec=True)
ZONES = (FILE, SIGNED)

_FASTEST = 220_000
_SIGNING = 120.0


class SigningError(Exception):
    """The zone could not be signed; the message says why."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A server for zones alone; ``command`` gets the zone file."""

    name: str
    program: str
    command: Callable[[Setup, Path], list[str]]
    ask_version: tuple[str, ...]

    def serving(self, path: Path) -> Peer:
        return Peer(self.name, self.program, lambda setup: self.command(setup, path), self.ask_version)


def play(stage: Stage, peers: Sequence[Peer], keys: Sequence[str], seconds: float, out: Results) -> None:
    """Each row whose key is wanted, for those of the servers that read a Corefile, and for nsd and knot."""
    wanted = [row for row in ZONES if row.key in keys]
    if not wanted:
        return
    path = stage.directory / "own.zone"
    path.write_text(zone_text())
    chosen = _files(stage.directory, seconds)
    for row in wanted:
        try:
            served = signed(path) if row.dnssec else path
        except SigningError as error:
            stage.note(f"{row.key}: {error}")
            continue
        for peer in (*_with_corefile(peers, served), *_authorities(served)):
            _try(stage, peer, row, chosen, seconds, out)


def zone_text() -> str:
    """The zone as a master file."""
    lines = [f"$ORIGIN {ZONE}.", "$TTL 3600", "@ SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns", "ns A 192.0.2.53"]
    lines += ["start A 192.0.2.1"]
    lines += [f"{_host(number)} A 10.1.{number >> 8}.{number & 255}" for number in range(CACHED_NAMES)]
    return "\n".join(lines) + "\n"


def signed(path: Path) -> Path:
    """The zone file with NSEC records and signatures, beside it. Raises SigningError."""
    target = path.with_suffix(".signed")
    if target.exists():
        return target
    programs = [shutil.which(name) for name in ("ldns-keygen", "ldns-signzone")]
    if None in programs:
        raise SigningError("ldns-signzone is not installed (ldnsutils)")
    keygen, signzone = (program or "" for program in programs)
    key = _run([keygen, "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", ZONE], path.parent)
    _run([signzone, "-o", ZONE, "-f", str(target), str(path), key], path.parent)
    return target


def _run(words: list[str], directory: Path) -> str:
    try:
        done = subprocess.run(words, cwd=directory, capture_output=True, text=True, timeout=_SIGNING, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SigningError(str(error)) from error
    if done.returncode != 0:
        raise SigningError(f"{Path(words[0]).name}: {done.stderr.strip()[-200:]}")
    return done.stdout.strip()


def _host(number: int) -> str:
    return f"machineintherack{number}"


def known() -> Iterator[str]:
    """The names of the zone that are asked for."""
    return (f"{_host(number)}.{ZONE}" for number in range(CACHED_NAMES))


def _files(directory: Path, seconds: float) -> dict[str, Files]:
    again = names.write(directory / "zone-again.txt", known())
    every = list(known())
    full = names.write(
        directory / "zone-full.txt", itertools.islice(names.respelled(every, 0), int(seconds * _FASTEST))
    )
    steady = names.write(
        directory / "zone-steady.txt", itertools.islice(names.respelled(every, 1), int((seconds + 1) * FILE.rate))
    )
    return {REPEATS: Files(again, again, again), ONCE: Files(full, steady)}


def _try(stage: Stage, peer: Peer, row: Row, chosen: dict[str, Files], seconds: float, out: Results) -> None:
    if stage.deadline.left() < 5 * seconds + 8:
        stage.note(f"{row.key}: {peer.name} left out, out of time")
        return
    try:
        with seated(stage, peer) as seat:
            for variant, files in chosen.items():
                one = replace(row, once=variant == ONCE)
                sample = measure(stage, seat, one, files, seconds, variant=variant)
                out.samples.append(sample)
                stage.say(progress(sample))
    except (LoadError, StartError) as error:
        stage.note(f"{row.key}: {peer.name}: {error}")


# --- servers


def corefile(setup: Setup, path: Path) -> str:
    """The block for the zone and nothing else."""
    return f"""{ZONE}:{setup.port} {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:{setup.spare_port}
    file {path}
}}
"""


def _with_corefile(peers: Sequence[Peer], path: Path) -> Iterator[Peer]:
    return (_with_file(peer, path) for peer in peers if peer.name in COMMANDS)


def _with_file(peer: Peer, path: Path) -> Peer:
    def command(setup: Setup) -> list[str]:
        return [*COMMANDS[peer.name], str(setup.write("Corefile", corefile(setup, path)))]

    return replace(peer, command=command)


def _authorities(path: Path) -> Iterator[Peer]:
    return (one.serving(path) for one in AUTHORITIES if shutil.which(one.program))


def _nsd(setup: Setup, path: Path) -> list[str]:
    where = setup.directory
    conf = setup.write(
        "nsd.conf",
        f"""server:
    ip-address: 127.0.0.1@{setup.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{where}"
    database: ""
    pidfile: "{where}/nsd.pid"
    xfrdfile: "{where}/xfrd.state"
    zonelistfile: "{where}/zone.list"
    xfrdir: "{where}"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: {ZONE}
    zonefile: "{path}"
""",
    )
    return ["nsd", "-d", "-c", str(conf)]


def _knot(setup: Setup, path: Path) -> list[str]:
    where = setup.directory
    conf = setup.write(
        "knot.conf",
        f"""server:
    listen: 127.0.0.1@{setup.port}
    rundir: "{where}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{where}"
template:
  - id: default
    semantic-checks: off
    zonefile-load: whole
    journal-content: none
zone:
  - domain: {ZONE}
    file: "{path}"
""",
    )
    return ["knotd", "-c", str(conf)]


AUTHORITIES = (Authority("nsd", "nsd", _nsd, ("-v",)), Authority("knot", "knotd", _knot, ("-V",)))
