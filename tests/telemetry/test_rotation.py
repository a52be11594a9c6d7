"""Files of lines that begin anew."""

from __future__ import annotations

import errno
import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from resolver.telemetry.rotation import Keeping, RotatedFile

LINE = b"x" * 99 + b"\n"


class Clock:
    """Seconds since 1970, as a test wants them."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def everything(path: Path) -> bytes:
    """The contents of a file and of all earlier ones, the oldest first."""
    found = b""
    for one in [*RotatedFile(path, Keeping(), Clock()).earlier(), path]:
        octets = one.read_bytes()
        found += gzip.decompress(octets) if one.suffix == ".gz" else octets
    return found


def test_a_file_that_would_grow_too_large_is_moved_away(tmp_path: Path) -> None:
    clock = Clock()
    file = RotatedFile(tmp_path / "log", Keeping(size=250), clock)
    for number in range(5):
        clock.now += 1
        file.append(b"%d%s" % (number, LINE[1:]))
    file.close()
    assert [path.stat().st_size for path in file.earlier()] == [200, 200]
    assert everything(file.path).split(b"\n")[:-1] == [b"%d%s" % (number, LINE[1:-1]) for number in range(5)]


def test_what_is_larger_than_a_file_may_be_has_one_of_its_own(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(size=50), Clock())
    file.append(LINE)
    file.append(LINE)
    file.close()
    assert len(file.earlier()) == 1
    assert file.path.read_bytes() == LINE


def test_each_span_of_time_has_its_own_file(tmp_path: Path) -> None:
    clock = Clock(1_800_000_000.0 // 3600 * 3600)
    file = RotatedFile(tmp_path / "log", Keeping(every=3600.0), clock)
    for moment in (10, 3500, 3601, 7300):
        now = clock.now = clock.now // 36000 * 36000 + moment
        file.append(LINE)
        os.utime(file.path, (now, now))
    file.close()
    assert [path.stat().st_size for path in (*file.earlier(), file.path)] == [200, 100, 100]


def test_a_file_of_before_a_restart_is_moved_away_when_its_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    file = RotatedFile(path, Keeping(every=3600.0), Clock())
    file.append(LINE)
    file.close()
    assert [one.read_bytes() for one in file.earlier()] == [b"old\n"]


def test_so_many_earlier_files_stay_and_nothing_else_is_touched(tmp_path: Path) -> None:
    clock = Clock()
    others = [
        tmp_path / name for name in ("log.1", "log.20261123", "log.gz", "log.20261123T100000.000000Z.bak", "logs")
    ]
    for other in others:
        other.write_bytes(b"mine")
    file = RotatedFile(tmp_path / "log", Keeping(size=100, keep=2), clock)
    for _ in range(6):
        clock.now += 1
        file.append(LINE)
        file.close()
    assert len(file.earlier()) == 2
    assert all(other.read_bytes() == b"mine" for other in others)


def test_earlier_files_are_packed(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(size=100, compress=True), Clock())
    file.append(LINE)
    file.append(LINE)
    file.close()
    (earlier,) = file.earlier()
    assert earlier.suffix == ".gz"
    assert gzip.decompress(earlier.read_bytes()) == LINE
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["log", earlier.name])


def test_two_files_that_end_in_the_same_moment_have_different_names(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(size=100), Clock())
    for _ in range(3):
        file.append(LINE)
    file.close()
    assert len(file.earlier()) == 2


@pytest.mark.parametrize("move", [Path.unlink, lambda path: path.rename(path.with_name("elsewhere"))])
def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path, move: Callable[[Path], object]) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(), Clock())
    file.append(LINE)
    move(file.path)
    file.append(b"new\n")
    file.close()
    assert file.path.read_bytes() == b"new\n"


def test_a_file_that_was_emptied_goes_on(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(), Clock())
    file.append(LINE)
    os.truncate(file.path, 0)
    file.append(b"new\n")
    file.close()
    assert file.path.read_bytes() == b"new\n"


def test_half_a_line_never_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(), Clock())
    file.append(LINE)
    whole, left = os.write, [30]

    def full(descriptor: int, octets: bytes) -> int:
        room, left[0] = left[0], 0
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(descriptor, bytes(octets)[:room])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        patched.setattr(os, "writev", lambda descriptor, pieces: full(descriptor, b"".join(pieces)))
        with pytest.raises(OSError, match="No space left"):
            file.append(LINE)
    assert file.path.read_bytes() == LINE
    file.append(b"new\n")
    file.close()
    assert file.path.read_bytes() == LINE + b"new\n"


@pytest.mark.parametrize("pieces", [3, 2000])
def test_pieces_are_written_in_their_order(pieces: int, tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(), Clock())
    lines = [b"%d\n" % number for number in range(pieces)]
    file.append(*lines)
    file.close()
    assert file.path.read_bytes() == b"".join(lines)


def test_what_the_system_takes_in_two_goes_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RotatedFile(tmp_path / "log", Keeping(), Clock())
    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", lambda descriptor, pieces: os.write(descriptor, b"".join(pieces)[:7]))
        file.append(b"first\n", b"second\n", b"third\n")
    file.close()
    assert file.path.read_bytes() == b"first\nsecond\nthird\n"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):  # nobody reads it
        RotatedFile(tmp_path / "pipe", Keeping(), Clock()).open()
    with pytest.raises(IsADirectoryError):
        RotatedFile(tmp_path, Keeping(), Clock()).open()
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OSError, match="it is not a file"):
        RotatedFile(tmp_path / "pipe", Keeping(), Clock()).open()
    os.close(reader)
    with pytest.raises(FileNotFoundError):
        RotatedFile(tmp_path / "missing" / "log", Keeping(), Clock()).open()


def test_several_writers_lose_nothing_over_rotations(tmp_path: Path) -> None:
    keeping = Keeping(size=5000, keep=0, compress=True)

    def write(who: int) -> None:
        file = RotatedFile(tmp_path / "log", keeping, Clock())
        for number in range(300):
            file.append(b"%d %d %s\n" % (who, number, b"x" * 60))
        file.close()

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = everything(tmp_path / "log").splitlines()
    assert sorted(tuple(map(int, line.split()[:2])) for line in lines) == [(w, n) for w in range(4) for n in range(300)]
    assert all(line.endswith(b"x" * 60) for line in lines)


PROCESS = """
import sys, time
from pathlib import Path
from resolver.telemetry.rotation import Keeping, RotatedFile
file = RotatedFile(Path(sys.argv[1]), Keeping(size=20000, keep=0, compress=True), time.time)
for number in range(400):
    file.append(b"%s %d %s\\n" % (sys.argv[2].encode(), number, b"x" * 100))
file.close()
"""


def test_several_processes_lose_nothing_over_rotations(tmp_path: Path) -> None:
    words = [sys.executable, "-c", PROCESS, str(tmp_path / "log")]
    root = str(Path(__file__).parents[2])
    processes = [subprocess.Popen([*words, str(who)], env=os.environ | {"PYTHONPATH": root}) for who in range(3)]
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    lines = everything(tmp_path / "log").splitlines()
    assert sorted(tuple(map(int, line.split()[:2])) for line in lines) == [(w, n) for w in range(3) for n in range(400)]
