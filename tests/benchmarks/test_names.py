from __future__ import annotations

from pathlib import Path

from benchmarks.measure import ROWS, files
from benchmarks.names import cached, in_zones, mixed, new, question, shuffled, write


def test_every_tenth_name_of_the_mix_is_new() -> None:
    names = list(mixed("m", known=20, count=100))
    fresh = [name for name in names if name.startswith("m")]
    assert len(fresh) == len(set(fresh)) == 10
    assert set(names) - set(fresh) == set(cached(20))


def test_new_names_are_new() -> None:
    assert len({*new("a", 50), *new("b", 50), *in_zones(50), *cached(50)}) == 200


def test_shuffling_is_the_same_every_time_and_takes_no_name_twice() -> None:
    first = shuffled(cached(100), 50)
    assert first == shuffled(cached(100), 50)
    assert len(set(first)) == 50
    assert first != sorted(first)


def test_rows_with_new_names_never_share_one(tmp_path: Path) -> None:
    seen: set[str] = set()
    for row in (row for row in ROWS if row.key == "miss"):
        chosen = files(row, tmp_path, seconds=0.01)
        for path in (chosen.full, chosen.steady):
            names = path.read_text().splitlines()
            assert len(set(names)) == len(names)
            assert not seen & set(names)
            seen |= set(names)
    assert seen


def test_a_question_in_wire_form() -> None:
    wire = question("ab.c", 0x1234)
    assert wire == b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x02ab\x01c\x00\x00\x01\x00\x01"


def test_a_file_has_a_line_a_name(tmp_path: Path) -> None:
    assert write(tmp_path / "names", ["a.test", "b.test"]).read_text() == "a.test A\nb.test A\n"
