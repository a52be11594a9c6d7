"""In which order upstreams are tried: pure choice, chance handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeAlias

Policy: TypeAlias = Callable[[int], Sequence[int]]
"""For a number of upstreams, their indexes in the order in which one query tries them."""


def random_policy(chance: Random) -> Policy:
    """Any order, each query anew."""

    def order(count: int) -> Sequence[int]:
        if count == 1:
            return _ONE
        first = int(chance.random() * count)
        if count == 2:
            return _TWO[first]
        rest = [index for index in range(count) if index != first]
        chance.shuffle(rest)
        return [first, *rest]

    return order


def round_robin_policy() -> Policy:
    """Each query begins one upstream further on than the one before."""
    turn = 0

    def order(count: int) -> Sequence[int]:
        nonlocal turn
        turn = (turn + 1) % count
        return [*range(turn, count), *range(turn)]

    return order


def sequential_policy() -> Policy:
    """The order of the configuration, always."""
    return range


_ONE: Final = (0,)
_TWO: Final = ((0, 1), (1, 0))


def make(name: str, chance: Random) -> Policy:
    """The policy that operators call ``random``, ``round_robin`` or ``sequential``."""
    if name == "round_robin":
        return round_robin_policy()
    return sequential_policy() if name == "sequential" else random_policy(chance)


class Walk:
    """The way of one query through an order of upstreams, round and round."""

    __slots__ = ("_at", "_done", "_order")

    def __init__(self, order: Sequence[int]) -> None:
        self._order = order
        self._at = 0
        self._done: set[int] = set()

    def step(self, is_down: Callable[[int], bool]) -> int | None:
        """The next upstream that is neither down nor done; None where there is none."""
        count = len(self._order)
        for offset in range(count):
            index = self._order[(self._at + offset) % count]
            if index not in self._done and not is_down(index):
                self._at += offset + 1
                return index
        return None

    def done(self, index: int) -> bool:
        """Try that upstream no more, its answer will not change; returns whether any other is left."""
        self._done.add(index)
        return len(self._done) < len(self._order)
