"""Which cases a server can be asked to pass: those that need no directive that is not built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from resolver.plugins.catalog import built
from resolver.plugins.order import ORDER

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
DEVIATIONS = HERE / "deviations.yaml"

# A server block with one of these schemes in its key serves only together with the directive `tls`.
ENCRYPTED = re.compile(r"(tls|https3?|quic|grpc)://")


@dataclass(frozen=True)
class Deviation:
    """A case that is failed on purpose, because a standard forbids what it expects."""

    case: str
    reason: str
    standard: str


def deviations() -> dict[str, Deviation]:
    """The deviations by case. Raises TypeError at a missing or unknown key."""
    rows = yaml.safe_load(DEVIATIONS.read_text(encoding="utf-8")) or []
    return {row["case"]: Deviation(**row) for row in rows}


def all_cases() -> dict[str, Path]:
    """All cases of the corpus by name, ``directory/slug``."""
    return {f"{path.parent.name}/{path.stem}": path for path in sorted(CASES.rglob("*.yaml"))}


def built_directives() -> frozenset[str]:
    """The directives that this version has."""
    return built()


def missing_directives(data: dict[str, Any], available: frozenset[str]) -> list[str]:
    """The directives that a case uses, that the field knows, and that are not among those available."""
    words = {word for text, depth in _corefiles(data) for word in directives(text, depth)}
    return sorted(words & frozenset(ORDER) - available)


def directives(text: str, depth: int = 1) -> Iterator[str]:
    """The first words of the lines that lie in at most so many pairs of braces, and the schemes of keys.

    Tolerant on purpose: many cases are about Corefiles that cannot be parsed.
    """
    level = 0
    for line in text.splitlines():
        is_first = True
        for word in line.split("#", 1)[0].split():
            if word == "{":
                level, is_first = level + 1, True
            elif word == "}":
                level, is_first = max(0, level - 1), True
            else:
                if is_first and level <= depth:
                    yield word
                if level == 0 and ENCRYPTED.match(word):
                    yield "tls"
                is_first = False


def _corefiles(data: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Every text of a case that the server reads as configuration, and how deep its directives may lie."""
    main = str(data.get("corefile") or "")
    yield main, 1
    for step in data.get("steps") or []:
        if step.get("write_file") == "Corefile":
            yield str(step.get("text") or ""), 1
    if re.search(r"^\s*import\b", main, re.MULTILINE):
        for text in (data.get("files") or {}).values():
            yield str(text), 0
