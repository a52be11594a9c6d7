"""Names as rules see them: in presentation form, as the field writes it, or on the wire."""

from __future__ import annotations

from typing import Final

from resolver.errors import WireError
from resolver.wire.constants import MAX_LABEL, MAX_NAME
from resolver.wire.names import ROOT, from_text, labels

_PLAIN: Final = bytes(range(0x21, 0x7F)).translate(None, b"'@;()\"\\.")
_SPECIAL: Final = frozenset(b".'@;()\"\\ ")
_FROM_WIRE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.*")


def shown(name: bytes) -> str:
    """The presentation form of a wire name with its final dot, in which the rules of operators look for text.

    It is that of the server that Corefiles are written for, so that patterns with a backslash in them find the same.
    """
    parts = list(labels(name))
    text = b".".join(parts) + b"."
    if not text.translate(None, _PLAIN + b".") and text.count(b".") == (len(parts) or 1):
        return text.decode("ascii")
    return "".join(_shown_label(label) + "." for label in parts)


def _shown_label(label: bytes) -> str:
    return "".join(
        f"\\{chr(octet)}" if octet in _SPECIAL else chr(octet) if 0x21 <= octet <= 0x7E else f"\\{octet:03d}"
        for octet in label
    )


def full(text: str) -> str:
    """A name of a rule: in lower case, with a final dot."""
    text = text.lower()
    return text if text.endswith(".") and not _dot_is_escaped(text) else text + "."


def _dot_is_escaped(text: str) -> bool:
    before = text[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def wire_or_none(text: str) -> bytes | None:
    """The wire name of a text with a final dot; None where it is none."""
    try:
        return from_text(text)
    except WireError:
        return None


def octets_of(text: str) -> tuple[bytes, bytes] | None:
    """The end of a name as octets: of its first label, which may be a part of one, and of the labels behind it.

    ``.example.org.`` begins at a label and has nothing of the one before it. None for what only text can tell.
    """
    if not _FROM_WIRE.issuperset(text) or text == ".":
        return None
    first, dot, rest = text.partition(".")
    behind = wire_or_none(rest or ".")
    if not dot or behind is None or len(first) > MAX_LABEL or (not first and behind == ROOT):
        return None
    return first.encode("ascii"), behind


def label_before(name: bytes, behind: int) -> int:
    """Where the label starts that ends at offset ``behind``; -1 where no label does."""
    start, offset = -1, 0
    while offset < behind:
        start, offset = offset, offset + 1 + name[offset]
    return start if offset == behind else -1


def joined(*parts: bytes) -> bytes:
    """A wire name made of labels. Raises WireError where it is longer than 255 octets."""
    name = b"".join(parts)
    if len(name) > MAX_NAME:
        raise WireError("name is longer than 255 octets")
    return name


def with_label(before: bytes, label: bytes, behind: bytes) -> bytes:
    """A wire name with a label between labels. Raises WireError where it would be none."""
    if not 0 < len(label) <= MAX_LABEL:
        raise WireError("a label is empty or longer than 63 octets")
    return joined(before, bytes((len(label),)), label, behind)
