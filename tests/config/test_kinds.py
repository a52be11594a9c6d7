"""Words by kind."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config import kinds
from resolver.config.model import Word
from resolver.errors import ConfigError
from tests.config.sources import mistakes, word


def wrong(kind: Callable[[Word], object], text: str) -> str:
    (mistake,) = mistakes(lambda: kind(word(text)))
    return mistake


# --- durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("1m30s", 90),
        ("100ms", 0.1),
        ("1h", 3600),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("2us", 2e-6),
        ("2µs", 2e-6),
        ("3ns", 3e-9),
        ("1h2m3s4ms", 3723.004),
        ("+5s", 5),
        ("0", 0),
        ("00", 0),
    ],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert kinds.duration(word(text)) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "5 s", "5x", "1..5s", "-5s", "5s5", "\u0665s", "1e3s", "5S", "1" * 80 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert "is not a duration" in wrong(kinds.duration, text)


def test_a_number_without_unit_is_seconds_only_where_that_is_usual() -> None:
    assert kinds.duration(word("30"), plain_seconds=True) == 30
    assert wrong(kinds.duration, "30") == "1:1: 30 is not a duration (write 30s for seconds)"


def test_a_duration_outside_of_its_bounds_is_refused() -> None:
    assert kinds.duration(word("2s"), 2, 10) == 2
    assert wrong(lambda one: kinds.duration(one, 2, 10), "1s") == "1:1: 1s is out of range (from 2s to 10s)"
    assert wrong(lambda one: kinds.duration(one, 2, 10), "1m") == "1:1: 1m is out of range (from 2s to 10s)"
    assert "out of range" in wrong(kinds.duration, "9999999999h")


@given(st.integers(0, 10**9), st.sampled_from(["ms", "s", "m", "h"]))
def test_every_whole_number_with_a_unit_is_a_duration(number: int, unit: str) -> None:
    scale = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
    if number * scale <= kinds.MAX_DURATION:
        assert kinds.duration(word(f"{number}{unit}")) == pytest.approx(number * scale)


# --- numbers


def test_an_integer_has_bounds() -> None:
    assert kinds.integer(word("10"), 1, 10) == 10
    assert kinds.integer(word("-1"), -1, 10) == -1
    assert wrong(lambda one: kinds.integer(one, 1, 10), "11") == "1:1: 11 is out of range (from 1 to 10)"


@pytest.mark.parametrize("text", ["", "-", "1.5", "1_000", "+1", "0x10", "\u0663", " 1", "1" * 5000])
def test_what_is_no_integer_is_refused(text: str) -> None:
    assert "is not a whole number" in wrong(kinds.integer, text)


def test_a_percentage_has_its_sign() -> None:
    assert kinds.percentage(word("10%")) == 10
    assert wrong(kinds.percentage, "10") == "1:1: 10 is not a percentage (write it like 10%)"
    assert "is not a percentage" in wrong(kinds.percentage, "%")
    assert wrong(lambda one: kinds.percentage(one, 10, 90), "91%") == "1:1: 91% is out of range (from 10% to 90%)"


@pytest.mark.parametrize(
    ("text", "octets"),
    [("4096", 4096), ("64MiB", 2**26), ("64Mi", 2**26), ("64M", 2**26), ("10MB", 10**7), ("1g", 2**30), ("5kb", 5000)],
)
def test_a_size_is_octets(text: str, octets: int) -> None:
    assert kinds.size(word(text)) == octets


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5MB", "1 TB", "1XB", "1" * 30])
def test_what_is_no_size_is_refused(text: str) -> None:
    assert "is not a size" in wrong(kinds.size, text)


def test_a_size_has_bounds() -> None:
    assert "is out of range" in wrong(lambda one: kinds.size(one, 512, 4096), "5k")


# --- addresses


def test_an_ip_address_may_name_its_interface() -> None:
    assert kinds.ip(word("192.0.2.1")) == ipaddress.ip_address("192.0.2.1")
    assert kinds.ip(word("fe80::1%eth0")) == ipaddress.ip_address("fe80::1%eth0")
    assert wrong(kinds.ip, "192.0.2.256") == "1:1: 192.0.2.256 is not an IP address"


def test_a_network_is_cidr_or_a_single_address() -> None:
    assert kinds.cidr(word("10.1.2.3/8")) == ipaddress.ip_network("10.0.0.0/8")
    assert kinds.cidr(word("2001:db8::1")) == ipaddress.ip_network("2001:db8::1/128")
    for text in ("10.0.0.0/33", "10.0.0.0/255.0.0.0", "10", "", "10.0.0.0/", "example.org"):
        assert "is not a network" in wrong(kinds.cidr, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":9153", ("", 9153)),
        ("localhost:8080", ("localhost", 8080)),
        ("127.0.0.1:53", ("127.0.0.1", 53)),
        ("[::1]:53", ("::1", 53)),
        ("[::1]", ("::1", 1234)),
        ("::1", ("::1", 1234)),
        ("dns.example.org", ("dns.example.org", 1234)),
    ],
)
def test_a_host_may_come_with_its_port(text: str, expected: tuple[str, int]) -> None:
    assert kinds.host_port(word(text), 1234) == expected


def test_without_a_default_the_port_must_be_there() -> None:
    assert wrong(kinds.host_port, "127.0.0.1") == "1:1: 127.0.0.1 has no port (write it like 127.0.0.1:8080 or :8080)"


@pytest.mark.parametrize(
    "text", ["", "a:b", "a:", "a:0", "a:65536", "[::1", "[::1]53", "[a]:53", "1:2:3", "a b:53", "ä:1"]
)
def test_what_is_no_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        kinds.host_port(word(text), 53)


# --- names


def test_a_choice_hints_at_the_nearest_name_or_at_all() -> None:
    def policy(one: Word) -> str:
        return kinds.choice(one, ("random", "round_robin", "sequential"))

    assert policy(word("random")) == "random"
    assert wrong(policy, "randm") == "1:1: randm is not known here (did you mean random?)"
    assert wrong(policy, "x") == "1:1: x is not known here (one of random, round_robin, sequential)"


def test_response_codes_have_names_in_any_case() -> None:
    assert kinds.rcode(word("NXDOMAIN")) == 3
    assert kinds.rcode(word("servfail")) == 2
    assert wrong(kinds.rcode, "NXDOMIAN") == "1:1: NXDOMIAN is not a response code (did you mean NXDOMAIN?)"


def test_record_types_have_names_or_numbers() -> None:
    assert kinds.record_type(word("aaaa")) == 28
    assert kinds.record_type(word("TYPE65280")) == 65280
    for text in ("TYPE65536", "TYPE", "AAAAA", ""):
        assert "is not a record type" in wrong(kinds.record_type, text)


def test_the_variable_that_is_not_set_is_a_better_hint_than_any_other() -> None:
    empty = Word("", word("").at, note="the environment has no TTL")
    for kind in (kinds.duration, kinds.integer, kinds.size, kinds.ip, kinds.cidr, kinds.rcode):
        (mistake,) = mistakes(partial(kind, empty))
        assert mistake.endswith("(the environment has no TTL)")


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_our_error(text: str) -> None:
    readers: list[Callable[[Word], object]] = [
        kinds.duration,
        kinds.integer,
        kinds.percentage,
        kinds.size,
        kinds.ip,
        kinds.cidr,
        kinds.host_port,
        kinds.rcode,
        kinds.record_type,
    ]
    for kind in readers:
        try:
            kind(word(text))
        except ConfigError:
            continue
