"""One audit line, and octets of many lines turned into them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from typing import Any, cast

# Such a line was not written by the audit directive: the longest message has some thousand addresses.
LINE_LIMIT = 256 * 1024  # octets


@dataclass(slots=True)
class Line:
    """The fields of an audit line that a report looks at; what is not there is empty.

    ``time`` is RFC 3339 in UTC, the times are in milliseconds, ``size`` in octets. ``sampled`` is N where one line in N
    was written. ``lost`` is the number of lines that found no room before this one, ``limited`` of queries that a limit
    met, where the line is about them all.
    """

    time: str
    name: str = ""
    client: str = ""
    namespace: str = ""
    pod: str = ""
    owner: str = ""
    transport: str = ""
    type: str = ""
    decision: str = ""
    rule: str = ""
    cache: str = ""
    upstream: str = ""
    upstream_ms: float = 0.0
    duration_ms: float = 0.0
    rcode: str = ""
    answers: int = 0
    size: int = 0
    sampled: int = 1
    dropped: bool = False
    lost: int = 0
    limited: int = 0
    aliases: list[str] = field(default_factory=list)
    ede: list[dict[str, Any]] = field(default_factory=list)


Decode = Callable[[bytes], tuple[Sequence[Line], int]]


def decoder() -> Decode:
    """Octets of whole lines to lines and the number of those that are none; the fastest way that is installed."""
    return _with_msgspec() if find_spec("msgspec") else with_json


def _with_msgspec() -> Decode:
    import msgspec

    # A Struct is made in half the time of a dataclass, and the collector need not look at it.
    struct = msgspec.defstruct("Line", [_as_struct_field(one) for one in fields(Line)], gc=False)
    reader = msgspec.json.Decoder(struct)
    decode_lines = cast("Callable[[bytes], list[Line]]", reader.decode_lines)
    decode = cast("Callable[[bytes], Line]", reader.decode)

    def lines(octets: bytes) -> tuple[Sequence[Line], int]:
        try:
            return decode_lines(octets), 0
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return one_by_one(octets)

    def one_by_one(octets: bytes) -> tuple[Sequence[Line], int]:
        good, bad = [], 0
        for line in octets.split(b"\n"):
            if not line.strip():
                continue
            try:
                good.append(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                bad += 1
        return good, bad

    return lines


def _as_struct_field(one: Any) -> tuple[Any, ...]:
    import msgspec

    kind = _KINDS[one.name]
    if one.name == "time":
        return one.name, kind
    return one.name, kind, msgspec.field(default_factory=list) if kind in _LISTS else one.default


def with_json(octets: bytes) -> tuple[Sequence[Line], int]:
    """The same with the standard library alone."""
    good, bad = [], 0
    for line in octets.split(b"\n"):
        if not line.strip():
            continue
        try:
            good.append(_checked(json.loads(line)))
        except (ValueError, TypeError, RecursionError):
            bad += 1
    return good, bad


def _checked(value: Any) -> Line:
    """The line; raises TypeError or ValueError where it is none."""
    if not isinstance(value, dict):
        raise TypeError("no object")
    line = Line(**{name: value[name] for name in _KINDS.keys() & value.keys()})
    for name, kind in _CHECKS:
        item = getattr(line, name)
        if type(item) is not kind and not (kind is float and type(item) is int):
            raise TypeError(f"{name} is no {kind.__name__}")
    if not all(type(item) is str for item in line.aliases) or not all(type(item) is dict for item in line.ede):
        raise TypeError("a list holds what it must not")
    return line


_LISTS = (list[str], list[dict[str, Any]])
_KINDS: dict[str, Any] = {
    one.name: {"str": str, "int": int, "float": float, "bool": bool, "list[str]": _LISTS[0]}.get(
        str(one.type), _LISTS[1]
    )
    for one in fields(Line)
}
_CHECKS: list[tuple[str, type]] = [(name, list if kind in _LISTS else kind) for name, kind in _KINDS.items()]
