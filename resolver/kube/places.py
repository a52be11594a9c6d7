"""Which services have an address."""

from __future__ import annotations

from collections.abc import Iterable


class Places:
    """Keys of services by packed address. One key is the rule, so it is kept without a collection around it."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[bytes, bytes | tuple[bytes, ...]] = {}

    def keys(self, address: bytes) -> tuple[bytes, ...]:
        """The services that have the address, in the order in which they came by it."""
        found = self._found.get(address)
        if found is None:
            return ()
        return found if isinstance(found, tuple) else (found,)

    def move(self, key: bytes, before: Iterable[bytes], after: Iterable[bytes]) -> None:
        """The addresses of a service are ``after`` now; those of ``before`` that are not among them are given up."""
        kept = set(after)
        for address in before:
            if address not in kept:
                self._take(address, key)
        for address in kept:
            found = self._found.get(address)
            if found is None:
                self._found[address] = key
            elif found != key:
                keys = found if isinstance(found, tuple) else (found,)
                if key not in keys:
                    self._found[address] = (*keys, key)

    def _take(self, address: bytes, key: bytes) -> None:
        left = tuple(other for other in self.keys(address) if other != key)
        if len(left) > 1:
            self._found[address] = left
        elif left:
            self._found[address] = left[0]
        else:
            self._found.pop(address, None)

    def __len__(self) -> int:
        return len(self._found)
