"""Which store a client's answers are in: one for all clients, or one for each group whose members get the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final

from resolver.chain.capabilities import UNSETTLED
from resolver.replay.store import Store, Stores

Sorter = Callable[[str], Hashable]
"""Gives the group of a client's address, or UNSETTLED."""

_MOST_KNOWN: Final = 16_384  # clients whose group is remembered; made-up addresses cost no more than that
_MOST_GROUPS: Final = 1_024
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Client:
    """A client's address, and where answers to it are kept; nowhere while its group is not settled."""

    __slots__ = ("host", "store")

    def __init__(self, host: str, store: Store | None) -> None:
        self.host = host
        self.store = store


class Clients:
    """The clients of one listener. While nobody sorts them, ``common`` is the store of all; else it is None."""

    def __init__(self, stores: Stores, sorters: tuple[Sorter, ...] = ()) -> None:
        self.common: Store | None = None
        self._stores = stores
        self._sorters: tuple[Sorter, ...] = ()
        self._known: dict[bytes | str, Client] = {}
        self._groups: dict[Hashable, Store] = {}
        self.sort(sorters)

    def sort(self, sorters: tuple[Sorter, ...]) -> None:
        """Sort clients in another way from now on."""
        if sorters == self._sorters and (self.common is not None or self._groups):
            return
        self._sorters = sorters
        self.close()
        if not sorters:
            self.common = self._stores.make()

    def meet(self, packed: bytes) -> Client:
        """The client with an address of 4 or 16 octets."""
        client = self._known.get(packed)
        return client if client is not None else self._sorted(packed, inet_ntop(_FAMILY[len(packed)], packed))

    def of(self, host: str) -> Store | None:
        """Where answers to the client with that address are kept; None while its group is not settled."""
        if self.common is not None:
            return self.common
        client = self._known.get(host)
        return (client if client is not None else self._sorted(host, host)).store

    def forget(self, host: str | None) -> None:
        """Sort the client with that address again when it comes next; None for all."""
        if host is None:
            self._known.clear()
            return
        for key in _spellings(host):
            self._known.pop(key, None)

    def close(self) -> None:
        """Forget everything that is kept."""
        stores = [*self._groups.values(), *([self.common] if self.common is not None else [])]
        for store in stores:
            self._stores.discard(store)
        self.common = None
        self._groups.clear()
        self._known.clear()

    def _sorted(self, key: bytes | str, host: str) -> Client:
        groups = tuple([sorter(host) for sorter in self._sorters])
        if UNSETTLED in groups:
            return Client(host, None)  # not remembered: the next query may find it settled
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        client = self._known[key] = Client(host, self._store(groups))
        return client

    def _store(self, groups: Hashable) -> Store | None:
        if not self._sorters:
            return self.common
        store = self._groups.get(groups)
        if store is None:
            if len(self._groups) >= _MOST_GROUPS:
                self.close()
            store = self._groups[groups] = self._stores.make()
        return store


_FAMILY: Final = {4: AF_INET, 16: AF_INET6}


def _spellings(host: str) -> list[bytes | str]:
    """The keys under which a client may be known: a socket for both families sees IPv4 addresses as IPv6 ones."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return [host]
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.version == 6:
        return [host, str(address), address.packed]
    return [host, str(address), f"::ffff:{address}", address.packed, _MAPPED + address.packed]
