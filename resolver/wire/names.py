"""Domain names: wire form, text form, labels and suffixes.

A wire name is uncompressed and ends in the root octet. Lower-casing a wire name with ``bytes.lower`` is safe:
length octets are at most 63 and so never look like letters.
"""

from __future__ import annotations

from collections.abc import Iterator

from resolver.errors import WireError
from resolver.wire.constants import HEADER_SIZE, MAX_LABEL, MAX_NAME

ROOT = b"\0"

# A name has at most 127 labels, so no honest name is spread over more pieces than that.
MAX_POINTERS = 127


def read_name(message: bytes, offset: int) -> tuple[bytes, int]:
    """The wire name at ``offset`` of a message with pointers followed, and the offset behind it.

    Pointers must lead backwards and not into the header (RFC 1035 section 4.1.4), so no loop is possible.
    Raises WireError for anything else.
    """
    parts: list[bytes] = []
    end = -1
    floor = offset
    size = 1
    pointers = 0
    try:
        while True:
            length = message[offset]
            if length == 0:
                parts.append(ROOT)
                return b"".join(parts), offset + 1 if end < 0 else end
            if length <= MAX_LABEL:
                following = offset + 1 + length
                size += 1 + length
                if size > MAX_NAME or following >= len(message):
                    raise WireError("name is too long or cut off")
                parts.append(message[offset:following])
                offset = following
                continue
            if length < 0xC0:
                raise WireError("label type is not known")
            target = (length & 0x3F) << 8 | message[offset + 1]
            if end < 0:
                end = offset + 2
            pointers += 1
            if target >= floor or target < HEADER_SIZE or pointers > MAX_POINTERS:
                raise WireError("compression pointer does not lead back to a name")
            floor = offset = target
    except IndexError:
        raise WireError("name is cut off") from None


def plain_name(octets: bytes, offset: int) -> tuple[bytes, int]:
    """The wire name at ``offset`` where no pointer may stand, and the offset behind it. Raises WireError."""
    window = octets[offset : offset + MAX_NAME]
    end = 0
    try:
        while length := window[end]:
            if length > MAX_LABEL:
                raise WireError("name is compressed or has a label of an unknown type")
            end += 1 + length
    except IndexError:
        raise WireError("name is too long or cut off") from None
    end += 1
    return window[:end], offset + end


def from_text(text: str) -> bytes:
    """The wire name for presentation form; a missing final dot is added (``www.example.org``).

    Escapes are those of RFC 1035 section 5.1 (``\\.`` and ``\\DDD``). Raises WireError.
    """
    if text in (".", ""):
        return ROOT
    if "\\" not in text and text.isascii():
        labels = text.removesuffix(".").encode().split(b".")
    else:
        labels = _escaped_labels(text)
    if any(not label or len(label) > MAX_LABEL for label in labels):
        raise WireError(f"name {_shown(text)} has an empty label or one of more than 63 octets")
    name = b"".join(bytes((len(label),)) + label for label in labels) + ROOT
    if len(name) > MAX_NAME:
        raise WireError(f"name {_shown(text)} is longer than 255 octets")
    return name


def _escaped_labels(text: str) -> list[bytes]:
    labels, label, position = [], bytearray(), 0
    while position < len(text):
        char = text[position]
        position += 1
        if char == "\\":
            digits = text[position : position + 3]
            if len(digits) == 3 and digits.isascii() and digits.isdigit():
                if int(digits) > 255:
                    raise WireError(f"escape \\{digits} is not an octet")
                label.append(int(digits))
                position += 3
            elif digits and digits[0].isascii() and not digits[0].isdigit():
                label.append(ord(digits[0]))
                position += 1
            else:
                raise WireError(f"name {_shown(text)} has an unfinished escape")
        elif char == ".":
            labels.append(bytes(label))
            label = bytearray()
        elif char.isascii():
            label.append(ord(char))
        else:
            raise WireError(f"name {_shown(text)} is not ASCII; write it in its xn-- form")
    if label:
        labels.append(bytes(label))
    return labels


def _shown(text: str) -> str:
    """The text for an error message, which it must not flood."""
    return repr(text if len(text) <= 4 * MAX_NAME else text[: 4 * MAX_NAME] + "...")


def to_text(name: bytes) -> str:
    """Presentation form with the final dot: ``www.example.org.``; the root is ``.``."""
    if name == ROOT:
        return "."
    parts = list(labels(name))
    text = b".".join(parts)
    if not text.translate(None, _PLAIN) and text.count(b".") == len(parts) - 1:
        return text.decode("ascii") + "."
    return "".join([_label_text(label) + "." for label in parts])


_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*."
_SPECIAL = frozenset(b'."\\();@$')


def _label_text(label: bytes) -> str:
    if label.isalnum():
        return label.decode("ascii")
    out = []
    for octet in label:
        if octet in _SPECIAL:
            out.append("\\" + chr(octet))
        elif 0x21 <= octet <= 0x7E:
            out.append(chr(octet))
        else:
            out.append(f"\\{octet:03d}")
    return "".join(out)


def labels(name: bytes) -> Iterator[bytes]:
    """The labels of a wire name, leftmost first, without the root."""
    offset = 0
    while length := name[offset]:
        yield name[offset + 1 : offset + 1 + length]
        offset += 1 + length


def suffixes(name: bytes) -> Iterator[bytes]:
    """The name itself, then each parent, last the root."""
    yield name
    while length := name[0]:
        name = name[1 + length :]
        yield name


def parent(name: bytes) -> bytes:
    """The name without its leftmost label; the root is its own parent."""
    return name[1 + name[0] :] if name[0] else name


def count_labels(name: bytes) -> int:
    """How many labels, the root not counted."""
    count = offset = 0
    while length := name[offset]:
        count += 1
        offset += 1 + length
    return count


def is_below(name: bytes, zone: bytes) -> bool:
    """Whether ``name`` is ``zone`` or below it; both in lower case."""
    if not name.endswith(zone):
        return False
    rest = len(name) - len(zone)
    offset = 0
    while offset < rest:  # the suffix must begin at a label, not inside one
        offset += 1 + name[offset]
    return offset == rest
