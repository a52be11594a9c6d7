"""All services below the common path, by the parts of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resolver.errors import ZoneError
from resolver.plugins.etcd.service import Path, Service

WILDCARDS: Final = frozenset((b"*", b"any"))
MOST_FOUND: Final = 4096  # services of one answer; a message holds fewer records
MOST_SEEN: Final = 50_000  # places that one look-up may pass


class Node:
    """A place in the tree: the service at this very key, and what lies below."""

    __slots__ = ("below", "order", "service")

    def __init__(self) -> None:
        self.service: Service | None = None
        self.below: dict[bytes, Node] = {}
        self.order: list[bytes] | None = None

    def ordered(self) -> Iterator[Node]:
        """What lies directly below, in the order of the keys."""
        if self.order is None:
            self.order = sorted(self.below)
        for part in self.order:
            yield self.below[part]


class Tree:
    """Services as they are in etcd. ``octets`` is the sum of what their keys and values take there."""

    def __init__(self) -> None:
        self.root = Node()
        self.sizes: dict[Path, int] = {}
        self.octets = 0

    def __len__(self) -> int:
        return len(self.sizes)

    def put(self, path: Path, service: Service | None, size: int) -> None:
        """There is a value of so many octets at the key; None for one that makes no sense."""
        self.remove(path)
        self.sizes[path] = size
        self.octets += size
        if service is None:
            return
        node = self.root
        for part in path:
            found = node.below.get(part)
            if found is None:
                found = node.below[part] = Node()
                node.order = None
            node = found
        node.service = service

    def remove(self, path: Path) -> None:
        """There is no value at the key any more."""
        self.octets -= self.sizes.pop(path, 0)
        way = [self.root]
        for part in path:
            found = way[-1].below.get(part)
            if found is None:
                return
            way.append(found)
        way[-1].service = None
        for part, node, above in zip(reversed(path), reversed(way[1:]), reversed(way[:-1]), strict=True):
            if node.service is not None or node.below:
                return
            del above.below[part]
            above.order = None

    def exact(self, path: Path) -> list[Service] | None:
        """The service at the key itself; None where there is none. A path with wildcards has none of its own."""
        cut = wildcard_at(path)
        node = self._node(path[:cut])
        if node is None or node.service is None:
            return None
        return [node.service] if cut is None else []

    def find(self, path: Path) -> list[Service] | None:
        """The services below the key, else the one at it; None where there is nothing at all.

        The parts ``*`` and ``any`` stand for any one part; then there may be something and yet nothing that fits.
        Raises ZoneError where too much would have to be looked at.
        """
        cut = wildcard_at(path)
        node = self._node(path[:cut])
        if node is None:
            return None
        if cut is None:
            if node.below:
                return list(_all_of(list(reversed(list(node.ordered())))))
            return None if node.service is None else [node.service]
        if not node.below:
            return None if node.service is None else []
        return list(_all_of(list(reversed(_fitting(node, path[cut:])))))

    def _node(self, path: Path) -> Node | None:
        node: Node | None = self.root
        for part in path:
            if node is None:
                return None
            node = node.below.get(part)
        return node


def wildcard_at(path: Path) -> int | None:
    """How many parts stand in front of the first wildcard; None without one."""
    return next((number for number, part in enumerate(path) if part in WILDCARDS), None)


def _all_of(waiting: list[Node]) -> Iterator[Service]:
    """The services of these places and of all below them; the last one first."""
    found = 0
    while waiting and found < MOST_FOUND:
        node = waiting.pop()
        if node.service is not None:
            found += 1
            yield node.service
        if node.below:
            waiting.extend(reversed(list(node.ordered())))


def _fitting(node: Node, pattern: Path) -> list[Node]:
    """The places that a pattern leads to."""
    places = [node]
    for part in pattern:
        if part in WILDCARDS:
            places = [below for place in places for below in place.ordered()]
        else:
            places = [place.below[part] for place in places if part in place.below]
        if len(places) > MOST_SEEN:
            raise ZoneError(f"the wildcard stands for more than {MOST_SEEN} names")
    return places
