from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.dnssec.keys import ECDSAP256, Key
from resolver.dnssec.signature import Validity
from resolver.wire.records import Record
from resolver.zone.data import build
from resolver.zone.signed_file import DAY, RESIGN_AFTER, RESIGN_BEFORE_END, why_sign
from resolver.zone.signing import signed, unsigned
from resolver.zone.text import MasterFile
from resolver.zone.writing import write
from tests.zone.test_signing import ORIGIN, PLAIN, keys

BEGIN = 1_800_000_000
VALID = Validity(BEGIN, BEGIN + 32 * DAY)
TEXT = PLAIN


class Files:
    """A zone file and its signed copy."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "db", folder / "db.signed"
        self.source.write_text(TEXT)
        self.keys: list[Key] = keys(folder, ECDSAP256)

    def sign(self, validity: Validity = VALID) -> None:
        write(self.target, self.records(validity))
        os.utime(self.source, (1, 1))

    def records(self, validity: Validity) -> Iterator[Record]:
        zone = build(ORIGIN, unsigned(MasterFile(self.source, ORIGIN).records()))
        return signed(zone, self.keys, validity, 1)

    def why(self, now: float = BEGIN + DAY, tags: list[int] | None = None) -> str:
        wanted = [key.tag for key in self.keys] if tags is None else tags
        return why_sign(self.target, self.source, ORIGIN, wanted, now)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_zone_whose_signatures_are_good_is_not_signed(files: Files) -> None:
    files.sign()
    assert files.why() == ""
    assert files.why(BEGIN + RESIGN_AFTER) == ""


def test_a_zone_that_was_never_signed_is(files: Files) -> None:
    assert files.why() == f"{files.target}: No such file or directory"


def test_it_is_signed_again_some_days_after(files: Files) -> None:
    files.sign()
    assert files.why(BEGIN + RESIGN_AFTER + 1) == "its signatures are valid since 6.0 days"


def test_it_is_signed_again_when_little_time_is_left(files: Files) -> None:
    files.sign(Validity(BEGIN, BEGIN + RESIGN_BEFORE_END + DAY))
    assert files.why(BEGIN + DAY) == ""
    assert files.why(BEGIN + DAY + 1) == "its signatures end in 14.0 days"


def test_it_is_signed_again_when_the_clock_was_wrong(files: Files) -> None:
    files.sign()
    assert files.why(BEGIN - 5) == "its signatures begin to be valid in 5 seconds"


def test_it_is_signed_again_when_its_source_has_changed(files: Files) -> None:
    files.sign()
    later = files.target.stat().st_mtime + 1
    os.utime(files.source, (later, later))
    assert files.why() == f"{files.source} is newer than {files.target}"


def test_it_is_signed_again_with_other_keys(files: Files) -> None:
    files.sign()
    assert files.why(tags=[files.keys[0].tag, 4711]) == f"{files.target} is signed with other keys"


def test_it_is_signed_again_when_nobody_can_read_it(files: Files) -> None:
    files.sign()
    files.target.write_text("example.org. 60 IN SOA\n")
    assert f"{files.target}:1" in files.why()
    files.target.write_text("example.org. 60 IN A 192.0.2.1\n")
    assert "no signature of the SOA" in files.why()


def test_only_the_first_records_are_looked_at(files: Files) -> None:
    files.sign()
    lines = files.target.read_text().splitlines(keepends=True)
    files.target.write_text("example.org. 60 IN A 192.0.2.1\n" * 99 + "".join(lines))
    assert "among the first 100 records" in files.why()
