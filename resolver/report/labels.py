"""What a name looks like: its parent as somebody might have registered it, and how much its labels could carry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log2

LONG = 40  # characters of a label; people who name hosts stay below
_OPAQUE_LENGTH, _OPAQUE_BITS = 20, 3.5  # random hex of 20 characters has about 3.5 bits a character, words have 3
# Labels under which countries register names. The list need not be whole: a parent that is too wide is no mistake.
_SECOND = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gov", "ltd", "mil", "ne", "net", "nom", "or", "org", "plc"}
)
_LABELS_OF_ADDRESSES = frozenset({"arpa"})


def is_hashed(name: str) -> bool:
    """Whether the log keeps only a hash of it."""
    return name.startswith("h:")


def parent_of(name: str) -> str:
    """``example.co.uk.`` for ``a.b.example.co.uk.``; empty for short names, those of a cluster and of addresses."""
    labels = split(name)
    if len(labels) < 2 or labels[-1] in _LABELS_OF_ADDRESSES:
        return ""
    if "svc" in labels[-4:] or "pod" in labels[-4:]:  # NAME.NAMESPACE.svc.cluster.local., or below a search suffix
        return ""
    size = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND else 2
    return ".".join(labels[-size:]) + "." if len(labels) > size else ""


def split(name: str) -> list[str]:
    """The labels of a name in presentation form; an escaped dot splits nothing."""
    if "\\" not in name:
        return name.rstrip(".").split(".")
    labels, start, position = [], 0, 0
    while position < len(name):
        if name[position] == "\\":
            position += 1
        elif name[position] == ".":
            labels.append(name[start:position])
            start = position + 1
        position += 1
    if start < len(name):
        labels.append(name[start:])
    return labels


@dataclass(frozen=True, slots=True)
class Shape:
    """``bits`` a character of everything below the parent, ``longest`` label in characters."""

    bits: float
    longest: int
    is_long: bool
    is_opaque: bool


@lru_cache(maxsize=4096)
def shape_of(name: str, parent: str) -> Shape:
    """The shape of a name below its parent."""
    labels = split(name)[: -len(split(parent))] or [""]
    longest = max(labels, key=len)
    bits = entropy(longest)
    return Shape(bits, len(longest), len(longest) >= LONG, len(longest) >= _OPAQUE_LENGTH and bits >= _OPAQUE_BITS)


def entropy(text: str) -> float:
    """Bits a character, by how often each character occurs."""
    total = len(text)
    return -sum(count / total * log2(count / total) for count in map(text.count, set(text))) if total else 0.0
