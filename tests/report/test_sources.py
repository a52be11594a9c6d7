"""Files as they lie about: compressed, cut off, with lines that are none."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from resolver.errors import ResolverError
from resolver.report.lines import LINE_LIMIT
from resolver.report.sources import PIECE, Sources


def read(*names: str | Path) -> tuple[bytes, Sources]:
    sources = Sources([str(name) for name in names])
    return b"".join(sources.pieces()), sources


def test_files_are_read_in_pieces_of_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    octets = b"".join(b"%07d %s\n" % (index, b"x" * 90) for index in range(30_000))
    path.write_bytes(octets)
    sources = Sources([str(path)])
    pieces = list(sources.pieces())
    assert len(pieces) > 2
    assert all(piece.endswith(b"\n") and len(piece) <= PIECE + 100 for piece in pieces)
    assert b"".join(pieces) == octets
    assert sources.octets == len(octets)


def test_compressed_files_are_known_by_their_content(tmp_path: Path) -> None:
    path = tmp_path / "audit.log.1"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    assert read(path, path)[0] == b"a\nb\na\nb\n"


def test_a_compressed_file_that_ends_early_gives_what_it_has_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audit.log.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 1000 + b"\n" + b"line\n" * 9)[:-20])
    _, sources = read(path)
    assert sources.broken[0].startswith(str(path))


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BufferedReader(io.BytesIO(b"one\n"))

    monkeypatch.setattr(sys, "stdin", Input())
    assert read("-")[0] == b"one\n"


def test_a_last_line_without_an_end_is_a_line_and_said(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b"one\ntwo")
    octets, sources = read(path)
    assert octets == b"one\ntwo\n"
    assert sources.cut_off == 1


@pytest.mark.parametrize("size", [LINE_LIMIT + PIECE, 5 * PIECE])
def test_a_line_without_end_is_left_out_and_what_follows_is_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b"one\n" + b"x" * size + b"\ntwo\n")
    octets, sources = read(path)
    assert octets == b"one\ntwo\n"
    assert sources.too_long == 1


def test_what_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ResolverError, match="nowhere: no such file"):
        Sources([str(tmp_path / "nowhere")])
    with pytest.raises(ResolverError, match="directory"):
        Sources([str(tmp_path)])
