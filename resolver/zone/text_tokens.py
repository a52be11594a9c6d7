"""The words of master files (RFC 1035 section 5.1) and the names in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from resolver.errors import WireError
from resolver.wire.constants import MAX_LABEL, MAX_NAME
from resolver.wire.names import ROOT

MAX_ENTRY: Final = 1 << 20
"""Octets of one entry, however many lines it has: twice the longest rdata with every octet written as ``\\DDD``."""

# Spaces, a comment, a bracket, a string in quotes, any other word; then what is none of these.
_PIECE: Final = re.compile(
    rb'[ \t\r\n\f\v]+|;[^\n]*|([()])|("(?:[^"\\]|\\.)*")|((?:[^ \t\r\n\f\v;()"\\]|\\.)+)|(.)', re.DOTALL
)
_ESCAPE: Final = re.compile(rb"\\([0-9]{3}|.)", re.DOTALL)
_LENGTHS: Final = tuple(bytes((length,)) for length in range(MAX_LABEL + 1))


def words(text: bytes, more: Callable[[], bytes]) -> list[bytes]:
    """The words of an entry that begins with ``text``; those in quotes keep these.

    ``more`` gives the next line, empty at the end of the file, and is asked for it where brackets are left open.
    Raises WireError.
    """
    found: list[bytes] = []
    depth, size = _split(text, found, 0), len(text)
    while depth:
        text = more()
        if not text:
            raise WireError("a bracket is not closed")
        size += len(text)
        if size > MAX_ENTRY:
            raise WireError(f"an entry is longer than {MAX_ENTRY} octets")
        depth = _split(text, found, depth)
    return found


def _split(line: bytes, found: list[bytes], depth: int) -> int:
    """Put the words of a line to those that were found; how many brackets are open behind it."""
    for piece in _PIECE.finditer(line):
        bracket, quoted, word, other = piece.groups()
        if word is not None or quoted is not None:
            found.append(word or quoted)
        elif bracket is not None:
            depth += 1 if bracket == b"(" else -1
            if depth < 0:
                raise WireError("a bracket is closed that was not opened")
        elif other is not None:
            raise WireError(f"a quote or a backslash has no end: {_shown(line[piece.start() :])}")
    return depth


def column(text: bytes, number: int) -> int:
    """Where the word of that number (from 0) begins in a line, counted from 1; 1 where it is not in the line."""
    for piece in _PIECE.finditer(text):
        if piece.group(2) is not None or piece.group(3) is not None:
            if number == 0:
                return piece.start() + 1
            number -= 1
    return 1


def wire_name(text: bytes, origin: bytes) -> bytes:
    """The wire name of a word, below ``origin`` where it does not end in a dot. Raises WireError."""
    if text == b"@":
        return origin
    if b"\\" in text:
        labels, tail = _escaped_labels(text), origin
        if not labels[-1]:
            labels, tail = labels[:-1], ROOT
    elif text.endswith(b"."):
        labels, tail = text[:-1].split(b"."), ROOT
        if text == b".":
            return ROOT
    else:
        labels, tail = text.split(b"."), origin
    try:
        name = b"".join([_LENGTHS[len(label)] + label for label in labels]) + tail
    except IndexError:
        raise WireError(f"the name {_shown(text)} has a label of more than 63 octets") from None
    if b"" in labels:
        raise WireError(f"the name {_shown(text)} has an empty label")
    if len(name) > MAX_NAME:
        raise WireError(f"the name {_shown(text)} is longer than 255 octets")
    return name


def _escaped_labels(text: bytes) -> list[bytes]:
    labels, label, at = [], bytearray(), 0
    while at < len(text):
        if text[at] == 0x5C:
            match = _ESCAPE.match(text, at)
            if match is None:
                raise WireError(f"the name {_shown(text)} ends in an unfinished escape")
            label += _unescaped(match)
            at = match.end()
            continue
        if text[at] == 0x2E:
            labels.append(bytes(label))
            label.clear()
        else:
            label.append(text[at])
        at += 1
    labels.append(bytes(label))
    return labels


def plain(word: bytes) -> bytes:
    """The octets that a word stands for, without its quotes and escapes. Raises WireError."""
    if word.startswith(b'"'):
        word = word[1:-1]
    return _ESCAPE.sub(_unescaped, word) if b"\\" in word else word


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match.group(1)
    if len(escape) == 1:
        if escape.isdigit():
            raise WireError(f"\\{escape.decode()} is not an escape of three digits")
        return escape
    if int(escape) > 255:
        raise WireError(f"\\{escape.decode()} is not an octet")
    return bytes((int(escape),))


def _shown(text: bytes) -> str:
    """The text for an error message, which it must not flood."""
    shown = text if len(text) <= 80 else text[:80] + b"..."
    return shown.decode("ascii", "backslashreplace").strip()
