"""Profiles: what was counted per stack, as pprof's protocol buffers or as lines of text.

Field numbers are those of https://github.com/google/pprof/blob/main/proto/profile.proto.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from resolver.telemetry.protobuf import number_field, octets_field, packed_field

T = TypeVar("T")

MOST_STACKS: Final = 20_000
_OTHER: Final = "(other stacks)"


class Place(NamedTuple):
    """A line of a function."""

    function: str
    file: str
    line: int
    start: int = 0


class Kind(NamedTuple):
    """What is counted, and in which unit."""

    name: str
    unit: str


Stack = tuple[Place, ...]
"""From the innermost call to the outermost."""


@dataclass(slots=True)
class Profile:
    """Counts per stack: for each as many numbers as there are ``kinds``. Times are in nanoseconds.

    At most 20,000 stacks are told apart.
    """

    kinds: Sequence[Kind]
    began: int = 0
    duration: int = 0
    period: int = 0
    stacks: dict[Stack, list[int]] = field(default_factory=dict)

    def add(self, stack: Stack, values: Sequence[int]) -> None:
        """Count."""
        found = self.stacks.get(stack)
        if found is None:
            if len(self.stacks) >= MOST_STACKS:
                stack = (Place(_OTHER, "", 0),)
            found = self.stacks.setdefault(stack, [0] * len(self.kinds))
        for number, value in enumerate(values):
            found[number] += value

    def collapsed(self) -> bytes:
        """A line per stack, outermost call first, with the last of its numbers: what flame graphs are drawn from."""
        lines = []
        for stack, values in self.stacks.items():
            calls = ";".join(f"{place.function} ({place.file}:{place.line})" for place in reversed(stack))
            lines.append(f"{calls.replace(chr(10), ' ')} {values[-1]}\n")
        return "".join(sorted(lines)).encode()

    def pprof(self) -> bytes:
        """The file that ``go tool pprof`` and speedscope open."""
        return gzip.compress(_Writer().profile(self))


class _Writer:
    """Texts, functions and places by their numbers."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {"": 0}
        self._functions: dict[tuple[str, str, int], int] = {}
        self._places: dict[Place, int] = {}

    def profile(self, profile: Profile) -> bytes:
        out = [octets_field(1, self._kind(kind)) for kind in profile.kinds]
        for stack, values in profile.stacks.items():
            places = [self._number(self._places, place) for place in stack]
            out.append(octets_field(2, packed_field(1, places) + packed_field(2, values)))
        out += [octets_field(4, self._place(place, number)) for place, number in self._places.items()]
        out += [octets_field(5, self._function(key, number)) for key, number in self._functions.items()]
        last = profile.kinds[-1]
        period = octets_field(11, self._kind(last)) + number_field(12, profile.period)
        out += [octets_field(6, text.encode("utf-8", "replace")) for text in self._texts]
        out += [number_field(9, profile.began), number_field(10, profile.duration), period]
        return b"".join(out)

    def _kind(self, kind: Kind) -> bytes:
        return number_field(1, self._text(kind.name)) + number_field(2, self._text(kind.unit))

    def _place(self, place: Place, number: int) -> bytes:
        function = self._number(self._functions, (place.function, place.file, place.start))
        line = number_field(1, function) + number_field(2, max(place.line, 0))
        return number_field(1, number) + octets_field(4, line)

    def _function(self, key: tuple[str, str, int], number: int) -> bytes:
        name, file, start = key
        title = self._text(name)
        names = number_field(2, title) + number_field(3, title) + number_field(4, self._text(file))
        return number_field(1, number) + names + number_field(5, start)

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    @staticmethod
    def _number(numbers: dict[T, int], key: T) -> int:
        return numbers.setdefault(key, len(numbers) + 1)
