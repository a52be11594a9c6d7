"""The decision on the twelve octets in front of a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.wire.constants import FORMERR, NOTIMP
from resolver.wire.edns import write_opt
from resolver.wire.header import ACCEPTED, DROPPED, accept, error_reply
from resolver.wire.message import scan
from tests.wire.strategies import any_octets, queries


def header(flags: int, *counts: int) -> bytes:
    return b"\0\7" + flags.to_bytes(2, "big") + b"".join(count.to_bytes(2, "big") for count in counts)


@pytest.mark.parametrize("counts", [(1, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (1, 0, 0, 2), (1, 1, 1, 2)])
def test_one_question_with_the_few_records_of_a_query_is_accepted(counts: tuple[int, ...]) -> None:
    assert accept(header(0x0100, *counts)) == ACCEPTED


@pytest.mark.parametrize(
    "counts",
    [
        (0, 0, 0, 0),
        (2, 0, 0, 0),
        (256, 0, 0, 0),
        (257, 0, 0, 0),
        (1, 2, 0, 0),
        (1, 256, 0, 0),
        (1, 0, 2, 0),
        (1, 0, 256, 0),
        (1, 0, 0, 3),
        (1, 0, 0, 256),
    ],
)
def test_other_counts_are_a_format_error(counts: tuple[int, ...]) -> None:
    assert accept(header(0x0100, *counts)) == FORMERR


@pytest.mark.parametrize("opcode", range(1, 16))
def test_only_queries_pass(opcode: int) -> None:
    assert accept(header(opcode << 11, 1, 0, 0, 0)) == NOTIMP
    assert accept(header(opcode << 11, 0, 0, 0, 0)) == NOTIMP


def test_notify_passes_where_it_is_wanted() -> None:
    assert accept(header(4 << 11, 1, 1, 0, 0), notify=True) == ACCEPTED
    assert accept(header(5 << 11, 1, 0, 0, 0), notify=True) == NOTIMP


@given(st.binary(max_size=11))
def test_less_than_a_header_is_dropped(octets: bytes) -> None:
    assert accept(octets) == DROPPED


@given(any_octets, st.booleans())
def test_a_response_is_dropped_whatever_else_it_is(octets: bytes, notify: bool) -> None:
    octets = octets[:2] + bytes((octets[2] | 0x80 if len(octets) > 2 else 0x80,)) + octets[3:]
    assert accept(octets, notify=notify) == DROPPED


@given(any_octets)
def test_any_octets_have_a_verdict(octets: bytes) -> None:
    assert accept(octets) in (ACCEPTED, DROPPED, FORMERR, NOTIMP)


@given(queries())
def test_a_query_is_accepted(octets: bytes) -> None:
    assert accept(octets) == ACCEPTED


def test_an_error_reply_is_a_bare_header() -> None:
    assert error_reply(header(0x2910, 2, 1, 1, 1) + b"rest", NOTIMP) == header(0xA904, 0, 0, 0, 0)


def test_an_error_reply_can_carry_opt() -> None:
    reply = scan(error_reply(header(0x0100, 1, 0, 0, 1), FORMERR, write_opt(1232)))
    assert (reply.rcode, reply.id) == (FORMERR, 7)
    assert reply.edns is not None
    assert reply.edns.size == 1232
