"""YAML as people write it: comments, long texts as blocks, short lists on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

import yaml

Document = Mapping[str, Any]

_WIDTH = 110  # characters in a line of comment
_FLOW_WIDTH = 90  # characters in a list that stands on one line
# Words that some readers of YAML take for a truth; None is for readers who know Python.
_MISLEADING = frozenset({"None", "y", "Y", "n", "N"})
_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_./:@%+= -]*")


class Note(str):
    """A comment: as a key of a mapping (its value is not looked at) or an item of a list."""

    __slots__ = ()


def render(document: Document) -> str:
    """One YAML document, without the line of dashes."""
    return "\n".join(_mapping(document, "")) + "\n"


def comment(text: str, pad: str = "") -> Iterator[str]:
    """The lines of a comment; lines of the text stay lines."""
    for line in text.splitlines():
        for piece in wrap(line, _WIDTH - len(pad), break_long_words=False, break_on_hyphens=False) or [""]:
            yield f"{pad}# {piece}".rstrip()


def _mapping(value: Document, pad: str) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(key, Note):
            yield from comment(key, pad)
        else:
            yield from _entry(f"{pad}{_scalar(key)}:", item, pad)


def _entry(head: str, value: object, pad: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield head if value else f"{head} {{}}"
        yield from _mapping(value, pad + "  ")
    elif isinstance(value, list | tuple):
        flow = _flow(value)
        if flow is not None and len(head) + len(flow) < _FLOW_WIDTH:
            yield f"{head} {flow}"
        else:
            yield head
            yield from _list(value, pad)
    elif isinstance(value, str) and "\n" in value:
        yield f"{head} |" if value.endswith("\n") else f"{head} |-"
        yield from (f"{pad}  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _list(items: Sequence[object], pad: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, Note):
            yield from comment(item, pad)
        elif isinstance(item, Mapping):
            yield from _item(list(_mapping(item, pad + "  ")), pad)
        else:
            yield f"{pad}- {_scalar(item)}"


def _item(lines: list[str], pad: str) -> Iterator[str]:
    """The dash goes before the first line that is no comment."""
    first = next(index for index, line in enumerate(lines) if not line.lstrip().startswith("#"))
    yield from (line.removeprefix("  ") for line in lines[:first])
    yield f"{pad}- {lines[first].removeprefix(pad + '  ')}"
    yield from lines[first + 1 :]


def _flow(items: Sequence[object]) -> str | None:
    if any(isinstance(item, Note | Mapping | list | tuple) or "\n" in str(item) for item in items):
        return None
    return f"[{', '.join(_scalar(item) for item in items)}]"


def _scalar(value: object) -> str:
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and ": " not in text and not text.endswith((":", " "))
    if plain and text not in _MISLEADING and not _is_number(text) and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)


def _is_number(text: str) -> bool:
    """Whether some reader of YAML takes this for a number: 1e3 and 0o17 are such for that of Kubernetes."""
    for read in (float, lambda word: int(word, 0)):
        try:
            read(text)
        except ValueError:
            continue
        return True
    return False
