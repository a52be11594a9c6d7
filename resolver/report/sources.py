"""Files of audit lines, plain or compressed, as pieces of whole lines."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from resolver.errors import ResolverError
from resolver.report.lines import LINE_LIMIT

PIECE = 1024 * 1024  # octets
_GZIP = b"\x1f\x8b"


class Sources:
    """All files one after the other. ``octets`` counts what was read, uncompressed.

    ``too_long`` counts lines over the limit, ``cut_off`` the files that end in the middle of a line, ``broken`` names
    the compressed files that ended early and why.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Raises ResolverError for a file that is not there or may not be read."""
        for name in names:
            _look_for(name)
        self.names = names
        self.octets = 0
        self.too_long = 0
        self.cut_off = 0
        self.broken: list[str] = []

    def pieces(self) -> Iterator[bytes]:
        """Octets of whole lines, about a mebibyte each. Raises ResolverError."""
        for name in self.names:
            with _opened(name) as file:
                yield from self._whole_lines(self._octets(file, name))

    def _octets(self, file: BinaryIO, name: str) -> Iterator[bytes]:
        try:
            while piece := file.read(PIECE):
                self.octets += len(piece)
                yield piece
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.broken.append(f"{name}: {error}")
        except OSError as error:
            raise ResolverError(f"cannot read {name}: {error.strerror or error}") from None

    def _whole_lines(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        rest = b""
        skipping = False  # in the middle of a line that is too long
        for piece in pieces:
            end = piece.rfind(b"\n")
            if end < 0:
                rest = b"" if skipping else rest + piece
            else:
                start = piece.find(b"\n") + 1 if skipping else 0
                skipping = False
                if start <= end:
                    yield rest + piece[start : end + 1]
                rest = piece[end + 1 :]
            if len(rest) > LINE_LIMIT:
                self.too_long += 1
                skipping, rest = True, b""
        if rest.strip():
            # A file that is still being written ends anywhere; whether this is a line is found out like for any other.
            self.cut_off += 1
            yield rest + b"\n"


def _look_for(name: str) -> None:
    """Not by opening it, since a pipe can be opened once."""
    if name == "-":
        return
    if Path(name).is_dir():
        raise ResolverError(f"cannot read {name}: it is a directory")
    if not os.access(name, os.R_OK):
        raise ResolverError(f"cannot read {name}: {'permission denied' if Path(name).exists() else 'no such file'}")


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The file, or what is in it: rotated files are compressed whatever their names say. Raises ResolverError."""
    with ExitStack() as stack:
        try:
            file = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
        except OSError as error:
            raise ResolverError(f"cannot read {name}: {error.strerror or error}") from None
        start = cast("BufferedReader", file).peek(2)[:2]
        yield cast("BinaryIO", gzip.GzipFile(fileobj=file) if start == _GZIP else file)
