"""The server as operators run it: a process of its own, a configuration on disk, signals, and what it says."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.runtime.clients import HOST, figures, get, total

ROOT = Path(__file__).parents[2]
_LOWEST, _HIGHEST = 12000, 31999  # below the ports that systems give away by themselves
_BANNER = "k8s-resolver "
_STUMBLES = ("Traceback", "never retrieved", "never awaited", "Exception in callback", "recovered from")


def free_port() -> int:
    """A port that nobody uses on any address, for UDP and TCP."""
    for _ in range(2000):
        port = random.randint(_LOWEST, _HIGHEST)
        if all(_is_free(port, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
            return port
    raise OSError("no port is free")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


async def until(condition: Callable[[], bool | Awaitable[bool]], within: float = 15.0) -> None:
    """Wait for something to become true. Raises AssertionError when it takes too long."""
    deadline = time.monotonic() + within
    while True:
        met = condition()
        if await met if not isinstance(met, bool) else met:
            return
        assert time.monotonic() < deadline, f"it did not come true within {within:g} seconds"
        await asyncio.sleep(0.01)


def block(port: int, *lines: str, http: int = 0, bind: str = HOST, zone: str = ".") -> str:
    """A server block on a loopback address; ``http`` is the port of /metrics, /health and /ready."""
    endpoints = [f"{name} {HOST}:{http}" for name in ("prometheus", "ready")] if http else []
    if http and not any(line.startswith("health") for line in lines):
        endpoints.append(f"health {HOST}:{http}")
    return "\n    ".join([f"{zone}:{port} {{", f"bind {bind}", "errors", *endpoints, *lines]) + "\n}\n"


def hosts(address: str, name: str = "www.example.org") -> str:
    """A ``hosts`` directive with one name."""
    return f"hosts {{\n        {address} {name}\n        fallthrough\n    }}"


def command(*arguments: str) -> list[str]:
    """How to start the server."""
    return [sys.executable, "-m", "resolver", *arguments]


def environment(*folders: Path) -> dict[str, str]:
    """What the server needs to be found; modules in ``folders`` stand before all others."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*folders, ROOT)))}


def without_uvloop(folder: Path) -> Path:
    """A folder with which the server does not find uvloop, and runs on the loop that comes with Python."""
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "uvloop.py").write_text("raise ImportError('hidden')\n")
    return hidden


class Server:
    """A server process. ``conf`` is its configuration, ``port`` its first DNS port, ``http`` that of its endpoints."""

    def __init__(self, process: subprocess.Popen[bytes], conf: Path, port: int, http: int) -> None:
        self.process = process
        self.conf = conf
        self.port = port
        self.http = http

    @property
    def said(self) -> str:
        """Everything on standard output so far."""
        return self.conf.with_name("stdout").read_text()

    @property
    def complained(self) -> str:
        """Everything on standard error so far."""
        return self.conf.with_name("stderr").read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def exit_code(self, within: float = 15.0) -> int:
        """Wait for the end."""
        await until(lambda: self.process.poll() is not None, within)
        return int(self.process.returncode)

    async def says(self, text: str, times: int = 1, within: float = 15.0) -> None:
        """Wait until the text stands on standard output so often."""
        await until(lambda: self.said.count(text) >= times, within)

    async def reload(self, text: str | None = None, outcome: str = "Reloading complete") -> None:
        """Write another configuration, ask for a reload, and wait for its outcome in the log."""
        before = self.said.count(outcome)
        if text is not None:
            self.conf.write_text(text)
        self.signal(signal.SIGUSR1)
        await self.says(outcome, before + 1)

    async def figure(self, name: str, *parts: str) -> float:
        """A metric, summed over the series whose labels contain all of ``parts``."""
        return total(await figures(self.http), name, *parts)

    async def ready(self) -> bool:
        """What /ready says."""
        return (await get(self.http, "/ready"))[0] == 200

    async def workers(self) -> list[int]:
        """The process IDs of the workers, in the order in which they were started."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(number) for number in path.read_text().split()]


@asynccontextmanager
async def serving(
    folder: Path,
    text: str,
    *flags: str,
    port: int,
    http: int = 0,
    begins: str = _BANNER,
    conf: str | None = "conf",
    files: int = 0,
    modules: tuple[Path, ...] = (),
) -> AsyncIterator[Server]:
    """A server with this configuration, from when it says ``begins``; it is ended with the block.

    ``conf`` is the name of its file in the folder; None starts it there without naming any. ``files`` is how many files
    it may have open, if not as many as we; ``modules`` are folders with modules that it finds first. Raises
    AssertionError where it ends before it begins, or where it stumbles.
    """
    path = folder / (conf or "Corefile")
    if conf is not None:
        path.write_text(text)
        flags = ("-conf", str(path), *flags)
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        limit = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"] if files else []
        process = subprocess.Popen(
            [*limit, *command(*flags)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=environment(*modules),
        )
    server = Server(process, path, port, http)
    try:
        await until(lambda: begins in server.said or process.poll() is not None)
        assert process.poll() is None, server.complained
        yield server
    finally:
        await _end(process)
    output = server.said + server.complained
    assert not any(sign in output for sign in _STUMBLES), output


async def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, politely at first; its workers end with it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10.0
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGTERM)  # a second one ends lameduck
            await asyncio.sleep(0.02)
    if process.poll() is None:
        process.kill()
    process.wait()


def refused(folder: Path, *arguments: str, without_rights: bool = False) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a server that cannot begin."""
    prefix: Sequence[str] = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if without_rights else ()
    words = [*prefix, *command(*arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, cwd=folder, env=environment(), check=False)
    return done.returncode, done.stdout, done.stderr
