"""prefer_positive holds on to the last answer that had records."""

from __future__ import annotations

import pytest

from tests.plugins.cache.scenario import play

OLD = "upstream www.example.org. 60 A 192.0.2.1\nask www.example.org A\nasked 1\nwait 60\n"


def retaining(mode: str) -> str:
    return f"cache {{\nserve_stale 1h {mode}\nserve_stale_policy prefer_positive\n}}"


@pytest.mark.parametrize("mode", ["immediate", "verify 0", "verify 100ms"])
@pytest.mark.parametrize("news", ["servfail", "nxdomain", "noerror", "notimp", "example.org. 60 SOA 60"])
def test_prefer_positive_serves_the_last_good_answer(mode: str, news: str) -> None:
    play(
        retaining(mode),
        OLD
        + f"""
        upstream {news}
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        wait 1
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        wait 1
        asked 2
        upstream www.example.org. 60 A 192.0.2.2
        ask www.example.org A
        wait 0.1
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.2
        """,
    )


def test_prefer_positive_ends_with_the_window() -> None:
    play(
        retaining("immediate"),
        OLD
        + """
        upstream example.org. 60 SOA 60
        ask www.example.org A
        wait 3599
        ask www.example.org A
        expect NOERROR aa www.example.org. 0 A 192.0.2.1 ede=3
        wait 1
        ask www.example.org A
        expect NXDOMAIN aa example.org. 59 SOA 60
        """,
    )


@pytest.mark.parametrize("mode", ["immediate", "verify 0"])
def test_prefer_positive_refreshes_denials_as_usual(mode: str) -> None:
    play(
        retaining(mode),
        """
        upstream example.org. 60 SOA 60
        ask www.example.org A
        wait 61
        ask www.example.org A
        wait 0.1
        ask www.example.org A
        expect NXDOMAIN aa example.org. 60 SOA 60
        asked 2
        upstream www.example.org. 60 A 192.0.2.1
        wait 61
        ask www.example.org A
        wait 0.1
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.1
        """,
    )


@pytest.mark.parametrize("mode", ["verify 0", "verify 100ms"])
def test_prefer_positive_takes_a_new_denial_for_an_old_one(mode: str) -> None:
    play(
        retaining(mode),
        """
        upstream example.org. 60 SOA 60
        ask www.example.org A
        wait 61
        upstream example.org. 50 SOA 60
        ask www.example.org A
        expect NXDOMAIN{} example.org. 50 SOA 60
        """.format(" aa" if mode == "verify 100ms" else ""),
    )
