"""The canonical order of names (RFC 4034 section 6.1), as octets that compare like the names do."""

from __future__ import annotations

from resolver.wire.names import labels

# The end of a label sorts before every octet, so octets that could be mistaken for it are written as two.
_END = b"\0"


def sort_key(name: bytes) -> bytes:
    """What a lower-case wire name is sorted by: its labels from the right, each ended by a zero."""
    parts = [_escaped(label) for label in labels(name)]
    return _END.join(reversed(parts)) + _END if parts else b""


def _escaped(label: bytes) -> bytes:
    if b"\0" not in label and b"\1" not in label:
        return label
    return label.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1")
