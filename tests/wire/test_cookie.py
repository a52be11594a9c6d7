"""DNS Cookies, against the examples of RFC 9018 appendix A."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import EdnsError
from resolver.wire.cookie import age, bake, cookie_of, cookie_option
from resolver.wire.edns import option

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
CLIENT = bytes.fromhex("2464c4abcf10c957")
HOST = "198.51.100.100"
MOMENT = 1559731985


@pytest.mark.parametrize(
    ("secret", "client", "host", "now", "expected"),
    [
        (SECRET.hex(), CLIENT.hex(), HOST, MOMENT, "010000005cf79f111f8130c3eee29480"),
        (SECRET.hex(), CLIENT.hex(), HOST, 1559734385, "010000005cf7a871d4a564a1442aca77"),
        (
            "445536bcd2513298075a5d379663c962",
            "22681ab97d52c298",
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            1559741961,
            "010000005cf7c609a6bb79d16625507a",
        ),
    ],
)
def test_cookies_are_those_of_every_other_server(secret: str, client: str, host: str, now: int, expected: str) -> None:
    baked = bake(bytes.fromhex(secret), bytes.fromhex(client), host, now)
    assert baked.hex() == expected
    assert age(bytes.fromhex(secret), bytes.fromhex(client), baked, host, now + 7) == 7


def test_reserved_bits_are_part_of_the_hash_and_mean_nothing_else() -> None:
    client, server = bytes.fromhex("fc93fc62807ddb86"), bytes.fromhex("01abcdef5cf78f71a314227b6679ebf5")
    assert age(SECRET, client, server, "203.0.113.203", 0x5CF78F71 + 60) == 60


@pytest.mark.parametrize(("later", "valid"), [(0, True), (3600, True), (3601, False), (-300, True), (-301, False)])
def test_a_cookie_is_valid_for_an_hour_and_a_little_ahead(later: int, valid: bool) -> None:
    found = age(SECRET, CLIENT, bake(SECRET, CLIENT, HOST, MOMENT), HOST, MOMENT + later)
    assert (found is not None) == valid


def test_time_may_overflow() -> None:
    moment = (1 << 32) - 10
    assert age(SECRET, CLIENT, bake(SECRET, CLIENT, HOST, moment), HOST, moment + 20) == 20


def test_a_cookie_is_for_one_client_at_one_address() -> None:
    baked = bake(SECRET, CLIENT, HOST, MOMENT)
    assert age(SECRET, CLIENT, baked, "198.51.100.101", MOMENT) is None
    assert age(SECRET, bytes(8), baked, HOST, MOMENT) is None
    assert age(bytes(16), CLIENT, baked, HOST, MOMENT) is None
    assert age(SECRET, CLIENT, baked[:-1] + b"\0", HOST, MOMENT) is None
    assert age(SECRET, CLIENT, b"\2" + baked[1:], HOST, MOMENT) is None
    assert age(SECRET, CLIENT, baked, "::ffff:198.51.100.100", MOMENT) == 0


@given(st.binary(max_size=48))
def test_only_sizes_that_a_cookie_can_have_are_read(payload: bytes) -> None:
    if len(payload) in (8, *range(16, 41)):
        assert cookie_of(option(10, payload)) == (payload[:8], payload[8:])
    else:
        with pytest.raises(EdnsError):
            cookie_of(option(10, payload))


def test_the_first_one_counts() -> None:
    assert cookie_of(option(3, b"") + cookie_option(CLIENT) + cookie_option(bytes(8))) == (CLIENT, b"")
    assert cookie_of(option(3, b"")) is None
