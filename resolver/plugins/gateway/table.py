"""The names that are served, with wildcards and empty names between them (RFC 4592)."""

from __future__ import annotations

from typing import NamedTuple

from resolver.plugins.gateway.hosts import WILDCARD
from resolver.wire.constants import CNAME
from resolver.wire.names import ROOT, parent
from resolver.wire.records import Body


class Item(NamedTuple):
    """A record without its owner: type, TTL in seconds (negative for the configured one), uncompressed rdata."""

    type: int
    ttl: int
    rdata: bytes


class Entry:
    """What is served at one name; itself the tag of the answers made from it, as a change makes a new one.

    ``bodies`` are finished answers by type, kept by whoever answers.
    """

    __slots__ = ("alias", "bodies", "items", "name")

    def __init__(self, name: bytes, items: tuple[Item, ...]) -> None:
        self.name = name
        self.items = items
        self.alias = next((item for item in items if item.type == CNAME), None)
        self.bodies: dict[int, Body] = {}

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for other names too."""
        return self.name.startswith(WILDCARD)


class Table:
    """Entries by lower-case wire name. All look-ups cost at most one dictionary access per label."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}
        self._below: dict[bytes, int] = {}  # how many entries are below a name

    def put(self, name: bytes, items: tuple[Item, ...]) -> Entry | None:
        """Serve these records at the name, none to end that; the entry that was there before is returned."""
        before = self.entries.get(name)
        if items:
            self.entries[name] = Entry(name, items)
            if before is None:
                self._count(name, 1)
        elif before is not None:
            del self.entries[name]
            self._count(name, -1)
        return before

    def exists(self, name: bytes) -> bool:
        """Whether something is served at the name or below it (RFC 8020)."""
        return name in self.entries or name in self._below

    def find(self, name: bytes, zone: bytes) -> Entry | None:
        """The entry that answers for a name within ``zone``: its own, or the wildcard below its closest encloser.

        A name that exists, if only because something is below it, is never answered from a wildcard
        (RFC 4592 section 2.2.2).
        """
        entries = self.entries
        entry = entries.get(name)
        if entry is not None or name in self._below or name == zone:
            return entry
        while name != zone and name != ROOT:
            name = parent(name)
            if name in self._below or name in entries or name == zone:
                break
        return entries.get(WILDCARD + name)

    def _count(self, name: bytes, change: int) -> None:
        below = self._below
        while name != ROOT:
            name = parent(name)
            number = below.get(name, 0) + change
            if number:
                below[name] = number
            else:
                del below[name]
