"""Popular answers are fetched anew before their time is over."""

from __future__ import annotations

import pytest

from tests.plugins.cache.scenario import Play, play

ANSWER = "upstream www.example.org. 100 A 192.0.2.1\n"


def prefetches(playing: Play) -> float:
    return playing.metrics["coredns_cache_prefetch_total"]["dns://:53", ".", ""]


def cache(prefetch: str, *more: str) -> str:
    return "\n".join(["cache {", f"prefetch {prefetch}", *more, "}"])


def test_a_popular_answer_is_new_before_it_is_over() -> None:
    playing = play(
        cache("2 1m 20%"),
        ANSWER
        + """
        ask www.example.org A
        wait 79
        ask www.example.org A                                   # not time yet
        wait 0.9
        ask www.example.org A
        wait 0
        asked 1
        upstream www.example.org. 100 A 192.0.2.2
        upstream delay 0.2
        wait 0.1
        ask www.example.org A                                   # a fifth is left
        expect NOERROR aa www.example.org. 20 A 192.0.2.1
        ask www.example.org A
        expect NOERROR aa www.example.org. 20 A 192.0.2.1
        asked 1
        wait 0.2
        ask www.example.org A
        expect NOERROR aa www.example.org. 100 A 192.0.2.2
        asked 0
        """,
    )
    assert prefetches(playing) == 1


def test_an_unpopular_answer_is_left_to_expire() -> None:
    playing = play(
        cache("3 1m 20%"),
        ANSWER
        + "ask www.example.org A\nwait 85\nask www.example.org A\nwait 1\nask www.example.org A\nwait 1\nasked 1",
    )
    assert prefetches(playing) == 0


def test_a_gap_starts_the_count_again() -> None:
    play(
        cache("3 10s 20%"),
        ANSWER
        + """
        ask www.example.org A
        ask www.example.org A
        ask www.example.org A
        wait 81
        ask www.example.org A
        wait 9
        ask www.example.org A
        wait 1
        asked 1
        ask www.example.org A
        wait 1
        asked 1
        """,
    )


@pytest.mark.parametrize(("gap", "until"), [("1h", 1090), ("1m", 1070), ("10s", 1020)])
def test_repeats_may_be_replayed_until_the_last_part_or_for_one_gap(gap: str, until: float) -> None:
    playing = play(cache(f"5 {gap}"), ANSWER + "ask www.example.org A\nwait 10\nask www.example.org A")
    assert playing.reply is not None
    assert playing.reply.replay is not None
    assert playing.reply.replay.until == until


def test_repeats_must_be_seen_in_the_last_part() -> None:
    playing = play(cache("5 1h"), ANSWER + "ask www.example.org A\nwait 91\nask www.example.org A")
    assert playing.reply is not None
    assert playing.reply.replay is None


def test_popularity_survives_the_prefetch_and_ends_with_the_answer() -> None:
    play(
        cache("3 1h 10%"),
        ANSWER
        + """
        ask www.example.org A
        ask www.example.org A
        ask www.example.org A
        wait 91
        ask www.example.org A
        wait 1
        asked 2
        wait 95
        ask www.example.org A                                   # still popular
        wait 1
        asked 1
        wait 200
        ask www.example.org A                                   # somebody had to wait: a new count
        wait 95
        ask www.example.org A
        wait 1
        asked 1
        """,
    )


@pytest.mark.parametrize(("ttl", "left"), [(100, 10), (5, 1), (6, 1), (15, 2)])
def test_a_tenth_is_left_by_default_and_a_second_at_least(ttl: int, left: int) -> None:
    play(
        cache("1"),
        f"""
        upstream a.test. {ttl} A 192.0.2.1
        ask a.test A
        wait {ttl - left - 0.1}
        ask a.test A
        asked 1
        wait 0.1
        ask a.test A
        asked 1
        """,
    )


def test_an_amount_of_zero_is_no_prefetch() -> None:
    play(cache("0"), ANSWER + "ask www.example.org A\nwait 95\nask www.example.org A\nwait 1\nasked 1")


def test_denials_are_prefetched_too() -> None:
    play(
        cache("1"),
        """
        upstream example.org. 100 SOA 100
        ask no.example.org A
        wait 95
        ask no.example.org A
        expect NXDOMAIN aa example.org. 5 SOA 100
        wait 1
        asked 2
        ask no.example.org A
        expect NXDOMAIN aa example.org. 99 SOA 100
        """,
    )


def test_a_denial_takes_the_place_of_an_answer() -> None:
    play(
        cache("1"),
        ANSWER
        + """
        ask www.example.org A
        wait 95
        upstream example.org. 100 SOA 100
        ask www.example.org A
        wait 1
        ask www.example.org A
        expect NXDOMAIN aa example.org. 99 SOA 100
        """,
    )


@pytest.mark.parametrize("failure", ["servfail", "refused", "truncated", "crash", "other"])
def test_a_failure_does_not_take_the_place_of_an_answer(failure: str) -> None:
    """And the next attempt waits a second, however many ask."""
    play(
        cache("1"),
        ANSWER
        + f"""
        ask www.example.org A
        wait 95
        upstream {failure}
        asked 1
        ask www.example.org A
        wait 0.5
        ask www.example.org A
        expect NOERROR aa www.example.org. 5 A 192.0.2.1
        wait 0.1
        asked 1
        wait 0.5
        ask www.example.org A
        wait 0.1
        asked 1
        """,
    )


def test_repeats_may_be_replayed_in_the_pause_after_a_failure() -> None:
    playing = play(
        cache("1"),
        ANSWER
        + """
        ask www.example.org A
        wait 95
        upstream servfail
        ask www.example.org A
        wait 0.2
        ask www.example.org A
        """,
    )
    assert playing.reply is not None
    assert playing.reply.replay is not None
    assert playing.reply.replay.until == 1096


def test_an_answer_takes_the_place_of_a_denial_for_good() -> None:
    play(
        cache("1 1h 90%"),
        """
        upstream example.org. 1000 SOA 1000
        ask www.example.org A
        wait 200
        upstream www.example.org. 5 A 192.0.2.1
        ask www.example.org A
        expect NXDOMAIN aa example.org. 800 SOA 1000
        wait 0.1
        upstream servfail
        wait 5
        asked 2
        ask www.example.org A
        expect SERVFAIL
        """,
    )


def test_an_evicted_answer_is_forgotten_altogether() -> None:
    names = [f"n{number}.example.org." for number in range(1100)]
    script = "upstream " + ",".join(f"{name} 9 A 192.0.2.1" for name in names)
    script += "".join(f"\nask {name} A\nask {name} A" for name in names)
    popularity = play(cache("5", "success 1024"), script).cache.contents.popularity
    assert popularity is not None
    assert 0 < len(popularity) <= 1024
