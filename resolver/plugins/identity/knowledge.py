"""What the scopes have in common: who is told of changes, and for how long unverified knowledge is believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from resolver.chain.capabilities import Identity

Changed = Callable[[str], None]
LOOK: Final = 1.0  # seconds between two looks at what has aged
SURE_AFTER: Final = 10.0  # seconds until an address that no Pod has is believed to be nobody's: the API may be behind


class Knowledge(Protocol):
    """Which Pod has which address, from ``begin`` to ``end``. Addresses are as ``reading.plain`` writes them."""

    def begin(self) -> None:
        """Ask the API from now on. To be called within the event loop."""

    async def end(self) -> None:
        """Ask no more."""

    async def wait_known(self, seconds: float) -> bool:
        """Wait until everything of the scope is known, at most so long; whether it is."""

    @property
    def is_known(self) -> bool:
        """Whether everything of the scope is known, or never will be."""

    @property
    def problem(self) -> str:
        """Why the API does not answer at present, empty where it does."""

    def find(self, address: str) -> Identity | None:
        """Who has the address."""

    def settled(self, address: str) -> bool:
        """Whether it makes no sense to wait for more about the address."""

    def unknown(self, address: str) -> bool:
        """Whether it cannot be told at present who has the address: neither a Pod, nor surely none."""

    async def meet(self, address: str) -> Identity | None:
        """Who has the address, after a short wait where it is not settled."""

    def follow(self, changed: Changed) -> Callable[[], None]:
        """Be told of each address of which something else is known than before, until the function is called."""


class Followers:
    """Those who are told of changes."""

    def __init__(self) -> None:
        self._followers: dict[int, Changed] = {}
        self._numbers = 0

    def follow(self, changed: Changed) -> Callable[[], None]:
        """Tell this one too; the function that this returns ends it."""
        self._numbers += 1
        number = self._numbers
        self._followers[number] = changed

        def end() -> None:
            self._followers.pop(number, None)

        return end

    def tell(self, address: str) -> None:
        """Something else is known of an address."""
        for changed in list(self._followers.values()):
            changed(address)


class Ticking:
    """Calls something about once a second between ``begin`` and ``end``."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._next: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Call it from now on."""
        self._next = asyncio.get_running_loop().call_later(LOOK, self._tick)

    def end(self) -> None:
        """Call it no more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _tick(self) -> None:
        self.begin()
        self._call()
