"""An answer for one client's subnet is not given to another (RFC 7871)."""

from __future__ import annotations

import pytest

from tests.plugins.cache.scenario import play

MINE = "option=8:00011800c00002"  # 192.0.2.0/24
ANY = "option=8:00010000"  # source prefix 0: for nobody in particular
FOR_ME, FOR_ALL = "8 00011818c00002", "8 00011800c00002"  # the scope is the fourth octet


def test_an_answer_made_for_a_subnet_is_not_kept() -> None:
    play(
        "cache",
        f"""
        upstream www.example.org. 60 A 192.0.2.1
        upstream options {FOR_ME}
        ask www.example.org A {MINE}
        expect NOERROR www.example.org. 60 A 192.0.2.1 option=8:00011818c00002
        ask www.example.org A {MINE}
        upstream options
        ask www.example.org A
        expect NOERROR www.example.org. 60 A 192.0.2.1
        asked 3
        """,
    )


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


def test_a_denial_made_for_a_subnet_is_not_kept_either() -> None:
    play(
        "cache",
        f"upstream test. 60 SOA 60\nupstream options {FOR_ME}\nask a.test A {MINE}\nask a.test A {MINE}\nasked 2",
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
