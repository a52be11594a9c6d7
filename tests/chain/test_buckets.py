"""Token buckets in a bounded table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.buckets import Buckets


def _taken(buckets: Buckets, key: str, moments: list[float], rate: int = 10, burst: int = 5) -> list[bool]:
    return [buckets.take(key, now, 1 / rate, burst / rate) for now in moments]


def test_a_burst_passes_and_no_more() -> None:
    assert _taken(Buckets(10), "a", [100.0] * 7) == [True] * 5 + [False] * 2


def test_a_token_comes_back_every_interval() -> None:
    buckets = Buckets(10)
    _taken(buckets, "a", [100.0] * 9)
    assert _taken(buckets, "a", [100.1, 100.1, 100.2]) == [True, False, True]


def test_who_waits_gets_the_whole_burst_again_and_not_more() -> None:
    buckets = Buckets(10)
    _taken(buckets, "a", [100.0] * 9)
    assert sum(_taken(buckets, "a", [500.0] * 20)) == 5


def test_debt_has_to_be_paid_back_up_to_its_limit() -> None:
    buckets = Buckets(10)
    for _ in range(1000):
        buckets.take("a", 100.0, 0.1, 0.5, debt=2.0)
    assert not buckets.take("a", 101.9, 0.1, 0.5, debt=2.0)
    assert buckets.take("a", 102.6, 0.1, 0.5, debt=2.0)


@given(st.lists(st.floats(0, 3), max_size=60))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    now, moments = 50.0, []
    for pause in pauses:
        now += pause
        moments.append(now)
    taken = [at for at, ok in zip(moments, _taken(Buckets(10), "a", moments), strict=True) if ok]
    for start, since in enumerate(taken):
        for count, until in enumerate(taken[start:], 1):
            assert count <= 5 + 10 * (until - since) + 1e-6


def test_a_flood_from_made_up_addresses_does_not_let_a_greedy_client_be_forgotten() -> None:
    buckets = Buckets(1000)
    assert _taken(buckets, "greedy", [100.0] * 6)[-1] is False
    for number in range(50_000):
        buckets.take(number, 100.0 + number * 1e-6, 0.1, 0.5)
    assert len(buckets) <= 1000
    assert not buckets.take("greedy", 100.05, 0.1, 0.5)


def test_full_buckets_are_let_go_and_their_clients_lose_nothing() -> None:
    buckets = Buckets(1000)
    for number in range(1001):
        buckets.take(number, 100.0 + number, 0.1, 0.5)
    assert len(buckets) == 1
    assert sum(_taken(buckets, "0", [2000.0] * 9)) == 5


def test_a_table_full_of_equally_greedy_clients_stays_within_its_size() -> None:
    buckets = Buckets(1000)
    for number in range(5000):
        assert _taken(buckets, str(number), [100.0] * 5) == [True] * 5
        assert len(buckets) <= 1000
