"""Other authoritative servers on loopback, as second opinions: nsd and knot from Debian."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from resolver.wire.message import Message, scan

STARTING = 10.0
ANSWERING = 2.0
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

Ask = Callable[[bytes], Message]
"""From a query as octets to what the server answers."""


def program(name: str) -> str | None:
    """Where a program is, None where it is not installed."""
    return shutil.which(name, path=_PATH)


@contextmanager
def serving(name: str, zones: Mapping[str, Path], folder: Path) -> Iterator[Ask]:
    """A server (``nsd`` or ``knotd``) with these zone files for as long as the context lasts."""
    executable = program(name)
    assert executable is not None
    folder.mkdir()
    port = _free_port()
    command = {"nsd": _nsd, "knotd": _knot}[name](executable, zones, folder, port)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", port))
            _await(process, sock, next(iter(zones)), folder)
            sock.settimeout(ANSWERING)
            yield lambda query: _exchange(sock, query)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _exchange(sock: socket.socket, query: bytes) -> Message:
    sock.send(query)
    while True:
        answer = sock.recv(65535)
        if answer[:2] == query[:2]:
            return scan(answer)


def _await(process: subprocess.Popen[bytes], sock: socket.socket, zone: str, folder: Path) -> None:
    """Until the server answers for a zone with AA."""
    query = b"\0\0\0\0\0\1\0\0\0\0\0\0" + _wire(zone) + b"\0\6\0\1"
    sock.settimeout(0.05)
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline and process.poll() is None:
        try:
            sock.send(query)
            answer = sock.recv(65535)
        except OSError:
            time.sleep(0.02)
            continue
        if answer[2] & 4:
            return
    raise AssertionError(f"the server does not answer: {(folder / 'log').read_text()[-2000:]}")


def _wire(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _nsd(executable: str, zones: Mapping[str, Path], folder: Path, port: int) -> Sequence[str]:
    lines = [
        "server:",
        f" ip-address: 127.0.0.1@{port}",
        f' zonesdir: "{folder}"',
        f' pidfile: "{folder}/pid"',
        f' zonelistfile: "{folder}/zones"',
        f' xfrdfile: "{folder}/xfrd"',
        f' xfrdir: "{folder}"',
        ' database: ""',
        ' username: ""',
        " server-count: 1",
        " rrl-ratelimit: 0",
        " ipv4-edns-size: 65535",
        "remote-control:",
        " control-enable: no",
    ]
    lines += [f'zone:\n name: "{zone}"\n zonefile: "{path}"' for zone, path in zones.items()]
    (folder / "nsd.conf").write_text("\n".join(lines) + "\n")
    return [executable, "-d", "-c", str(folder / "nsd.conf")]


def _knot(executable: str, zones: Mapping[str, Path], folder: Path, port: int) -> Sequence[str]:
    lines = [
        "server:",
        f"    listen: 127.0.0.1@{port}",
        f'    rundir: "{folder}"',
        "    udp-workers: 1",
        "    tcp-workers: 1",
        "    background-workers: 1",
        "    udp-max-payload: 4096",
        "database:",
        f'    storage: "{folder}"',
        "template:",
        "  - id: default",
        "    semantic-checks: off",
        "    zonefile-load: whole",
        "    journal-content: none",
        "zone:",
    ]
    for zone, path in zones.items():
        lines += [f"  - domain: {zone}", f'    file: "{path}"']
    (folder / "knot.conf").write_text("\n".join(lines) + "\n")
    return [executable, "-c", str(folder / "knot.conf")]
