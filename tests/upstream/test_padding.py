"""Padding of queries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.upstream.exchange import Request
from resolver.upstream.padding import padded
from resolver.wire.edns import option, options, write_opt
from resolver.wire.message import Message, scan
from tests.upstream.exchanges import request


def sent(asked: Request) -> Message:
    return scan(b"\0\0" + padded(asked).tail)


def with_opt(asked: Request, opt: bytes) -> Request:
    return Request(asked.tail[:8] + b"\0\1" + asked.tail[10:] + opt, asked.question)


names = st.text("abc", min_size=1, max_size=60)


@given(names)
def test_a_query_without_edns_gets_an_opt_of_ours(name: str) -> None:
    asked = request(name)
    message = sent(asked)
    assert len(message.octets) == 128
    assert message.question == asked.question
    assert message.edns is not None
    ((code, payload),) = options(message.edns.options)
    assert (code, set(payload)) == (12, {0})
    assert not message.edns.do


@given(names, st.binary(max_size=400), st.booleans())
def test_a_query_with_edns_keeps_what_it_says(name: str, value: bytes, do: bool) -> None:
    own = option(65001, value)
    message = sent(with_opt(request(name), write_opt(1232, do=do, options=own)))
    assert len(message.octets) % 128 == 0
    assert message.edns is not None
    assert (message.edns.size, message.edns.do) == (1232, do)
    first, second = options(message.edns.options)
    assert first == (65001, value)
    assert second[0] == 12
    assert len(second[1]) < 128


def test_a_query_that_fits_exactly_is_padded_with_nothing() -> None:
    fitting = [request("a" * length) for length in range(1, 64)]
    assert min(len(padded(asked).tail) - len(asked.tail) for asked in fitting) >= 15
    assert {len(padded(asked).tail) + 2 for asked in fitting} == {128}


def test_what_would_become_too_long_stays_as_it_is() -> None:
    asked = request()
    long = with_opt(asked, write_opt(1232, options=option(65001, bytes(65_530 - len(asked.tail) - 17))))
    assert padded(long) is long


@given(st.binary(max_size=200))
def test_what_is_no_plain_query_stays_as_it_is(noise: bytes) -> None:
    asked = request()
    odd = Request(asked.tail[:8] + b"\0\2" + asked.tail[10:] + noise, asked.question)
    assert padded(odd) is odd
