"""``printf``: verbs, flags, width and precision as Go has them."""

from __future__ import annotations

import re
from typing import Any, Final

from resolver.plugins.template.language.values import NO_VALUE, TemplateError, float_text, kind_of, plain

_VERB = re.compile(r"%([-+# 0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?(?:\[([0-9]{1,4})\])?(.)?", re.DOTALL)
_WIDEST: Final = 1000
_INTEGER: Final = "bcdoOqxXU"
_FLOAT: Final = "beEfFgG"


def printf(layout: Any, *values: Any) -> str:
    """Text with values put in; what does not fit a verb is shown as such, as in ``%!d(string=x)``."""
    if type(layout) is not str:
        raise TemplateError(f"printf needs a text first, not {kind_of(layout)}")
    return _Printer(values).fill(layout)


class _Printer:
    def __init__(self, values: tuple[Any, ...]) -> None:
        self.values = values
        self.at = 0
        self.reordered = False

    def fill(self, layout: str) -> str:
        out, at = [], 0
        for found in _VERB.finditer(layout):
            out.append(layout[at : found.start()])
            out.append(self.verb(found))
            at = found.end()
        out.append(layout[at:])
        if self.at < len(self.values) and not self.reordered:
            rest = ", ".join(
                "<nil>" if _is_nothing(one) else f"{kind_of(one)}={plain(one)}" for one in self.values[self.at :]
            )
            out.append(f"%!(EXTRA {rest})")
        return "".join(out)

    def verb(self, found: re.Match[str]) -> str:
        flags, wide, exact, which, verb = found.groups()
        if verb == "[":
            raise TemplateError("printf takes the number of an argument right before the verb only")
        width = self.number(wide)
        precision = None if exact is None else self.number(exact or "0")
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if which is not None:
            self.at, self.reordered = int(which) - 1, True
        if not 0 <= self.at < len(self.values):
            return f"%!{verb}({'MISSING' if which is None else 'BADINDEX'})"
        value = self.values[self.at]
        self.at += 1
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        return padded(_written(value, verb, flags, precision), flags, width, verb, value)

    def number(self, text: str | None) -> int | None:
        if text is None:
            return None
        if text != "*":
            number = int(text) if len(text) < 6 else _WIDEST + 1
        else:
            if self.at >= len(self.values) or type(self.values[self.at]) is not int:
                raise TemplateError("printf has no whole number for *")
            number = self.values[self.at]
            self.at += 1
        if abs(number) > _WIDEST:
            raise TemplateError(f"printf takes no width above {_WIDEST}")
        return number


def padded(text: str, flags: str, width: int | None, verb: str, value: Any) -> str:
    """The text at its width: filled on the right with ``-``, else on the left."""
    if width is None or len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and not text.startswith("%!"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and verb != "q"
        if is_number and text[0] in "+- ":
            return text[0] + text[1:].rjust(width - 1, "0")
        return text.rjust(width, "0")
    return text.rjust(width)


def _written(value: Any, verb: str, flags: str, precision: int | None) -> str:
    if verb == "T":
        return kind_of(value)
    if verb == "v":
        if isinstance(value, str) and "#" in flags:
            return _quoted(value)
        return _float(value, "g", flags, precision) if isinstance(value, float) else _signed(plain(value), value, flags)
    if isinstance(value, list):
        return "[" + " ".join(_written(one, verb, flags, precision) for one in value) + "]"
    if isinstance(value, bool):
        return plain(value) if verb == "t" else _wrong(value, verb)
    if isinstance(value, int):
        return _integer(value, verb, flags, precision)
    if isinstance(value, float):
        return _float(value, verb, flags, precision) if verb in _FLOAT else _wrong(value, verb)
    if isinstance(value, str):
        return _text(value, verb, flags, precision)
    if not _is_nothing(value) and verb in "sq":
        return _text(str(value), verb, flags, precision)
    return _wrong(value, verb)


def _integer(value: int, verb: str, flags: str, precision: int | None) -> str:
    if verb not in _INTEGER:
        return _wrong(value, verb)
    if verb == "c":
        return _char(value)
    if verb == "q":
        return "'" + _char(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
    if verb == "U":
        return f"U+{value:04X}"
    digits = format(abs(value), {"O": "o"}.get(verb, verb))
    if precision is not None:
        digits = digits.rjust(precision, "0")
    if "#" in flags or verb == "O":
        digits = {"x": "0x", "X": "0X", "b": "0b", "o": "0", "O": "0o"}.get(verb, "") + digits
    return _signed("-" + digits if value < 0 else digits, value, flags)


def _float(value: float, verb: str, flags: str, precision: int | None) -> str:
    if verb in "gG" and precision is None:
        text = float_text(value)
        return _signed(text.upper() if verb == "G" else text, value, flags)
    if verb == "b":
        return _wrong(value, verb)
    return _signed(format(value, f".{6 if precision is None else precision}{verb}"), value, flags)


def _text(value: str, verb: str, flags: str, precision: int | None) -> str:
    if verb in "xX":
        octets = value.encode()[:precision]
        separator = " " if " " in flags else ""
        text = separator.join(f"{octet:02x}" for octet in octets)
        return text.upper() if verb == "X" else text
    if precision is not None:
        value = value[:precision]
    if verb == "s":
        return value
    return _quoted(value) if verb == "q" else _wrong(value, verb)


def _quoted(value: str) -> str:
    marks = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(marks.get(char) or (char if char.isprintable() else _escaped(char)) for char in value) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _char(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"


def _signed(text: str, value: Any, flags: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or text.startswith(("-", "+")):
        return text
    return "+" + text if "+" in flags else " " + text if " " in flags else text


def _wrong(value: Any, verb: str) -> str:
    return f"%!{verb}(<nil>)" if _is_nothing(value) else f"%!{verb}({kind_of(value)}={plain(value)})"


def _is_nothing(value: Any) -> bool:
    return value is None or value is NO_VALUE
