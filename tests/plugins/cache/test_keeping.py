"""What is kept, for how long, and how it is served again."""

from __future__ import annotations

import pytest

from tests.plugins.cache.scenario import play

ZONE = "upstream example.org. 60 SOA 30, www.example.org. 60 A 192.0.2.1, alias.example.org. 50 CNAME www.example.org."


def test_an_answer_is_served_again_until_its_time_is_over() -> None:
    play(
        "cache",
        """
        upstream www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        expect NOERROR www.example.org. 60 A 192.0.2.1
        asked 1
        wait 2.9
        ask www.example.org A
        expect NOERROR aa www.example.org. 58 A 192.0.2.1
        wait 57
        ask www.example.org A
        expect NOERROR aa www.example.org. 1 A 192.0.2.1
        asked 0
        wait 0.1
        ask www.example.org A
        expect NOERROR www.example.org. 60 A 192.0.2.1
        asked 1
        """,
    )


def test_case_does_not_matter_and_the_question_is_echoed() -> None:
    playing = play("cache", f"{ZONE}\nask www.example.org A\nask WWW.eXample.ORG A\nasked 1")
    assert playing.reply is not None
    assert playing.reply.question.startswith(b"\3WWW\7eXample\3ORG\0")


@pytest.mark.parametrize("extras", ["do", "cd", "do cd"])
def test_do_and_cd_have_answers_of_their_own(extras: str) -> None:
    play("cache", f"{ZONE}\nask www.example.org A\nask www.example.org A {extras}\nasked 2")


@pytest.mark.parametrize("extras", ["ad", "nord", "edns", "tcp"])
def test_other_differences_share_an_answer(extras: str) -> None:
    play("cache", f"{ZONE}\nask www.example.org A\nask www.example.org A {extras}\nasked 1")


def test_authenticated_data_is_told_to_those_who_ask() -> None:
    play(
        "cache",
        """
        upstream www.example.org. 60 A 192.0.2.1
        ask www.example.org A                                        # the upstream says AD, the client did not ask
        expect NOERROR www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.1
        ask www.example.org A ad
        expect NOERROR aa ad www.example.org. 60 A 192.0.2.1
        asked 1
        ask www.example.org A do
        expect NOERROR ad www.example.org. 60 A 192.0.2.1
        ask www.example.org A do
        expect NOERROR aa ad www.example.org. 60 A 192.0.2.1
        """,
    )


def test_all_records_have_the_lowest_ttl() -> None:
    play(
        "cache",
        """
        upstream a.example.org. 300 CNAME b.example.org., b.example.org. 20 CNAME c.example.org., c.example.org. 60 A 192.0.2.1
        ask a.example.org A
        expect NOERROR a.example.org. 20 CNAME b.example.org. b.example.org. 20 CNAME c.example.org. c.example.org. 20 A 192.0.2.1
        wait 19
        ask a.example.org A
        expect NOERROR aa a.example.org. 1 CNAME b.example.org. b.example.org. 1 CNAME c.example.org. c.example.org. 1 A 192.0.2.1
        """,  # noqa: E501
    )


@pytest.mark.parametrize(
    ("options", "ttl", "shown"),
    [
        ("cache", 86400, 3600),
        ("cache 30", 86400, 30),
        ("cache 30", 10, 10),
        ("cache", 0, 5),
        ("cache { \n success 9984 20 10 \n }", 3, 10),
        ("cache { \n success 9984 2 10 \n }", 7, 2),
        ("cache 7 { \n success 100 \n }", 60, 7),
        ("cache", 2**32 - 1, 5),  # RFC 2181 section 8: the top bit makes it zero
    ],
)
def test_the_ttl_is_brought_between_its_limits(options: str, ttl: int, shown: int) -> None:
    play(
        options,
        f"""
        upstream www.example.org. {ttl} A 192.0.2.1
        ask www.example.org A
        expect NOERROR www.example.org. {shown} A 192.0.2.1
        ask www.example.org A
        expect NOERROR aa www.example.org. {shown} A 192.0.2.1
        wait {shown}
        ask www.example.org A
        asked 2
        """,
    )


def test_without_a_minimum_a_ttl_of_zero_is_not_kept() -> None:
    play(
        "cache {\n success 9984 3600 0 \n}",
        """
        upstream www.example.org. 0 A 192.0.2.1
        ask www.example.org A
        expect NOERROR www.example.org. 0 A 192.0.2.1
        ask www.example.org A
        asked 2
        """,
    )


def test_a_ttl_with_its_top_bit_set_is_shown_as_zero() -> None:
    play(
        "cache {\n success 9984 3600 0 \n}",
        f"upstream a.test. {2**31} A 192.0.2.1\nask a.test A\nexpect NOERROR a.test. 0 A 192.0.2.1",
    )


@pytest.mark.parametrize(
    ("options", "soa_ttl", "minimum", "shown", "life"),
    [
        ("cache", 60, 300, 60, 60),
        ("cache", 60, 30, 60, 30),  # RFC 2308 section 5: the minimum field bounds the time
        ("cache", 86400, 86400, 1800, 1800),
        ("cache", 1, 1, 5, 5),
        ("cache", 60, 0, 60, 5),
        ("cache 10", 60, 60, 10, 10),
        ("cache {\n denial 9984 3600 1 \n}", 2, 600, 2, 2),
    ],
)
def test_a_denial_lives_as_its_soa_says(options: str, soa_ttl: int, minimum: int, shown: int, life: int) -> None:
    play(
        options,
        f"""
        upstream example.org. {soa_ttl} SOA {minimum}
        ask nope.example.org A
        expect NXDOMAIN example.org. {shown} SOA {minimum}
        wait {life - 0.5}
        ask nope.example.org A
        expect NXDOMAIN aa example.org. {shown - int(life - 0.5)} SOA {minimum}
        asked 1
        wait 0.5
        ask nope.example.org A
        asked 1
        """,
    )


def test_a_denial_is_for_its_type_only() -> None:
    play(
        "cache",
        f"{ZONE}\nask www.example.org TXT\nexpect NOERROR example.org. 60 SOA 30\nask www.example.org A\nasked 2",
    )


def test_nxdomain_behind_an_alias_is_kept() -> None:
    play(
        "cache",
        """
        upstream example.org. 60 SOA 60, a.example.org. 60 CNAME gone.example.org.
        ask a.example.org A
        ask a.example.org A
        expect NXDOMAIN aa a.example.org. 60 CNAME gone.example.org. example.org. 60 SOA 60
        asked 1
        """,
    )


def test_an_alias_without_the_type_is_a_denial() -> None:
    playing = play("cache", f"{ZONE}\nask alias.example.org TXT\nask alias.example.org TXT\nasked 1")
    assert playing.metrics["coredns_cache_entries"]["dns://:53", "denial", ".", ""] == 1


def test_failures_are_kept_for_five_seconds() -> None:
    play(
        "cache",
        """
        upstream servfail
        ask www.example.org A
        expect SERVFAIL
        wait 4.9
        ask www.example.org A edns
        expect SERVFAIL aa ede=13
        asked 1
        upstream www.example.org. 60 A 192.0.2.1
        wait 0.1
        ask www.example.org A
        expect NOERROR www.example.org. 60 A 192.0.2.1
        """,
    )


@pytest.mark.parametrize(("duration", "seconds"), [("1m", 60.0), ("500ms", 0.5)])
def test_failures_are_kept_for_as_long_as_the_option_says(duration: str, seconds: float) -> None:
    script = "upstream servfail\nask a.test A\nwait {}\nask a.test A\nasked 1\nwait 0.1\nask a.test A\nasked 1"
    play(f"cache {{\n servfail {duration}\n}}", script.format(seconds - 0.1))


def test_failures_need_not_be_kept() -> None:
    play("cache {\n servfail 0\n}", "upstream servfail\nask a.test A\nask a.test A\nasked 2")


@pytest.mark.parametrize("upstream", ["refused", "formerr", "notauth", "nxdomain", "truncated"])
def test_some_answers_are_never_kept(upstream: str) -> None:
    script = f"{ZONE}\nupstream {upstream}\nask www.example.org A\nask www.example.org A\nasked 2"
    playing = play("cache", script)
    assert len(playing.cache.contents.success) == len(playing.cache.contents.denial) == 0


def test_notimp_is_kept_like_a_failure() -> None:
    play("cache", "upstream notimp\nask a.test A\nask a.test A\nasked 1\nwait 5\nask a.test A\nasked 1")


def test_an_empty_answer_is_kept_shortly() -> None:
    play("cache", "upstream noerror\nask a.test A\nwait 4.9\nask a.test A\nasked 1\nwait 0.1\nask a.test A\nasked 1")


def test_an_alias_that_leads_to_nothing_is_not_kept() -> None:
    play(
        "cache",
        """
        upstream a.example.org. 60 CNAME b.example.net.
        ask a.example.org A
        ask a.example.org A
        asked 2
        ask a.example.org CNAME
        ask a.example.org CNAME
        asked 1
        """,
    )


def test_an_answer_to_another_question_is_not_kept_and_counted() -> None:
    playing = play("cache", f"{ZONE}\nupstream other\nask www.example.org A\nask www.example.org A\nasked 2")
    assert playing.metrics["coredns_cache_drops_total"]["dns://:53", ".", ""] == 2


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR", "TKEY"])
def test_meta_types_pass(qtype: str) -> None:
    playing = play("cache", f"{ZONE}\nask example.org {qtype}\nask example.org {qtype}\nasked 2")
    assert len(playing.cache.contents.success) == len(playing.cache.contents.denial) == 0


def test_only_names_in_the_zones_are_kept() -> None:
    play(
        "cache 60 example.org",
        """
        upstream example.org. 300 A 192.0.2.1, www.example.org. 300 A 192.0.2.2, badexample.org. 300 A 192.0.2.3
        ask badexample.org A
        ask badexample.org A
        expect NOERROR badexample.org. 300 A 192.0.2.3
        asked 2
        ask example.org A
        ask example.org A
        ask WWW.example.org A
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.2
        asked 2
        """,
    )


def test_positive_answers_can_be_left_out() -> None:
    play(
        "cache {\n disable success\n}",
        f"""
        {ZONE}
        ask www.example.org A
        ask www.example.org A
        asked 2
        ask no.example.org A
        ask no.example.org A
        asked 1
        """,
    )


def test_denials_can_be_left_out_for_some_zones() -> None:
    play(
        "cache {\n disable denial example.org EXAMPLE.com\n disable denial example.edu\n}",
        """
        upstream example.org. 60 SOA 60, example.net. 60 SOA 60, example.com. 60 SOA 60, example.edu. 60 SOA 60
        ask no.example.org A
        ask no.example.org A
        asked 2
        ask no.example.com A
        ask no.example.com A
        asked 2
        ask no.example.edu A
        ask no.example.edu A
        asked 2
        ask no.example.net A
        ask no.example.net A
        asked 1
        """,
    )


def test_keepttl_shows_the_whole_ttl_to_the_end() -> None:
    play(
        "cache {\n keepttl\n}",
        """
        upstream www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        wait 59.9
        ask www.example.org A
        expect NOERROR aa www.example.org. 60 A 192.0.2.1
        asked 1
        wait 0.1
        ask www.example.org A
        asked 1
        """,
    )


def test_options_of_an_upstream_reach_only_who_asked_it() -> None:
    play(
        "cache",
        """
        upstream www.example.org. 60 A 192.0.2.1
        upstream options 10 0102030405060708
        ask www.example.org A edns
        expect NOERROR www.example.org. 60 A 192.0.2.1 option=10:0102030405060708
        ask www.example.org A edns
        expect NOERROR aa www.example.org. 60 A 192.0.2.1
        """,
    )


@pytest.mark.parametrize("upstream", ["servfail", "noerror"])
def test_what_an_upstream_says_without_recursing_is_no_answer_for_others(upstream: str) -> None:
    play(
        "cache",
        f"""
        upstream {upstream}
        ask www.example.org A nord
        asked 1
        upstream www.example.org. 60 A 192.0.2.1
        ask www.example.org A
        expect NOERROR www.example.org. 60 A 192.0.2.1
        """,
    )


def test_what_an_upstream_knows_without_recursing_is_kept() -> None:
    play("cache", f"{ZONE}\nask www.example.org A nord\nask www.example.org A\nasked 1")
    play("cache", f"{ZONE}\nask no.example.org A nord\nask no.example.org A\nasked 1")
