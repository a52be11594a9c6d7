"""``python -m docs.generate [--check]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from docs.generate.render import COMMAND, FOLDER, files


def main(words: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """0 when the folder is as it should be, or has become so."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Make docs/directives out of the plugins' pages.")
    parser.add_argument("--check", action="store_true", help="write nothing; say what is out of date")
    if parser.parse_args(words).check:
        return _check(folder)
    folder.mkdir(exist_ok=True)
    wanted = files()
    for name in stale(folder, wanted):
        path = folder / name
        if name in wanted:
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
    return 0


def stale(folder: Path, wanted: dict[str, str]) -> list[str]:
    """The files that are missing, differ, or should not be there."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def _check(folder: Path) -> int:
    found = stale(folder, files())
    if found:
        print(f"docs/directives is out of date ({', '.join(found)}): run {COMMAND}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
