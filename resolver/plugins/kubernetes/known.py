"""What was worked out for services, ready to be given again until they change."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from typing import Final

from resolver.chain.reply import Replay
from resolver.kube.objects import Endpoint
from resolver.plugins.kubernetes.records import address_body
from resolver.wire.constants import AAAA, HTTPS, A
from resolver.wire.records import Body

KEPT_TYPES: Final = frozenset((A, AAAA, HTTPS))
UNKNOWN: Final = Body(0, 0, 0, b"unknown", ())

# Names of endpoints are looked for one by one until that has cost about as much as putting them all into a dictionary.
_SEARCHES_FOR_ONE: Final = 8


class Known:
    """One service: its bodies by type, None for types it has no records of, and the addresses of its endpoints."""

    __slots__ = ("_hosts", "_searches", "bodies", "leave")

    def __init__(self, tags: tuple[Hashable, ...]) -> None:
        self.leave = Replay(math.inf, tags=tags, live=True)
        self.bodies: dict[int, Body | None] = {}
        self._hosts: dict[bytes, list[bytes]] | None = None
        self._searches = 0

    def host(self, label: bytes, qtype: int, ttl: int) -> Body | None:
        """The addresses of the endpoint with that label, None where they have to be looked for."""
        if self._hosts is None or qtype not in (A, AAAA):
            return None
        addresses = self._hosts.get(label)
        return None if addresses is None else address_body(addresses, qtype, ttl)

    def searched(self, endpoints: Iterable[Endpoint], count: int, label_of: Callable[[Endpoint], bytes]) -> None:
        """An endpoint was looked for among that many."""
        self._searches += 1
        if self._hosts is None and self._searches * _SEARCHES_FOR_ONE >= count:
            hosts: dict[bytes, list[bytes]] = {}
            for endpoint in endpoints:
                hosts.setdefault(label_of(endpoint), []).append(endpoint.address)
            self._hosts = hosts
