"""Start servers on chosen cores, watch their processor time and memory in /proc, and stop all of their processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_POLL = 0.002  # seconds between two questions to a server that begins


class StartError(Exception):
    """A server that ended or stayed silent instead of answering."""


class Running:
    """A started server and every process below it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, began: float) -> None:
        self.name = name
        self.began = began
        self._process = process
        self._log = log

    def cpu_seconds(self) -> float:
        """User and system time of the tree, children that have ended and been waited for included."""
        return sum(_cpu_ticks(pid) for pid in self.pids()) / _TICKS

    def resident_kib(self) -> int:
        return sum(_status_kib(pid, "VmRSS") for pid in self.pids())

    def peak_kib(self) -> int:
        """Sum of each process's own peak; shared pages count once per process."""
        return sum(_status_kib(pid, "VmHWM") for pid in self.pids())

    def check_alive(self) -> None:
        """Raises StartError with the end of the server's output when it has ended."""
        code = self._process.poll()
        if code is not None:
            raise StartError(f"ended with status {code}: {self._last_words()}")

    def stop(self) -> None:
        """Ask the first process to end its own tree; whatever is left of the group after 3 seconds is killed."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(3)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(3)

    def pids(self) -> list[int]:
        return descendants(self._process.pid, parents())

    def _last_words(self) -> str:
        text = self._log.read_text(errors="replace").strip()
        return text.splitlines()[-1][-300:] if text else "no output"


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], cores: set[int], directory: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """A server in a process group of its own, pinned to ``cores``, stopped on leaving. Raises StartError."""
    log = directory / f"{name}.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = _spawn(command, cores, directory, output.fileno(), environment)
    server = Running(name, process, log, began)
    try:
        yield server
    finally:
        server.stop()


def _spawn(
    command: Sequence[str], cores: set[int], directory: Path, output: int, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    """Affinity is inherited, so the parent takes the child's for a moment: no thread of the child escapes it."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        return subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise StartError(str(error)) from error
    finally:
        os.sched_setaffinity(0, own)


def seconds_to_answer(server: Running, port: int, question: bytes, patience: float = 20.0) -> float:
    """From the start of the process to the first NOERROR answer over UDP, asking again and again. Raises StartError."""
    limit = server.began + patience
    while time.monotonic() < limit:
        if _answers(port, question):
            return time.monotonic() - server.began
        server.check_alive()
        time.sleep(_POLL)
    raise StartError(f"no answer within {patience:.0f} s")


def _answers(port: int, question: bytes) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.05)
        try:
            probe.connect(("127.0.0.1", port))
            probe.send(question)
            answer = probe.recv(4096)
        except OSError:
            return False
    return len(answer) > 12 and answer[:2] == question[:2] and answer[3] & 15 == 0


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free for UDP and TCP at this moment, all different."""
    with contextlib.ExitStack() as held:
        return [_free_port(held) for _ in range(count)]


def _free_port(held: contextlib.ExitStack) -> int:
    for _ in range(100):
        datagram = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagram.bind(("127.0.0.1", 0))
        port = int(datagram.getsockname()[1])
        stream = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        try:
            stream.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise StartError("no port is free for both UDP and TCP")


def parents() -> dict[int, int]:
    """The parent of every process on the machine."""
    found: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                found[int(entry.name)] = int(fields[1])
    return found


def descendants(root: int, parent_of: Mapping[int, int]) -> list[int]:
    """``root`` and all processes below it."""
    tree = [root]
    for member in tree:
        tree.extend(pid for pid, parent in parent_of.items() if parent == member)
    return tree


def _cpu_ticks(pid: int) -> int:
    return sum(int(field) for field in _stat(pid)[11:15])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: parent at 1; utime, stime, cutime, cstime at 11 to 14."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _status_kib(pid: int, field: str) -> int:
    try:
        text = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0
