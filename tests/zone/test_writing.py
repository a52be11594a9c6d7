from __future__ import annotations

from pathlib import Path

import pytest

from resolver.wire.constants import TYPE_NUMBERS, A
from resolver.wire.names import from_text
from resolver.wire.records import Record
from resolver.zone.text import MasterFile
from resolver.zone.writing import line_of, write

ORIGIN = from_text("example.org")
WWW = Record(from_text("www.example.org"), A, 1, 60, bytes((192, 0, 2, 1)))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    records = [
        Record(ORIGIN, TYPE_NUMBERS["SOA"], 1, 60, ORIGIN + ORIGIN + bytes(range(20))),
        WWW,
        Record(from_text('\\000\\255a\\.b\\;\\"\\@.example.org'), A, 1, 0, bytes(4)),
        Record(from_text("*.example.org"), TYPE_NUMBERS["TXT"], 1, 60, b'\4a;"\xff\0\2\\ '),
        Record(
            ORIGIN, TYPE_NUMBERS["RRSIG"], 1, 60, bytes((0, 1, 13, 2)) + b"\x6b\0\0\0" * 3 + b"\1\2" + ORIGIN + b"sig"
        ),
        Record(ORIGIN, TYPE_NUMBERS["NSEC"], 1, 60, b"\1\0" + ORIGIN + bytes.fromhex("0006400100000003")),
        Record(ORIGIN, TYPE_NUMBERS["CAA"], 1, 60, b"\0\5issueca.example"),
        Record(ORIGIN, TYPE_NUMBERS["HTTPS"], 1, 60, b"\0\1\0\0\1\0\3\2h2"),
        Record(ORIGIN, 65280, 1, 60, b"\1\2\3"),
        Record(ORIGIN, 65281, 1, 60, b""),
    ]
    write(tmp_path / "db", records)
    assert list(MasterFile(tmp_path / "db", ORIGIN).records()) == records


def test_what_the_library_cannot_read_is_written_as_octets() -> None:
    broken = Record(ORIGIN, TYPE_NUMBERS["A"], 1, 60, b"\1\2\3")
    assert line_of(broken) == "example.org.\t60\tIN\tA\t\\# 3 010203\n"


def test_a_file_is_replaced_in_one_go_and_can_be_read_by_all(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_text("old")
    old = path.open()
    write(path, [WWW])
    with old:
        assert old.read() == "old"
    assert path.read_text() == "www.example.org.\t60\tIN\tA\t192.0.2.1\n"
    assert path.stat().st_mode & 0o777 == 0o644


def test_where_writing_fails_the_old_file_stays_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_text("old")
    with pytest.raises(IndexError):
        write(path, [WWW, WWW._replace(owner=b"no name")])
    assert [one.name for one in tmp_path.iterdir()] == ["db"]
    assert path.read_text() == "old"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / "db", [WWW])
