"""Identical questions in flight share one exchange."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_QUESTIONS: Final = 16_384
MAX_FOLLOWERS: Final = 10_000


class Coalescer(Generic[T]):
    """Who asks first leads; who asks the same meanwhile follows and is given what the leader finds.

    A follower is given None when the leader was stopped without finding anything: then it must ask itself.
    """

    __slots__ = ("_followers", "_loop")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._followers: dict[Hashable, list[Future[T | None]] | None] = {}

    def follow(self, key: Hashable) -> Future[T | None] | None:
        """Wait for the leader of that question; None where there is none or it has followers enough."""
        if key not in self._followers:
            return None
        followers = self._followers[key]
        if followers is None:
            followers = self._followers[key] = []
        if len(followers) >= MAX_FOLLOWERS:
            return None
        future: Future[T | None] = self._loop.create_future()
        followers.append(future)
        return future

    def lead(self, key: Hashable) -> bool:
        """Become the leader; False where there is one, or where too many questions are in flight to note another."""
        if key in self._followers or len(self._followers) >= MAX_QUESTIONS:
            return False
        self._followers[key] = None
        return True

    def done(self, key: Hashable, found: T | None) -> None:
        """Give the followers what was found, and forget the question. Only its leader may call this."""
        followers = self._followers.pop(key)
        if followers:
            for follower in followers:
                if not follower.done():
                    follower.set_result(found)
