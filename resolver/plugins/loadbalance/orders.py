"""Orders of a set of records: pure choices, with chance handed in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd

from resolver.config.kinds import Network
from resolver.plugins.loadbalance.sets import Member, Order
from resolver.plugins.loadbalance.weights import DEFAULT_WEIGHT, Weights

# Up to this many records one number of 64 bits chooses among all orders as good as fairly: 16! is about 2**44.
_FEW = 16


@dataclass(frozen=True, slots=True)
class Preference:
    """Networks whose addresses come first, in this order: octets of an address, network and mask as numbers."""

    networks: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Preference | None:
        """The preference, None without networks."""
        found = tuple((net.max_prefixlen // 8, int(net.network_address), int(net.netmask)) for net in networks)
        return cls(found) if found else None

    def rank(self, address: bytes) -> int:
        """0 for the first network; the number of networks for an address in none of them."""
        number = int.from_bytes(address, "big")
        for rank, (size, network, mask) in enumerate(self.networks):
            if len(address) == size and number & mask == network:
                return rank
        return len(self.networks)

    def groups(self, members: Sequence[Member], order: Order) -> list[list[int]]:
        """The order taken apart by rank, best first."""
        ranked: dict[int, list[int]] = {}
        for index in order:
            ranked.setdefault(self.rank(members[index].address), []).append(index)
        return [ranked[rank] for rank in sorted(ranked)]


def shuffled(size: int, chance: random.Random) -> list[int]:
    """The indexes of a set in any order."""
    order = list(range(size))
    if size > _FEW:
        chance.shuffle(order)
        return order
    bits = chance.getrandbits(64)
    for last in range(size - 1, 0, -1):
        bits, other = divmod(bits, last + 1)
        order[last], order[other] = order[other], order[last]
    return order


class Rotation:
    """Orders of one set in which each of the records that may be first is so equally often.

    ``groups`` come one after the other; within each the records rotate.
    """

    __slots__ = ("groups", "period")

    def __init__(self, groups: list[list[int]]) -> None:
        self.groups = groups
        self.period = next((len(group) for group in groups if len(group) > 1), 1)

    def order(self, turn: int) -> Order:
        """The order of a turn; after ``period`` turns the records that may be first were first once each."""
        order: list[int] = []
        for group in self.groups:
            start = turn % len(group)
            order += group[start:]
            order += group[:start]
        return order


def weights_of(members: Sequence[Member], weights: Weights) -> list[int]:
    """The weight of each record of a set."""
    return [weights.get(member.owner, {}).get(member.address, DEFAULT_WEIGHT) for member in members]


def led_by(first: int, members: Sequence[Member], preference: Preference | None) -> Order:
    """The present order with one record changed places with the first, preferred ones before others."""
    order = list(range(len(members)))
    order[0], order[first] = first, 0
    return order if preference is None else [index for group in preference.groups(members, order) for index in group]


def cycle(weights: Sequence[int], limit: int, chance: random.Random) -> list[int] | None:
    """Who is first in turn, each as often as its weight says; None when that takes more than ``limit`` turns."""
    shared = reduce(gcd, weights)
    if sum(weights) // shared > limit:
        return None
    turns = [index for index, weight in enumerate(weights) for _ in range(weight // shared)]
    chance.shuffle(turns)
    return turns


def drawn(weights: Sequence[int], chance: random.Random) -> int:
    """Who is first, drawn by weight."""
    return chance.choices(range(len(weights)), weights)[0]
