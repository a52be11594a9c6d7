"""Which answers carry which tag."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from resolver.replay.entry import TAG_SET_OVERHEAD, Entry


class Tags:
    """The entries of each tag by their keys. A key stands for its newest entry."""

    def __init__(self) -> None:
        self._tagged: dict[Hashable, dict[bytes, Entry]] = {}

    def cost(self, tags: Iterable[Hashable]) -> int:
        """Octets that tags take which no entry has carried so far."""
        return sum([TAG_SET_OVERHEAD for tag in tags if tag not in self._tagged])

    def put(self, key: bytes, entry: Entry) -> None:
        """Note the tags of an entry."""
        for tag in entry.tags:
            self._tagged.setdefault(tag, {})[key] = entry

    def remove(self, key: bytes, entry: Entry) -> None:
        """Forget the tags of an entry; those of a newer one with the same key stay."""
        for tag in entry.tags:
            entries = self._tagged.get(tag)
            if entries is not None and entries.get(key) is entry:
                del entries[key]
                if not entries:
                    del self._tagged[tag]

    def pop(self, tag: Hashable) -> dict[bytes, Entry]:
        """Forget a tag and give its entries."""
        return self._tagged.pop(tag, {})

    def clear(self) -> None:
        """Forget all tags."""
        self._tagged.clear()

    def __len__(self) -> int:
        return len(self._tagged)
