"""``$GENERATE``: many records from one line, as BIND has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from resolver.errors import WireError
from resolver.zone.text_rdata import number

MAX_RECORDS: Final = 65536
MAX_WIDTH: Final = 255

_LINE: Final = re.compile(rb"\$GENERATE[ \t]+([^ \t]+)[ \t]+([^\r\n]+)", re.IGNORECASE)
_RANGE: Final = re.compile(rb"([0-9]+)-([0-9]+)(?:/([0-9]+))?")
_PLACE: Final = re.compile(rb"\\\$|\$\$|\$\{(-?[0-9]+)(?:,([0-9]+)(?:,([doxXnN]))?)?\}|\$")


def generated(line: bytes) -> Iterator[bytes]:
    """The entries that the line stands for. Raises WireError."""
    match = _LINE.match(line)
    bounds = _RANGE.fullmatch(match.group(1)) if match is not None else None
    if match is None or bounds is None:
        raise WireError("$GENERATE needs a range (1-10 or 1-10/2), an owner, a type and rdata")
    first, last, step = number(bounds.group(1)), number(bounds.group(2)), number(bounds.group(3) or b"1")
    if step == 0 or first > last or last > 0xFFFFFFFF:
        raise WireError("the range of $GENERATE does not go upwards")
    if (last - first) // step >= MAX_RECORDS:
        raise WireError(f"$GENERATE makes more than {MAX_RECORDS} records")
    template = match.group(2)
    for at in range(first, last + 1, step):
        yield _PLACE.sub(lambda place, at=at: _filled(place, at), template)


def _filled(place: re.Match[bytes], at: int) -> bytes:
    text = place.group(0)
    if text in (rb"\$", b"$$"):
        return b"$"
    offset, width, base = place.group(1) or b"0", int(place.group(2) or b"0"), (place.group(3) or b"d").decode()
    value = at + int(offset)
    if value < 0:
        raise WireError("$GENERATE makes a number below zero")
    if width > MAX_WIDTH:
        raise WireError(f"a number of $GENERATE is wider than {MAX_WIDTH} digits")
    if base in "nN":
        return _nibbles(value, width, "x" if base == "n" else "X")
    return f"{value:0{width}{base}}".encode()


def _nibbles(value: int, width: int, base: str) -> bytes:
    """The digits from the last to the first with dots, as ip6.arpa has them; ``width`` counts the dots too."""
    text = ".".join(reversed(f"{value:{base}}"))
    while len(text) < width:
        text += ".0" if len(text) + 2 <= width else "."
    return text.encode()
