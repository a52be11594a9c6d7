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

    def join(self, key: Hashable) -> Future[T | None] | bool:
        """The end of the leader's exchange; or True where the caller now leads, False where it must ask for itself.

        That is so when too many questions are in flight to note another one, or too many follow this one.
        """
        questions = self._followers
        if key not in questions:
            if len(questions) >= MAX_QUESTIONS:
                return False
            questions[key] = None
            return True
        followers = questions[key]
        if followers is None:
            followers = questions[key] = []
        if len(followers) >= MAX_FOLLOWERS:
            return False
        future: Future[T | None] = self._loop.create_future()
        followers.append(future)
        return future

    def done(self, key: Hashable, found: T | None) -> None:
        """Give the followers what was found, and forget the question. Only its leader may call this."""
        followers = self._followers.pop(key)
        if followers:
            for follower in followers:
                if not follower.done():
                    follower.set_result(found)
