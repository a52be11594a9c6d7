"""Who asks for the second time."""

from __future__ import annotations

from typing import Final

_PLACES: Final = 1 << 16  # octets; names that were asked once since


class Door:
    """Remembers questions roughly: one octet of a hash each, in a table that never grows.

    A question that takes the place of another one makes that one new again, and one in some hundred is taken for a
    repeat when it is new; neither does harm. The hash is Python's own, which nobody outside can foresee.
    """

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks = bytearray(_PLACES)

    def was_here(self, key: bytes) -> bool:
        """Whether the question was asked before; it was from now on."""
        number = hash(key)
        place, mark = number & _PLACES - 1, number >> 16 & 0xFF or 1
        if self._marks[place] == mark:
            return True
        self._marks[place] = mark
        return False
