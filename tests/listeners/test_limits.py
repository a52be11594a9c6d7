"""Lines of those who wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.listeners.limits import NO_WAIT, Waiting

LIMITS = {"read": 3.0, "idle": 10.0, "never": 0.0}


def test_who_waits_too_long_is_late_longest_first() -> None:
    waiting: Waiting[str] = Waiting(LIMITS)
    waiting.move("a", NO_WAIT, "read", 0.0)
    waiting.move("b", NO_WAIT, "read", 1.0)
    waiting.move("c", NO_WAIT, "idle", 0.0)
    assert waiting.late(2.9) == []
    assert waiting.late(3.0) == [("read", "a")]
    assert waiting.late(11.0) == [("read", "a"), ("read", "b"), ("idle", "c")]


def test_moving_starts_a_new_wait() -> None:
    waiting: Waiting[str] = Waiting(LIMITS)
    waiting.move("a", NO_WAIT, "read", 0.0)
    waiting.move("b", NO_WAIT, "read", 1.0)
    waiting.move("a", "read", "read", 2.0)
    assert waiting.first("read") == "b"
    assert waiting.late(4.5) == [("read", "b")]
    waiting.move("b", "read", NO_WAIT, 4.5)
    waiting.move("a", "read", "idle", 4.5)
    assert waiting.first("read") is None
    assert waiting.next_late() == 14.5


def test_a_line_without_a_limit_is_never_late() -> None:
    waiting: Waiting[str] = Waiting(LIMITS)
    waiting.move("a", NO_WAIT, "never", 0.0)
    assert waiting.late(1e9) == []
    assert waiting.next_late() is None


def test_other_limits_hold_for_those_who_wait_already() -> None:
    waiting: Waiting[str] = Waiting(LIMITS)
    waiting.move("a", NO_WAIT, "read", 0.0)
    waiting.limits["read"] = 1.0
    assert waiting.late(1.0) == [("read", "a")]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["read", "idle", NO_WAIT]), st.floats(0, 5))))
def test_late_are_exactly_those_whose_time_is_over(moves: list[tuple[str, str, float]]) -> None:
    waiting: Waiting[str] = Waiting(LIMITS)
    where: dict[str, tuple[str, float]] = {}
    now = 0.0
    for item, line, pause in moves:
        now += pause
        waiting.move(item, where.get(item, (NO_WAIT, 0.0))[0], line, now)
        where[item] = line, now
    late = {item for item, (line, since) in where.items() if line and now - since >= LIMITS[line]}
    assert {item for _, item in waiting.late(now)} == late
    times = [since + LIMITS[line] for line, since in where.values() if line]
    assert waiting.next_late() == min(times, default=None)
