"""Which conditions hold for a client, found without trying them all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from typing import Final, Generic, TypeVar

from resolver.chain.capabilities import Identity
from resolver.chain.networks import Network
from resolver.policy.matching import Class
from resolver.policy.rules import Who, Whos

T = TypeVar("T")

EVERYBODY_CLASS: Final[Class] = frozenset((0,))
DOUBTFUL: Final = -(1 << 60)
"""In the class of a client of whom it cannot be told which Pod he is, if he is one."""


class Prefixes(Generic[T]):
    """Values by network. A look-up costs a dictionary access for each length of prefix that there is."""

    def __init__(self) -> None:
        self._lengths: dict[int, dict[int, dict[int, T]]] = {4: {}, 6: {}}

    def __bool__(self) -> bool:
        return any(self._lengths.values())

    def setdefault(self, network: Network, value: T) -> T:
        """The value of a network, which is the given one where it has none yet."""
        shift = network.max_prefixlen - network.prefixlen
        return (
            self._lengths[network.version]
            .setdefault(shift, {})
            .setdefault(int(network.network_address) >> shift, value)
        )

    def of(self, version: int, number: int) -> Iterator[T]:
        """The values of all networks that hold an address, in no order."""
        for shift, found in self._lengths[version].items():
            value = found.get(number >> shift)
            if value is not None:
                yield value

    def smallest(self, version: int, number: int) -> tuple[int, T] | None:
        """The smallest network that holds an address: for how many bits of it there is room, and its value."""
        lengths = self._lengths[version]
        for shift in sorted(lengths):
            value = lengths[shift].get(number >> shift)
            if value is not None:
                return shift, value
        return None


def numbered(client: str) -> tuple[int, int]:
    """IP version and number of a client's address, IPv4 where it is one in IPv6 clothing; (0, 0) for anything else."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return 0, 0
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, int(address)


def holds(who: Who, version: int, number: int, identity: Identity | None) -> bool:
    """Whether a condition holds for a client."""
    if who.networks and not any(_is_in(network, version, number) for network in who.networks):
        return False
    if not who.needs_identity:
        return True
    if identity is None or (who.namespaces and identity.namespace not in who.namespaces):
        return False
    if who.service_accounts and f"{identity.namespace}/{identity.service_account}" not in who.service_accounts:
        return False
    return all(identity.labels.get(key) == value for key, value in who.labels)


def _is_in(network: Network, version: int, number: int) -> bool:
    if network.version != version:
        return False
    shift = network.max_prefixlen - network.prefixlen
    return number >> shift == int(network.network_address) >> shift


class Classifier:
    """Conditions, each filed under the rarest thing that it asks for.

    Those of ``suspected`` count as negative numbers for clients who are ``unknown`` and in their networks, if any.
    """

    def __init__(self, conditions: Mapping[Whos, int], suspected: Collection[int] = ()) -> None:
        self.needs_identity = False
        self.is_needed = False
        self._networks: Prefixes[list[tuple[Who, int]]] = Prefixes()
        self._things: dict[tuple[str, str], list[tuple[Who, int]]] = {}
        for whos, number in conditions.items():
            for who in whos:
                self.is_needed = True
                self._file(who, number)
        self._anywhere = EVERYBODY_CLASS | {DOUBTFUL}
        self._in_networks: list[tuple[Who, int]] = []
        for whos, number in conditions.items():
            if number in suspected:
                self._suspect([who for who in whos if who.needs_identity], -number)

    def _suspect(self, whos: Sequence[Who], number: int) -> None:
        if all(who.networks for who in whos):
            self._in_networks += [(replace(who, namespaces=(), labels=(), service_accounts=()), number) for who in whos]
        else:
            self._anywhere |= {number}

    def _file(self, who: Who, number: int) -> None:
        self.needs_identity = self.needs_identity or who.needs_identity
        if who.needs_identity:
            for thing in _things_asked(who):
                self._things.setdefault(thing, []).append((who, number))
        else:
            for network in who.networks:
                self._networks.setdefault(network, []).append((who, number))

    def classify(self, client: str, identity: Identity | None, *, unknown: bool = False) -> Class:
        """The class of a client: the numbers of the conditions that hold for it, or may where he is ``unknown``."""
        if not self.is_needed:
            return EVERYBODY_CLASS
        version, number = numbered(client)
        found = {0}
        if unknown and self.needs_identity:
            found.update(self._anywhere)
            found.update([at for who, at in self._in_networks if holds(who, version, number, None)])
        if version:
            for filed in self._networks.of(version, number):
                found.update([condition for _, condition in filed])
        if identity is not None:
            for thing in _things_had(identity):
                for who, condition in self._things.get(thing, ()):
                    if condition not in found and holds(who, version, number, identity):
                        found.add(condition)
        return self._anywhere if found == self._anywhere else frozenset(found)  # which may be large, and is then shared


def _things_asked(who: Who) -> Iterable[tuple[str, str]]:
    """What a client has to have one of, so that a condition that asks for a Pod can hold."""
    if who.service_accounts:
        return [("service_account", one) for one in who.service_accounts]
    if who.namespaces:
        return [("namespace", one) for one in who.namespaces]
    return [("label", "=".join(who.labels[0]))]


def _things_had(identity: Identity) -> Iterator[tuple[str, str]]:
    yield "service_account", f"{identity.namespace}/{identity.service_account}"
    yield "namespace", identity.namespace
    for key, value in identity.labels.items():
        yield "label", f"{key}={value}"
