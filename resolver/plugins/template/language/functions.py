"""The functions of templates. Each raises TemplateError for what it cannot take."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from resolver.plugins.template.language.formatting import printf
from resolver.plugins.template.language.values import NO_VALUE, TemplateError, kind_of, plain, shown, truth

_MAX: Final = {8: 2**8 - 1, 16: 2**16 - 1, 32: 2**32 - 1, 64: 2**64 - 1}


class Known(NamedTuple):
    """A function and how many arguments it takes at least and at most (None: any number)."""

    call: Callable[..., Any]
    least: int
    most: int | None


def parse_int(text: Any, base: Any, bits: Any) -> int:
    """An unsigned number of so many bits in a base from 2 to 36; base 0 goes by the prefix."""
    if type(text) is not str or type(base) is not int or type(bits) is not int:
        raise TemplateError("parseInt takes a string and two whole numbers")
    limit = _MAX[64] if bits == 0 else 2**bits - 1 if 0 < bits <= 64 else -1
    if limit < 0 or not (base == 0 or 2 <= base <= 36):
        raise TemplateError(f"parseInt: base {base} or {bits} bits are out of range")
    try:
        if len(text) > 100 or not (text.isascii() and text.replace("_", "" if base == 0 else "_").isalnum()):
            raise ValueError
        octal = base == 0 and len(text) > 1 and text[0] == "0" and text[1] in "01234567_"
        number = int(text, 8 if octal else base)
    except ValueError:
        raise TemplateError(f"parsing {text[:100]!r}: invalid syntax") from None
    if number > limit:
        raise TemplateError(f"parsing {text!r}: value out of range")
    return number


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if value is NO_VALUE or value is None:
            raise TemplateError("index of nothing")
        if isinstance(value, dict):
            if type(key) is not str and value and type(next(iter(value))) is not type(key):
                raise TemplateError(f"a {kind_of(key)} cannot be the key of a map")
            value = value.get(key, _nothing_like(value))
        elif isinstance(value, list):
            value = value[_position(key, len(value) - 1)]
        elif isinstance(value, str):
            octets = value.encode()
            value = octets[_position(key, len(octets) - 1)]
        else:
            raise TemplateError(f"a {kind_of(value)} has no index")
    return value


def _nothing_like(value: dict[Any, Any]) -> Any:
    """What stands for a value that a map does not have: an empty text where all of its values are texts."""
    return "" if all(type(one) is str for one in value.values()) else NO_VALUE


def _position(key: Any, highest: int) -> int:
    if type(key) is not int:
        raise TemplateError(f"an index must be a whole number, not {kind_of(key)}")
    if not 0 <= key <= highest:
        raise TemplateError(f"index out of range: {key}")
    return key


def _slice(value: Any, *bounds: Any) -> Any:
    if isinstance(value, str):
        if len(bounds) > 2:
            raise TemplateError("a string cannot be sliced with three numbers")
        octets = value.encode()
        first, last = _bounds(bounds[:2], len(octets))
        return octets[first:last].decode(errors="replace")
    if isinstance(value, list):
        first, last = _bounds(bounds[:2], len(value))
        if len(bounds) == 3 and not last <= _position(bounds[2], len(value)):
            raise TemplateError("the numbers of a slice must rise")
        return value[first:last]
    raise TemplateError(f"a {kind_of(value)} cannot be sliced")


def _bounds(bounds: tuple[Any, ...], length: int) -> tuple[int, int]:
    numbers = [_position(bound, length) for bound in bounds]
    first, last = [*numbers, *(0, length)[len(numbers) :]]
    if first > last:
        raise TemplateError(f"invalid slice: {first} > {last}")
    return first, last


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list | dict):
        return len(value)
    raise TemplateError(f"a {kind_of(value)} has no length")


def _print(*values: Any) -> str:
    """Values in a row, with a space between two that are both not text."""
    out = []
    for at, value in enumerate(values):
        if at and type(value) is not str and type(values[at - 1]) is not str:
            out.append(" ")
        out.append(plain(value))
    return "".join(out)


def _println(*values: Any) -> str:
    return " ".join(map(plain, values)) + "\n"


_JS: Final = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D",
}  # fmt: skip


def _js(*values: Any) -> str:
    return "".join(_JS.get(char, f"\\u{ord(char):04X}" if char < " " else char) for char in _joined(values))


def _html(*values: Any) -> str:
    return html.escape(_joined(values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;").replace("\0", "\ufffd")


def _urlquery(*values: Any) -> str:
    return quote(_joined(values), safe="-_.~ ").replace(" ", "+")


def _joined(values: tuple[Any, ...]) -> str:
    return shown(values[0]) if len(values) == 1 and values[0] is not NO_VALUE else _print(*values)


# --- comparisons


def _basic(value: Any) -> str:
    if isinstance(value, bool | int | float | str):
        return kind_of(value)
    raise TemplateError(f"a {kind_of(value)} cannot be compared")


def _eq(value: Any, *others: Any) -> bool:
    return any(_same(value, other) for other in others)


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None or one is NO_VALUE or other is NO_VALUE:
        return (one is None or one is NO_VALUE) and (other is None or other is NO_VALUE)
    if isinstance(one, list | dict) or isinstance(other, list | dict):
        raise TemplateError("lists and maps cannot be compared")
    if kind_of(one) != kind_of(other):
        raise TemplateError("incompatible types for comparison")
    return bool(one == other)


def _ne(one: Any, other: Any) -> bool:
    return not _same(one, other)


def _less(one: Any, other: Any) -> bool:
    if _basic(one) != _basic(other):
        raise TemplateError("incompatible types for comparison")
    if isinstance(one, bool):
        raise TemplateError("truth values have no order")
    return bool(one < other)


def _le(one: Any, other: Any) -> bool:
    return _less(one, other) or _same(one, other)


def _gt(one: Any, other: Any) -> bool:
    return not _le(one, other)


def _ge(one: Any, other: Any) -> bool:
    return not _less(one, other)


def _not(value: Any) -> bool:
    return not truth(value)


FUNCTIONS: Final[Mapping[str, Known]] = {
    "parseInt": Known(parse_int, 3, 3), "index": Known(_index, 1, None), "slice": Known(_slice, 1, 4),
    "len": Known(_len, 1, 1), "print": Known(_print, 0, None), "println": Known(_println, 0, None),
    "printf": Known(printf, 1, None), "html": Known(_html, 0, None), "js": Known(_js, 0, None),
    "urlquery": Known(_urlquery, 0, None), "not": Known(_not, 1, 1), "eq": Known(_eq, 2, None),
    "ne": Known(_ne, 2, 2), "lt": Known(_less, 2, 2), "le": Known(_le, 2, 2), "gt": Known(_gt, 2, 2),
    "ge": Known(_ge, 2, 2),
}  # fmt: skip

# These stop at the first value that settles the matter, so the compiler builds them itself.
LAZY: Final = ("and", "or")
