"""What entries take, as the allocator sees it."""

from __future__ import annotations

import gc
import tracemalloc
from functools import partial

import pytest

from resolver.chain.reply import Replay
from resolver.replay.store import Address, Stores


# Dictionaries double: 1360 fill one, with 1370 it has just grown.
@pytest.mark.parametrize("count", [1360, 1370])
@pytest.mark.parametrize(
    ("variants", "ttls", "tags", "seen"),
    [
        (1, 0, "none", False),
        (1, 1, "none", False),
        (1, 8, "none", False),
        (4, 1, "none", False),
        (4, 8, "shared", False),
        (1, 1, "shared", False),
        (1, 1, "own", False),
        (1, 1, "none", True),
        (4, 1, "own", True),
    ],
)
def test_the_budget_counts_what_is_taken(count: int, variants: int, ttls: int, tags: str, seen: bool) -> None:
    store = Stores(1 << 30).make()
    shared = (object(),) if tags == "shared" else ()
    owned = [(object(),) if tags == "own" else shared for _ in range(count)]
    lists = [[0] for _ in range(count)]
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(count):
            packet = bytes(12) + number.to_bytes(27, "big")
            messages = [
                (packet + bytes((variant,)) * 50, tuple(range(300, 300 + 16 * ttls, 16))) for variant in range(variants)
            ]
            leave = Replay(1e9, number + 0.5, tags=owned[number], seen=lists[number] if seen else None)
            store.add(packet, messages, leave, number + 0.5)
        del packet, messages, leave
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.75 < taken / store.budget.used < 1.1


@pytest.mark.parametrize("length", [0, 250, 1500])
def test_texts_that_observers_hold_are_counted(length: int) -> None:
    def observe(text: str, packet: bytes, client: Address, local: Address, transport: str, octets: bytes) -> None:
        return

    store = Stores(1 << 30).make()
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1360):
            packet = bytes(12) + number.to_bytes(27, "big")
            leave = Replay(1e9, number + 0.5, observers=(partial(observe, f"{number:x}".ljust(length)),))
            store.add(packet, [(packet + bytes(50), ())], leave, number + 0.5)
        del packet, leave
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.75 < taken / store.budget.used < 1.1
