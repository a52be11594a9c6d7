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


def test_one_answered_probe_makes_it_healthy_and_ends_the_probing() -> None:
    health = failing(Health(2), 5)
    health.probe_answered()
    assert (health.down, health.probing) == (False, False)
    assert health.query_failed()


def test_an_answered_query_makes_it_healthy_while_probing_goes_on() -> None:
    health = failing(Health(2), 5)
    health.query_answered()
    assert (health.down, health.probing) == (False, True)
    health.probe_failed()
    assert not health.down


def test_with_max_fails_0_it_is_never_probed_and_never_down() -> None:
    health = Health(0)
    assert not health.query_failed()
    health.probe_failed()
    assert not health.down
