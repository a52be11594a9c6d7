"""When an upstream is down, and when it is probed."""

from __future__ import annotations

from resolver.upstream.health import Health


def failing(health: Health, probes: int) -> Health:
    health.query_failed()
    for _ in range(probes):
        health.probe_failed()
    return health


def test_an_upstream_begins_healthy_and_unprobed() -> None:
    health = Health(2)
    assert (health.down, health.probing) == (False, False)


def test_a_failed_query_starts_probing_once() -> None:
    health = Health(2)
    assert [health.query_failed(), health.query_failed()] == [True, False]


def test_failed_queries_alone_do_not_make_it_down() -> None:
    health = Health(2)
    for _ in range(10):
        health.query_failed()
    assert not health.down


def test_so_many_failed_probes_in_a_row_make_it_down() -> None:
    assert [failing(Health(2), count).down for count in (0, 1, 2, 3)] == [False, False, True, True]


def test_one_answer_makes_it_healthy_and_ends_the_probing() -> None:
    health = failing(Health(2), 5)
    health.answered()
    assert (health.down, health.probing) == (False, False)
    assert health.query_failed()


def test_fails_are_counted_in_a_row() -> None:
    health = failing(Health(2), 1)
    health.answered()
    assert [failing(health, 1).down, failing(health, 1).down] == [False, True]


def test_a_probe_that_fails_after_a_query_was_answered_counts_for_nothing() -> None:
    health = failing(Health(1), 0)
    health.answered()
    health.probe_failed()
    assert (health.down, health.fails) == (False, 0)


def test_with_max_fails_0_it_is_never_probed_and_never_down() -> None:
    health = Health(0)
    assert not health.query_failed()
    health.probe_failed()
    assert not health.down
