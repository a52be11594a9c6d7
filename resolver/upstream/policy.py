"""In which order upstreams are tried: pure choice, chance handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeAlias

from resolver.upstream.health import Health

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
    """The way of one query through an order of upstreams, round and round.

    ``hopeless`` is set when a step found no upstream that is neither down nor done.
    """

    __slots__ = ("_at", "_done", "_health", "_order", "hopeless")

    def __init__(self, order: Sequence[int], health: Sequence[Health]) -> None:
        self._order = order
        self._health = health
        self._at = 0
        self._done: list[int] = []
        self.hopeless = False

    def step(self) -> int | None:
        """The next upstream that is neither down nor done; None where there is none."""
        order, health, done = self._order, self._health, self._done
        count = len(order)
        at = self._at
        for place in range(at, at + count):
            index = order[place % count]
            if not health[index].down and index not in done:
                self._at = place + 1
                return index
        self.hopeless = True
        return None

    def done(self, index: int) -> bool:
        """Try that upstream no more, its answer will not change; returns whether any has not had its turn yet."""
        self._done.append(index)
        return not self.once_round()

    def once_round(self) -> bool:
        """Whether every upstream that is not down has had a turn."""
        return self._at >= len(self._order)
