"""Fetching popular answers anew before their time is over."""

from __future__ import annotations

from functools import partial
from math import ceil

from resolver.plugins.cache.entry import Head, RawHead
from resolver.plugins.cache.fetch import Asked, Fetcher
from resolver.plugins.cache.popularity import Popularity
from resolver.plugins.cache.settings import Prefetch

_PAUSE = 1.0  # seconds between attempts to prefetch an answer while that fails


class Prefetching:
    """Counts hits, and asks below in the last part of a popular answer's life."""

    def __init__(self, settings: Prefetch, popularity: Popularity, fetcher: Fetcher) -> None:
        self.settings = settings
        self._popularity = popularity
        self._fetcher = fetcher

    def note(self, asked: Asked, head: RawHead, now: float) -> tuple[float, list[int]]:
        """Count a hit and prefetch if it is time; until when repeats need not be seen, and where they are counted.

        In the last part of an answer's life every query is seen, so that the one that makes it popular counts, and
        none that comes after the new answer is given the old one. Only in the pause after a failure this cannot be.
        """
        key = asked.key
        count, replays = self._popularity.note(key, now)
        end = head[0] + head[1]
        opens = end - ceil(self.settings.percentage * int(head[1]) / 100)
        if now < opens:
            return min(opens, now + self.settings.gap), replays
        paused = self._fetcher.paused_until(key, now)
        if paused is not None:
            return min(paused, end), replays
        if count >= self.settings.amount and self._fetcher.may_refresh(key, now):
            asked.meters.prefetches.value += 1
            self._fetcher.refresh(asked, Head._make(head), partial(self._failed, key, end))
        return now, replays

    def _failed(self, key: bytes, end: float) -> None:
        self._fetcher.contents.pause(key, min(self._fetcher.clock() + _PAUSE, end))
