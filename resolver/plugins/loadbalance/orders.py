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


@dataclass(frozen=True, slots=True)
class Preference:
    """Networks whose addresses come first, in this order."""

    networks: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Preference:
        """From networks to what is compared: octets of an address, network and mask as numbers."""
        return cls(tuple((net.max_prefixlen // 8, int(net.network_address), int(net.netmask)) for net in networks))

    def rank(self, address: bytes) -> int:
        """0 for the first network; the number of networks for an address in none of them."""
        number = int.from_bytes(address, "big")
        for rank, (size, network, mask) in enumerate(self.networks):
            if len(address) == size and number & mask == network:
                return rank
        return len(self.networks)

    def groups(self, members: Sequence[Member], order: Order) -> list[list[int]]:
        """The order taken apart by rank, best first."""
        if not self.networks:
            return [list(order)]
        ranked: dict[int, list[int]] = {}
        for index in order:
            ranked.setdefault(self.rank(members[index].address), []).append(index)
        return [ranked[rank] for rank in sorted(ranked)]


class Rotation:
    """Orders of one set in which each of the preferred records is first equally often."""

    def __init__(self, members: Sequence[Member], preference: Preference, chance: random.Random) -> None:
        order = list(range(len(members)))
        chance.shuffle(order)
        self._groups = preference.groups(members, order)
        self.period = next((len(group) for group in self._groups if len(group) > 1), 1)

    def order(self, turn: int) -> Order:
        """The order of a turn; after ``period`` turns the records that can be first were first once each."""
        return [index for group in self._groups for index in group[turn % len(group) :] + group[: turn % len(group)]]


def weights_of(members: Sequence[Member], weights: Weights) -> list[int]:
    """The weight of each record of a set."""
    return [weights.get(member.owner, {}).get(member.address, DEFAULT_WEIGHT) for member in members]


def led_by(first: int, members: Sequence[Member], preference: Preference) -> Order:
    """The present order with one record changed places with the first, preferred ones before others."""
    order = list(range(len(members)))
    order[0], order[first] = first, 0
    return [index for group in preference.groups(members, order) for index in group]


def cycle(weights: Sequence[int], limit: int, chance: random.Random) -> list[int] | None:
    """Who is first in turn, each as often as its weight says; None when that takes more than ``limit`` turns."""
    shared = reduce(gcd, weights)
    turns = [index for index, weight in enumerate(weights) for _ in range(weight // shared)]
    if len(turns) > limit:
        return None
    chance.shuffle(turns)
    return turns


def drawn(weights: Sequence[int], chance: random.Random) -> int:
    """Who is first, drawn by weight."""
    return chance.choices(range(len(weights)), weights)[0]
