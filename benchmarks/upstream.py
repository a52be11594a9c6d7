"""The authoritative server behind every forwarder: the fastest one that is installed, with a wildcard zone.

nsd, else unbound with local data, else ``benchmarks.load``'s neighbour ``benchmarks.responder`` in Python.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import ZONE, question
from benchmarks.processes import Running, free_ports, running, seconds_to_answer

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Upstream:
    """A started upstream on 127.0.0.1:``port``."""

    name: str
    port: int
    server: Running


@contextlib.contextmanager
def upstream(directory: Path, cores: set[int]) -> Iterator[Upstream]:
    """Answers A 192.0.2.1, TTL 3600, to every name under bench.test. Raises StartError."""
    directory.mkdir(exist_ok=True)
    (port,) = free_ports(1)
    name, command = _command(directory, port)
    with running(name, command, cores, directory, {"PYTHONPATH": str(_ROOT)}) as server:
        seconds_to_answer(server, port, question(f"first.{ZONE}"))
        yield Upstream(name, port, server)


def _command(directory: Path, port: int) -> tuple[str, list[str]]:
    if shutil.which("nsd"):
        return "nsd", _nsd(directory, port)
    if shutil.which("unbound"):
        return "unbound local-data", _unbound(directory, port)
    return "python responder", [sys.executable, "-m", "benchmarks.responder", str(port)]


def _nsd(directory: Path, port: int) -> list[str]:
    (directory / "bench.zone").write_text(
        f"$ORIGIN {ZONE}.\n$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n* A 192.0.2.1\n"
    )
    path = directory / "nsd.conf"
    path.write_text(f"""server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{directory}"
    database: ""
    pidfile: "{directory}/nsd.pid"
    xfrdfile: "{directory}/xfrd.state"
    zonelistfile: "{directory}/zone.list"
    xfrdir: "{directory}"
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: {ZONE}
    zonefile: bench.zone
""")
    return ["nsd", "-d", "-c", str(path)]


def _unbound(directory: Path, port: int) -> list[str]:
    path = directory / "unbound-upstream.conf"
    path.write_text(f"""server:
    interface: 127.0.0.1
    port: {port}
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{directory}"
    pidfile: "{directory}/unbound-upstream.pid"
    use-syslog: no
    local-zone: "{ZONE}." redirect
    local-data: "{ZONE}. 3600 IN A 192.0.2.1"
remote-control:
    control-enable: no
""")
    return ["unbound", "-d", "-c", str(path)]
