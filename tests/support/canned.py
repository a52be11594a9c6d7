"""Clients whose answers are given by a function in place of what was answered before."""

from __future__ import annotations

from collections.abc import Callable

from resolver.replay.clients import Clients
from resolver.replay.store import Store, Stores


class Canned(Store):
    """A store that replays what ``given`` says."""

    given: Callable[[bytes], bytes | None]

    def replay(self, packet: bytes, now: float) -> bytes | None:
        return self.given(packet)


def canned(given: Callable[[bytes], bytes | None] = lambda packet: None) -> Clients:
    """Clients of whom all are replayed what ``given`` says."""
    stores = Stores(1 << 20)
    clients = Clients(stores)
    clients.common = Canned(stores.budget)
    clients.common.given = given
    return clients
