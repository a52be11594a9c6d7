"""Who lives at which address, as far as objects of the API tell."""

from __future__ import annotations

from collections.abc import Callable, KeysView

from resolver.chain.capabilities import Identity
from resolver.plugins.identity.reading import Resident


class Residents:
    """A table of addresses that is kept like the Pods. ``changed`` is told of addresses with another Pod than before.

    Where several Pods seem to have an address, it is that of the youngest which was not told to end: the network gives
    an address to a new Pod only when the old one's network is gone, whatever the API still says of the old one.
    """

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._holders: dict[str, Resident] = {}
        self._rivals: dict[str, list[Resident]] = {}  # all who claim an address, where several do
        self._nodes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._holders)

    @property
    def addresses(self) -> KeysView[str]:
        """All addresses at which a Pod lives."""
        return self._holders.keys()

    def find(self, address: str) -> Identity | None:
        """Who has the address."""
        holder = self._holders.get(address)
        return None if holder is None else holder.identity

    def knows(self, address: str) -> bool:
        """Whether it is known whose the address is: a Pod's, or a node's with all who share it."""
        return address in self._holders or address in self._nodes

    def take(self, old: Resident | None, new: Resident | None) -> None:
        """A Pod has appeared, changed or gone."""
        for node in new.nodes if new is not None else ():
            self._nodes[node] = self._nodes.get(node, 0) + 1
        for node in old.nodes if old is not None else ():
            self._nodes[node] -= 1
            if not self._nodes[node]:
                del self._nodes[node]
        touched = dict.fromkeys((*(old.addresses if old else ()), *(new.addresses if new else ())))
        for address in touched:
            before = self.find(address)
            self._settle(address, old, new if new is not None and address in new.addresses else None)
            if self.find(address) != before:
                self._changed(address)

    def _settle(self, address: str, gone: Resident | None, come: Resident | None) -> None:
        claims = self._rivals.pop(address, None)
        if claims is None:
            holder = self._holders.get(address)
            claims = [] if holder is None else [holder]
        claims = [one for one in claims if one is not gone]
        if come is not None:
            claims.append(come)
        if not claims:
            self._holders.pop(address, None)
            return
        self._holders[address] = max(claims, key=lambda one: one.rank)
        if len(claims) > 1:
            self._rivals[address] = claims
