"""The one place where configuration files are read from disk. Everything else is given an object with these methods."""

from __future__ import annotations

import errno
import glob
from itertools import islice
from pathlib import Path
from typing import Protocol

MAX_FILE = 1024 * 1024
MAX_MATCHES = 10_000


class Files(Protocol):
    """Where files come from; a dict stands in for it in tests."""

    def read(self, path: str) -> bytes:
        """The contents, at most one octet more than 1 MiB. Raises OSError."""

    def match(self, pattern: str) -> list[str]:
        """The regular files that a pattern matches, sorted; at most 10,001 of them."""


class DiskFiles:
    """The files of this machine, relative paths seen from the working directory."""

    def read(self, path: str) -> bytes:
        """The contents, at most one octet more than 1 MiB, so that the caller sees that there is too much."""
        try:
            with Path(path).open("rb") as file:
                return file.read(MAX_FILE + 1)
        except ValueError:
            raise OSError(errno.EINVAL, "not a file name", path) from None

    def match(self, pattern: str) -> list[str]:
        """The regular files that a pattern matches, sorted. Hidden ones, such as the links that Kubernetes keeps
        beside the files of a ConfigMap, must be named with their dot."""
        found = (path for path in glob.iglob(pattern) if Path(path).is_file())  # noqa: PTH207  keeps relative paths
        try:
            return sorted(islice(found, MAX_MATCHES + 1))
        except ValueError:  # no file can have such a name
            return []


DISK = DiskFiles()
