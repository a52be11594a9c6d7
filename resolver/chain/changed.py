"""Reading a file that may change while the server runs, and only when it has."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """A file as read: its lines, when it was last changed (seconds since 1970), whether something was left out."""

    lines: list[bytes]
    changed: float
    stamp: Stamp
    cut: bool


def read_changed(path: Path, stamp: Stamp | None, limit: int) -> Content | None:
    """The file, or None where its time of change and its size are those of ``stamp``. Raises OSError.

    Only whole lines within the first ``limit`` octets are read.
    """
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        now = (status.st_mtime_ns, status.st_size)
        if now == stamp:
            return None
        data = file.read(limit + 1)
    cut = len(data) > limit
    if cut:
        data = data[: data.rfind(b"\n", 0, limit) + 1]
    return Content(data.splitlines(), status.st_mtime, now, cut)


def open_regular(path: Path) -> BinaryIO:
    """The file, opened. Raises OSError.

    Devices and pipes are refused, as they might never end, but for /dev/null, which is how to write that there is no
    file.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) and not os.path.samestat(status, Path(os.devnull).stat()):
        file.close()
        raise OSError(0, "not a regular file")
    return file
