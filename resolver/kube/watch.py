"""What a plugin sees of a kind of objects: their values at present, and every difference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from resolver.kube.slices import Slices

T = TypeVar("T")
Changed = Callable[[str, T | None, T | None], None]


class Watch(Generic[T]):
    """The objects of one kind, kept up to date in the background and kept as they are while the API is away.

    ``objects`` maps ``namespace/name`` (``name`` for what is in no namespace) to what ``parse`` made of an object; only
    the pool changes it. ``synced`` says that the first list is complete, ``problem`` why it does not work at present,
    and ``refused`` that the reason is one for people (403): waiting for it brings nothing.
    """

    def __init__(self, complain: Callable[[str], None] = lambda reason: None) -> None:
        self.objects: dict[str, T] = {}
        self.synced = False
        self.problem = ""
        self.refused = False
        self._complain = complain
        self._followers: dict[int, _Follower[T]] = {}
        self._numbers = 0
        self._waiting: list[asyncio.Future[None]] = []

    def follow(self, changed: Changed[T], synced: Callable[[], None] | None = None) -> Callable[[], None]:
        """Call ``changed(key, old, new)`` for every object there is (old is None) and for every later difference.

        ``synced`` is called once, when the first list is complete and told. The objects that are there already are
        told in slices: all at once when they are few, else the rest in later turns of the event loop. Neither is
        called any more after the function that this returns.
        """
        self._numbers += 1
        number = self._numbers
        follower = _Follower(self, changed, synced)
        self._followers[number] = follower
        follower.tell_rest()

        def end() -> None:
            follower.end()
            self._followers.pop(number, None)

        return end

    async def wait_synced(self, timeout: float) -> bool:
        """Wait until the first list is complete, at most ``timeout`` seconds; whether it is."""
        if self.synced or timeout <= 0:
            return self.synced
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        alarm = loop.call_later(timeout, _settle, waiter)
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            alarm.cancel()
            self._waiting.remove(waiter)
        return self.synced

    def put(self, key: str, value: T | None) -> bool:
        """Set an object's value, or take it away with None; whether that is a difference. For the pool."""
        old = self.objects.get(key)
        if value == old:
            return False
        if value is None:
            del self.objects[key]
        else:
            self.objects[key] = value
        for follower in list(self._followers.values()):
            follower.take(key, old, value)
        return True

    def complete(self) -> None:
        """The first list is complete. For the pool."""
        if self.synced:
            return
        self.synced = True
        for waiter in self._waiting:
            _settle(waiter)
        for follower in list(self._followers.values()):
            follower.tell_synced()

    def report(self, reason: str) -> None:
        """Somebody who follows has failed."""
        self._complain(reason)


class _Follower(Generic[T]):
    """One who follows; ``_rest`` holds the keys of objects it has not been told of yet."""

    def __init__(self, watch: Watch[T], changed: Changed[T], synced: Callable[[], None] | None) -> None:
        self._watch = watch
        self._changed: Changed[T] | None = changed
        self._synced = synced
        self._rest: dict[str, None] = dict.fromkeys(watch.objects)

    def take(self, key: str, old: T | None, new: T | None) -> None:
        """Tell of a difference, as it looks to one who may not know the object yet."""
        if key in self._rest:
            del self._rest[key]
            old = None
        if self._changed is None or old is new:
            return
        try:
            self._changed(key, old, new)
        except Exception as error:
            self._watch.report(f"{key}: {type(error).__name__}: {error}")

    def tell_rest(self) -> None:
        """Tell of objects for the length of a slice, and go on in a later turn with what is left."""
        slices = Slices()
        while self._rest and not slices.over:
            key = next(iter(self._rest))
            self.take(key, None, self._watch.objects[key])
        if self._rest:
            asyncio.get_running_loop().call_soon(self.tell_rest)
        else:
            self.tell_synced()

    def tell_synced(self) -> None:
        """Say once that everything of the first list is told."""
        if self._rest or not self._watch.synced or self._synced is None:
            return
        synced, self._synced = self._synced, None
        try:
            synced()
        except Exception as error:
            self._watch.report(f"{type(error).__name__}: {error}")

    def end(self) -> None:
        """Tell nothing any more."""
        self._changed = self._synced = None
        self._rest.clear()


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
