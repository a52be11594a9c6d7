"""One answer that may be replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import MethodType
from typing import Any, Final

from resolver.chain.reply import Replay
from resolver.replay.tally import Tally
from resolver.wire.ttl import aged

Message = tuple[bytes, tuple[int, ...]]

# Octets that are taken beside those of key and answers, as tests/replay/test_memory.py measures them: by an entry with
# its places in dictionaries, each variant where there are several, each TTL field and each tag, and by what the first
# entry that brings it pays for: a tally and the set of a tag's entries.
ENTRY_OVERHEAD: Final = 365
VARIANT_OVERHEAD: Final = 120
TTL_OVERHEAD: Final = 40
TAG_OVERHEAD: Final = 60
TALLY_OVERHEAD: Final = 220
TAG_SET_OVERHEAD: Final = 300
OBSERVER_OVERHEAD: Final = 130
TEXT_OVERHEAD: Final = 160


class Entry:
    """``octets`` follow the ID and are right until ``fresh_until``; ``size`` is what the entry and its key take.

    The only observer is ``observe``, several are ``observers``: to look for it in a tuple takes longer than to call it.
    """

    __slots__ = (
        "age", "base", "fresh_until", "guards", "observe", "observers", "octets", "offsets", "size", "tags", "tally",
        "turn", "until", "variants",
    )  # fmt: skip

    def __init__(self, key: bytes, messages: Sequence[Message], leave: Replay, tally: Tally, now: float) -> None:
        variants = tuple([(octets[2:], tuple([at - 2 for at in offsets])) for octets, offsets in messages])
        self.octets, self.offsets = variants[0]
        self.variants = variants if len(variants) > 1 else ()
        self.turn = 0
        self.tally = tally
        self.until = leave.until
        self.base = leave.base
        self.age = 0 if leave.base is None else max(0, int(now - leave.base))
        self.fresh_until = self._fresh_until()
        self.tags = leave.tags
        self.observe = leave.observers[0] if len(leave.observers) == 1 else None
        self.observers = () if self.observe is not None else leave.observers
        self.guards = leave.guards
        self.size = ENTRY_OVERHEAD + len(key) + len(leave.tags) * TAG_OVERHEAD
        if leave.observers or leave.guards:
            self.size += sum(map(_held_by, leave.observers)) + sum(map(_held_by, leave.guards))
        if tally.users == 1:
            self.size += TALLY_OVERHEAD
        for octets, offsets in variants:
            self.size += len(octets) + len(offsets) * TTL_OVERHEAD
        self.size += len(self.variants) * VARIANT_OVERHEAD

    def renew(self, now: float) -> bytes | None:
        """The octets for this moment and turn, None when the leave has ended."""
        if now >= self.until:
            return None
        if self.base is not None:
            age = int(now - self.base)
            if age > self.age:
                self._grow_older(age)
        if self.variants:
            self.turn = (self.turn + 1) % len(self.variants)
            self.octets = self.variants[self.turn][0]
        else:
            self.fresh_until = self._fresh_until()
        return self.octets

    def _grow_older(self, age: int) -> None:
        lower = age - self.age
        self.age = age
        if self.variants:
            self.variants = tuple([(aged(octets, at, lower), at) for octets, at in self.variants])
        else:
            self.octets = aged(self.octets, self.offsets, lower)

    def _fresh_until(self) -> float:
        if self.variants:
            return 0.0  # each replay takes its turn
        return self.until if self.base is None else min(self.until, self.base + self.age + 1)


def _held_by(watcher: Callable[..., Any]) -> int:
    """What an observer or a guard takes, with the ASCII texts that it holds for this one answer."""
    texts = watcher.args if isinstance(watcher, partial) else ()
    if isinstance(watcher, MethodType):
        texts = (watcher.__self__,)
    return OBSERVER_OVERHEAD + sum([TEXT_OVERHEAD + len(text) for text in texts if isinstance(text, str)])
