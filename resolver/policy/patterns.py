"""Destinations as rules name them. Whole labels only, so that finding them never needs more than dictionaries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from resolver.errors import ResolverError, WireError
from resolver.wire.names import ROOT, count_labels, from_text, labels, to_text

STAR: Final = b"*"
STAR_LABEL: Final = b"\x01*"
MAX_STARS: Final = 4
"""Labels of a pattern that may be ``*``: what bounds the ways in which one name can be looked up."""


class PatternError(ResolverError):
    """What stands for a destination is none; the message says why."""


class Reach(IntEnum):
    """Which names a pattern stands for: the name itself, those below it, or both."""

    EXACT = 0
    BELOW = 1
    WITHIN = 2


@dataclass(frozen=True, slots=True)
class Pattern:
    """``key`` is a lower-case wire name in which a label ``*`` stands for any one label; ``stars`` counts those.

    ================== ======================================================
    ``api.example.com``   this name alone
    ``.example.com``      ``example.com`` and all names below it
    ``**.example.com``    all names below ``example.com``, not itself
    ``*.example.com``     names with exactly one label in place of the star
    ``db.*.example.com``  the same, anywhere in the name
    ``.``                 all names
    ================== ======================================================
    """

    key: bytes
    reach: Reach = Reach.EXACT
    stars: int = 0

    @classmethod
    def read(cls, text: str) -> Pattern:
        """The pattern that is written so. Raises PatternError."""
        reach, rest = Reach.EXACT, text
        if text == "**":
            return cls(ROOT, Reach.BELOW)
        if text.startswith("**."):
            reach, rest = Reach.BELOW, text[3:]
        elif text.startswith("."):
            reach, rest = Reach.WITHIN, text[1:]
        if not rest:
            if reach is Reach.WITHIN:
                return cls(ROOT, reach)
            raise PatternError("a destination cannot be empty")
        try:
            key = from_text(rest).lower()
        except WireError as error:
            raise PatternError(str(error)) from None
        if b"*" not in key:
            return cls(key, reach)
        return cls(key, reach, _stars(key, text))

    @property
    def text(self) -> str:
        """As it is written, with no final dot."""
        name = to_text(self.key).removesuffix(".")
        if self.reach is Reach.BELOW:
            return f"**.{name}" if name else "**"
        return f".{name}" if self.reach is Reach.WITHIN else name

    def matches(self, name: bytes) -> bool:
        """Whether a lower-case wire name is one of those that the pattern stands for."""
        own, other = _from_right(self.key), _from_right(name)
        if len(other) < len(own) or (self.reach is Reach.EXACT and len(other) != len(own)):
            return False
        if self.reach is Reach.BELOW and len(other) == len(own):
            return False
        return all(label in (STAR, there) for label, there in zip(own, other, strict=False))

    def covers(self, other: Pattern) -> bool:
        """Whether every name that the other one stands for is one of this one's too."""
        own, theirs = _from_right(self.key), _from_right(other.key)
        if self.reach is Reach.EXACT:
            if other.reach is not Reach.EXACT or len(own) != len(theirs):
                return False
        else:
            reached = len(theirs) + (other.reach is Reach.BELOW)  # labels of the shortest name that the other one has
            if len(theirs) < len(own) or reached < len(own) + (self.reach is Reach.BELOW):
                return False
        return all(label in (STAR, there) for label, there in zip(own, theirs, strict=False))


def _stars(key: bytes, text: str) -> int:
    stars = 0
    for label in labels(key):
        if label == STAR:
            stars += 1
        elif STAR in label:
            raise PatternError(f"in {text[:80]} a * is only a part of a label; it stands for a whole one")
    if stars > MAX_STARS:
        raise PatternError(f"{text[:80]} has more than {MAX_STARS} labels *")
    if stars == count_labels(key) and stars > 1:
        raise PatternError(f"{text[:80]} names nothing but stars")
    return stars


def _from_right(key: bytes) -> list[bytes]:
    return list(labels(key))[::-1]
