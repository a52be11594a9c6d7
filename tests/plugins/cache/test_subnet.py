"""An answer for one client's subnet is not given to another (RFC 7871)."""

from __future__ import annotations

import pytest

from resolver.plugins.cache.subnet import Scopes
from resolver.wire.edns import option
from tests.plugins.cache.scenario import play

MINE = "option=8:00011800c00002"  # 192.0.2.0/24
ANY = "option=8:00010000"  # source prefix 0: for nobody in particular
OTHERS = "option=8:00011800c63364"  # 198.51.100.0/24
FOR_ME, FOR_ALL = "8 00011818c00002", "8 00011800c00002"  # the scope is the fourth octet


def test_an_answer_made_for_a_subnet_is_kept_for_this_one_alone() -> None:
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options {FOR_ME}
        ask www.example.org A {MINE}
        expect NOERROR www.example.org. 60 A 192.0.2.1 option=8:00011818c00002
        asked 1
        wait 10
        ask www.example.org A {MINE}
        expect NOERROR aa www.example.org. 50 A 192.0.2.1 option=8:00011818c00002
        asked 0
        upstream www.example.org. 60 A 192.0.2.9
        upstream options
        ask www.example.org A
        expect NOERROR www.example.org. 60 A 192.0.2.9
        asked 1
        upstream options 8 00011818c63364
        ask www.example.org A {OTHERS}
        asked 1
        ask www.example.org A {MINE}
        expect NOERROR aa www.example.org. 50 A 192.0.2.1 option=8:00011818c00002
        asked 0
        """,
    )


def test_a_scope_that_is_wider_than_the_question_is_for_all_within_it() -> None:
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options 8 00011810c00002
        ask www.example.org A {MINE}
        ask www.example.org A option=8:00012000c0000907
        expect NOERROR aa www.example.org. 60 A 192.0.2.1 option=8:00012010c0000907
        asked 1
        upstream options 8 00011810c63364
        ask www.example.org A {OTHERS}
        asked 1
        """,
    )


def test_a_scope_that_is_longer_than_the_question_is_for_who_asks_as_roughly() -> None:
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options 8 0001181cc00002
        ask www.example.org A {MINE}
        ask www.example.org A {MINE}
        expect NOERROR aa www.example.org. 60 A 192.0.2.1 option=8:0001181cc00002
        asked 1
        upstream options 8 00011a1ac0000200
        ask www.example.org A option=8:00011a00c0000200
        asked 1
        """,
    )


def test_the_longest_prefix_counts() -> None:
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options 8 00011810c00002
        ask www.example.org A {MINE}
        upstream www.example.org. 60 A 192.0.2.2
        upstream options 8 00011414c00000
        ask www.example.org A option=8:00011400c00000
        asked 1
        ask www.example.org A {MINE}
        expect NOERROR aa www.example.org. 60 A 192.0.2.1 option=8:00011810c00002
        """,
    )


@pytest.mark.parametrize("other", ["00011818c63364", "0002381820010db8000000", "00011018c000", "000118"])
def test_an_answer_for_a_subnet_that_nobody_asked_for_is_not_kept(other: str) -> None:
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options 8 {other}
        ask www.example.org A {MINE}
        ask www.example.org A {MINE}
        asked 2
        """,
    )


def test_what_is_refreshed_ahead_of_time_is_for_the_same_subnet() -> None:
    play(
        "cache {\n prefetch 2 1m 20%\n}",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options {FOR_ME}
        ask www.example.org A {MINE}
        ask www.example.org A {MINE}
        wait 50
        ask www.example.org A {MINE}
        wait 1
        asked 2
        wait 20
        ask www.example.org A {MINE}
        expect NOERROR aa www.example.org. 39 A 192.0.2.1 option=8:00011818c00002
        """,
    )


def test_scopes_are_remembered_for_a_bounded_number_of_questions_and_lengths() -> None:
    scopes = Scopes()
    mine = option(8, bytes.fromhex("00012000c0000207"))
    kept = [scopes.note(b"one", mine, option(8, bytes((0, 1, 32, bits, 192, 0, 2, 7)))) for bits in range(1, 33)]
    assert sum(key is not None for key in kept) == 16
    for number in range(20_000):
        scopes.note(number.to_bytes(4, "big"), mine, option(8, bytes.fromhex("00012018c0000207")))
    assert scopes.find(b"one", mine) is None
    assert scopes.find((19_999).to_bytes(4, "big"), mine) is not None


@pytest.mark.parametrize("scope", [FOR_ALL, ""])
def test_an_answer_for_everybody_is_kept_for_everybody(scope: str) -> None:
    """An upstream that does not answer the option does not know it, and so made the answer for all (section 7.3)."""
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options {scope}
        ask www.example.org A {MINE}
        ask www.example.org A {MINE}
        expect NOERROR aa www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.1
        asked 1
        """,
    )


def test_who_names_a_subnet_gets_an_answer_made_for_it() -> None:
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        upstream www.example.org. 60 A 192.0.2.99
        upstream options {FOR_ME}
        ask www.example.org A {MINE}
        expect NOERROR www.example.org. 60 A 192.0.2.99 option=8:00011818c00002
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.1
        asked 2
        """,
    )


def test_who_names_no_subnet_shares_the_common_answer() -> None:
    play(
        "cache",
        f"""
        upstream a.test. 60 A 192.0.2.1
        ask a.test A
        ask a.test A {ANY}
        ask a.test A option=10:0102030405060708
        asked 1
        """,
    )


def test_a_denial_made_for_a_subnet_is_kept_for_it_too() -> None:
    play(
        "cache",
        f"""
        upstream test. 60 SOA 60
        upstream options {FOR_ME}
        ask a.test A {MINE}
        ask a.test A {MINE}
        expect NXDOMAIN aa test. 60 SOA 60 option=8:00011818c00002
        asked 1
        ask a.test A
        asked 1
        """,
    )


def test_a_stale_answer_is_not_for_who_names_a_subnet() -> None:
    play(
        "cache {\n serve_stale\n}",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        wait 60
        upstream servfail
        ask www.example.org A {MINE}
        expect SERVFAIL
        """,
    )


def test_an_option_that_cannot_be_read_keeps_the_answer_out() -> None:
    play("cache", "upstream a.test. 60 A 192.0.2.1\nupstream options 8 00\nask a.test A\nask a.test A\nasked 2")
