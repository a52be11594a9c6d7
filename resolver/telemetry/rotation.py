"""A file of lines that several processes append to, and that begins anew when it is large or old.

Each append holds a lock of the file (flock(2)), under which it looks whether the file is still the one of that name:
whoever moves it away, another process of ours or logrotate, nothing is written behind its back, and half a line never
stays.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import os
import shutil
import stat
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_MODE: Final = 0o640
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_TRIES: Final = 10
_PIECES: Final = 512  # that one system call takes on every Linux
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_PACKED: Final = ".gz"
_HALF: Final = ".part"


@dataclass(frozen=True, slots=True)
class Keeping:
    """When a file has to go and what is kept of it; 0 is no limit.

    ``size`` is in octets; ``every`` in seconds: a file holds lines of one such span since 1970 (UTC) only. ``keep`` is
    how many earlier files stay, and ``compress`` whether they are packed with gzip.
    """

    size: int = 100 << 20
    every: float = 0.0
    keep: int = 10
    compress: bool = False


class RotatedFile:
    """Earlier files are named after it and the moment in which they ended: ``NAME.20261123T100000.000000Z``."""

    def __init__(self, path: str | Path, keeping: Keeping, clock: Callable[[], float]) -> None:
        self.path = Path(path)
        self._keeping = keeping
        self._clock = clock
        self._descriptor = -1
        self._packing: threading.Thread | None = None

    def open(self) -> None:
        """Open it, or make it. Raises OSError, also for what can never be a file of lines."""
        self._let_go()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self.path, flags, _MODE)
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISCHR(kind):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is not a file", str(self.path))
        self._descriptor = descriptor

    def close(self) -> None:
        """Let go of it; what is being packed is waited for."""
        packing, self._packing = self._packing, None
        if packing is not None:
            packing.join()
        self._let_go()

    def append(self, *pieces: bytes) -> None:
        """Write whole lines, all or nothing. Raises OSError."""
        more = sum(map(len, pieces))
        for _ in range(_TRIES):
            if self._descriptor < 0:
                self.open()
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                held = os.fstat(self._descriptor)
                if not self._is_current(held):
                    self._let_go()
                elif self._has_to_go(held, more):
                    self._move_away()
                    self._let_go()
                else:
                    self._write(pieces, held.st_size)
                    return
            finally:
                if self._descriptor >= 0:
                    fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        raise OSError(f"{self.path} is moved away all the time")

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)  # and with it the lock
            self._descriptor = -1

    def _is_current(self, held: os.stat_result) -> bool:
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def _has_to_go(self, held: os.stat_result, more: int) -> bool:
        keeping = self._keeping
        if not held.st_size:
            return False
        if keeping.size and held.st_size + more > keeping.size:
            return True
        return bool(keeping.every) and held.st_mtime // keeping.every < self._clock() // keeping.every

    def _write(self, pieces: Sequence[bytes], size: int) -> None:
        """At the end of a file of that size; without joining what a single call takes."""
        sent, wanted = 0, sum(map(len, pieces))
        try:
            if len(pieces) <= _PIECES:
                sent = os.writev(self._descriptor, pieces)
            if sent < wanted:
                view = memoryview(b"".join(pieces))
                while sent < wanted:
                    sent += os.write(self._descriptor, view[sent:])
        except OSError:
            if sent:
                os.ftruncate(self._descriptor, size)  # the disk was full within a line
            raise

    # --- earlier files

    def _move_away(self) -> None:
        now = self._clock()
        while True:
            stamp = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
            name = self.path.with_name(f"{self.path.name}.{stamp}")
            if not name.exists() and not name.with_name(name.name + _PACKED).exists():
                break
            now += 1e-6
        self.path.rename(name)
        if self._packing is None or not self._packing.is_alive():
            self._packing = threading.Thread(target=self._tidy, name="audit-tidy", daemon=True)
            self._packing.start()

    def _tidy(self) -> None:
        """Pack what is to be packed, remove what is not kept, until no more files come meanwhile."""
        try:
            while True:
                kept = self._without_oldest(self.earlier())
                if self._keeping.compress:
                    for path in kept:
                        if path.suffix != _PACKED:
                            _pack(path)
                if len(self.earlier()) <= len(kept):
                    return
        except OSError:
            return  # another process was faster, or the disk is full: the next rotation tries again

    def _without_oldest(self, earlier: list[Path]) -> list[Path]:
        """Remove what is not kept; what stays. Raises OSError."""
        keep = self._keeping.keep
        for path in earlier[:-keep] if keep else ():
            path.unlink(missing_ok=True)
        return earlier[-keep:] if keep else earlier

    def earlier(self) -> list[Path]:
        """Files that were moved away, the oldest first. Raises OSError."""
        front = self.path.name + "."
        found = [path for path in self.path.parent.iterdir() if _is_stamp(path.name.removeprefix(front), path.name)]
        return sorted(found)


def _is_stamp(rest: str, name: str) -> bool:
    if rest == name:
        return False
    try:
        datetime.strptime(rest.removesuffix(_PACKED), _STAMP)
    except ValueError:
        return False
    return True


def _pack(path: Path) -> None:
    """Put a packed file in the place of the file. Raises OSError."""
    with path.open("rb") as plain:
        fcntl.flock(plain, fcntl.LOCK_EX)
        if not path.exists():
            return  # another process was faster
        half = path.with_name(path.name + _HALF)
        try:
            with os.fdopen(os.open(half, _NEW, _MODE), "wb") as out, gzip.GzipFile("", "wb", 6, out) as packed:
                shutil.copyfileobj(plain, packed, 1 << 18)
            half.rename(path.with_name(path.name + _PACKED))
        except OSError:
            half.unlink(missing_ok=True)
            raise
        path.unlink(missing_ok=True)
