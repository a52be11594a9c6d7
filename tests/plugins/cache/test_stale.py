"""Answers whose time is over, in every mode."""

from __future__ import annotations

import pytest

from resolver.wire.constants import RD
from tests.plugins.cache.scenario import play

OLD = "upstream www.example.org. 60 A 192.0.2.1\nask www.example.org A\nasked 1\nwait 60\n"
NEW = "upstream www.example.org. 60 A 192.0.2.2\n"


def with_options(*lines: str) -> str:
    return "cache {\n" + "\n".join(lines) + "\n}"


def test_without_the_option_nothing_stale_is_served() -> None:
    play("cache", OLD + "upstream servfail\nask www.example.org A\nexpect SERVFAIL")


def test_immediate_answers_at_once_and_refreshes_behind_the_back() -> None:
    playing = play(
        with_options("serve_stale"),
        OLD
        + NEW
        + """
        upstream delay 0.2
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        asked 1
        wait 0.2
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.2
        asked 0
        """,
    )
    assert playing.metrics["coredns_cache_served_stale_total"]["dns://:53", ".", ""] == 2
    assert playing.metrics["coredns_cache_prefetch_total"]["dns://:53", ".", ""] == 1
    assert playing.metrics["coredns_cache_hits_total"]["dns://:53", "success", ".", ""] == 3


def test_an_answer_is_stale_for_so_long_and_no_longer() -> None:
    play(
        with_options("serve_stale 10s"),
        OLD
        + """
        upstream servfail
        wait 9.9
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        wait 0.1
        ask www.example.org A
        expect SERVFAIL
        """,
    )


def test_a_window_of_zero_serves_nothing_stale() -> None:
    play(with_options("serve_stale 0"), OLD + "upstream servfail\nask www.example.org A\nexpect SERVFAIL")


@pytest.mark.parametrize("mode", ["immediate", "verify 0", "verify 100ms"])
def test_stale_answers_carry_the_ttl_of_the_option(mode: str) -> None:
    play(
        with_options(f"serve_stale 1h {mode} 30s"),
        OLD + "upstream servfail\nask www.example.org A\nexpect NOERROR aa www.example.org. 30 A 192.0.2.1 ede=3",
    )


@pytest.mark.parametrize("failure", ["servfail", "refused", "truncated", "crash", "other", "bug"])
@pytest.mark.parametrize("mode", ["immediate", "verify 100ms"])
def test_a_failed_refresh_leaves_the_stale_answer(mode: str, failure: str) -> None:
    play(
        with_options(f"serve_stale 1h {mode}"),
        OLD
        + f"""
        upstream {failure}
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        asked 1
        wait 1
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        wait 1
        asked 1
        """,
    )


def test_a_name_that_is_gone_stops_being_served_stale() -> None:
    play(
        with_options("serve_stale"),
        OLD
        + """
        upstream example.org. 60 SOA 60
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        wait 1
        ask www.example.org A
        expect NXDOMAIN aa example.org. 59 SOA 60
        """,
    )


@pytest.mark.parametrize(
    ("news", "told"),
    [
        ("nxdomain", "NXDOMAIN"),
        ("www.example.org. 60 CNAME gone.test., gone.test. 60 TXT x", "NOERROR www.example.org. 60 CNAME gone.test."),
    ],
)
def test_news_that_cannot_be_kept_end_the_stale_answer(news: str, told: str) -> None:
    """An answer without SOA that denies is not kept (RFC 2308), but says that the old one is no longer so."""
    play(
        with_options("serve_stale"),
        OLD + f"upstream {news}\nask www.example.org A\nwait 1\nask www.example.org A\nexpect {told}\nasked 2",
    )


def test_an_answer_that_cannot_be_kept_ends_a_stale_denial() -> None:
    play(
        with_options("serve_stale", "success 9984 3600 0"),
        """
        upstream example.org. 60 SOA 60
        ask www.example.org A
        wait 60
        upstream www.example.org. 0 A 192.0.2.1
        ask www.example.org A
        wait 0.1
        ask www.example.org A
        expect NOERROR www.example.org. 0 A 192.0.2.1
        """,
    )


def test_a_stale_denial_says_so() -> None:
    play(
        with_options("serve_stale"),
        """
        upstream example.org. 60 SOA 60
        ask www.example.org A
        wait 60
        ask www.example.org A edns
        expect NXDOMAIN aa example.org. 0 SOA 60 ede=19
        """,
    )


def test_a_failure_is_never_served_stale() -> None:
    play(
        with_options("serve_stale"),
        """
        upstream servfail
        ask a.test A
        wait 5
        upstream a.test. 9 A 192.0.2.1
        ask a.test A
        expect NOERROR a.test. 9 A 192.0.2.1
        """,
    )


def test_verify_prefers_the_new_answer() -> None:
    play(
        with_options("serve_stale 1h verify"),
        OLD + NEW + "ask www.example.org A\nexpect NOERROR www.example.org. 60 A 192.0.2.2\nasked 1",
    )


@pytest.mark.parametrize("failure", ["servfail", "refused", "truncated", "crash", "other"])
def test_verify_serves_the_stale_answer_when_the_upstream_fails(failure: str) -> None:
    play(
        with_options("serve_stale 1h verify"),
        OLD
        + f"""
        upstream {failure}
        upstream delay 3
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        asked 1
        """,
    )


def test_verify_waits_no_longer_than_it_may_and_keeps_what_comes_later() -> None:
    playing = play(
        with_options("serve_stale 1h verify 100ms"),
        OLD
        + NEW
        + """
        upstream delay 0.25
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        ask www.example.org A                                   # joins the question that is under way
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        asked 1
        wait 0.1
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.2
        """,
    )
    assert playing.metrics["coredns_cache_served_stale_total"]["dns://:53", ".", ""] == 2


def test_verify_within_its_time_gives_the_new_answer() -> None:
    play(
        with_options("serve_stale 1h verify 100ms"),
        OLD
        + NEW
        + """
        upstream delay 0.05
        begin www.example.org A
        begin WWW.example.org A ad
        join
        expect NOERROR aa www.example.org. 60 A 192.0.2.2
        join
        expect NOERROR aa ad WWW.example.org. 60 A 192.0.2.2
        asked 1
        """,
    )


@pytest.mark.parametrize("mode", ["verify 0", "verify 100ms"])
def test_verify_tells_of_an_answer_that_cannot_be_kept(mode: str) -> None:
    play(with_options(f"serve_stale 1h {mode}"), OLD + "upstream nxdomain\nask www.example.org A\nexpect NXDOMAIN")


@pytest.mark.parametrize("mode", ["immediate", "verify 0", "verify 100ms"])
def test_after_a_failure_the_upstream_has_a_rest(mode: str) -> None:
    play(
        with_options(f"serve_stale 1h {mode} 30s 20s"),
        OLD
        + """
        upstream servfail
        ask www.example.org A
        wait 0.1
        asked 1
        ask www.example.org A
        expect NOERROR aa www.example.org. 30 A 192.0.2.1 ede=3
        wait 19.8
        ask www.example.org A
        asked 0
        wait 0.2
        ask www.example.org A
        wait 0.1
        asked 1
        """,
    )


@pytest.mark.parametrize(("waited", "lasts"), [(2, 3), (8, 2)])
def test_repeats_may_be_replayed_until_the_pause_or_the_window_ends(waited: int, lasts: int) -> None:
    playing = play(
        with_options("serve_stale 10s immediate 30s 3s"),
        OLD + f"upstream servfail\nwait {waited}\nask www.example.org A\nasked 1\nask www.example.org A",
    )
    assert playing.reply is not None
    assert playing.reply.replay is not None
    assert playing.reply.replay.base is None
    assert playing.reply.replay.until == 1000 + 60 + waited + lasts


def test_with_a_recheck_nobody_waits_for_the_verification_of_another() -> None:
    play(
        with_options("serve_stale 1h verify 0 30s 20s"),
        OLD
        + NEW
        + """
        upstream delay 1
        begin www.example.org A
        ask www.example.org A
        expect NOERROR aa www.example.org. 30 A 192.0.2.1 ede=3
        join
        expect NOERROR www.example.org. 60 A 192.0.2.2
        asked 1
        """,
    )


def test_a_refresh_that_hangs_is_given_up() -> None:
    playing = play(
        with_options("serve_stale"),
        OLD
        + """
        upstream mute
        ask www.example.org A
        asked 1
        wait 9
        ask www.example.org A
        asked 0
        wait 2
        ask www.example.org A
        asked 1
        """,
    )
    assert playing.world.lines == []


def test_an_unforeseen_error_of_a_refresh_is_logged() -> None:
    playing = play(with_options("serve_stale"), OLD + "upstream bug\nask www.example.org A\nwait 1")
    assert playing.world.lines == ["[ERROR] plugin/cache: refresh failed: ZeroDivisionError: "]


def test_a_question_without_recursion_does_not_end_a_stale_answer() -> None:
    play(
        with_options("serve_stale 1h verify"),
        OLD + "upstream noerror\nask www.example.org A nord\nexpect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3",
    )


def test_a_refresh_is_the_servers_own_question() -> None:
    """No cookie, subnet or size limit of the client that happened to come goes upstream behind its back."""
    playing = play(
        with_options("serve_stale"),
        OLD
        + "ask www.example.org A do edns option=10:0102030405060708\nwait 60\nask www.example.org A do edns option=10:0102030405060708\nwait 1",  # noqa: E501
    )
    query = playing.upstream.seen[-1]
    assert query.transport == "internal"
    assert query.edns is not None
    assert query.edns.options == b""
    assert query.do
    assert query.flags & RD


def test_a_cached_failure_does_not_hide_a_stale_answer() -> None:
    """The failure was for a client that wanted an answer made for its subnet."""
    play(
        with_options("serve_stale"),
        """
        upstream www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        wait 58
        upstream servfail
        ask www.example.org A option=8:00011800c00002
        expect SERVFAIL
        wait 2
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        """,
    )


def test_a_failure_is_told_when_the_stale_answer_is_too_old() -> None:
    play(
        with_options("serve_stale"),
        OLD
        + """
        wait 3600
        upstream servfail
        ask www.example.org A
        expect SERVFAIL
        ask www.example.org A
        expect SERVFAIL aa ede=13
        """,
    )
