"""Which packets are taken for the answer to a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.upstream.exchange import Request, expired, read_answer
from resolver.wire.constants import NXDOMAIN, QR, RA, REFUSED, TC
from resolver.wire.message import Message
from resolver.wire.names import from_text
from tests.support.upstreams import Asked, reply

NAME = from_text("www.example.org")
QUESTION = NAME + b"\0\x41\0\x01"
REQUEST = Request(b"\x01\0\0\1\0\0\0\0\0\0" + QUESTION, QUESTION)
ASKED = Asked(b"\x12\x34" + REQUEST.tail, "udp", ("127.0.0.1", 1))


def header(flags: int, rcode: int = 0) -> bytes:
    return b"\x12\x34" + (flags | rcode).to_bytes(2, "big") + bytes(8)


def test_the_right_answer_is_taken() -> None:
    message = read_answer(reply(ASKED, ["192.0.2.1"]), REQUEST)
    assert message is not None
    assert message.question == QUESTION


def test_the_case_of_the_name_does_not_matter() -> None:
    assert read_answer(reply(ASKED, ["192.0.2.1"], name="WWW.example.ORG"), REQUEST) is not None


def test_another_name_is_not_the_answer() -> None:
    assert read_answer(reply(ASKED, ["192.0.2.1"], name="www.example.net"), REQUEST) is None


def test_another_type_is_not_the_answer_even_if_it_differs_like_letters_do() -> None:
    packet = reply(ASKED)
    assert read_answer(packet.replace(QUESTION, NAME + b"\0\x61\0\x01"), REQUEST) is None


def test_another_class_is_not_the_answer() -> None:
    assert read_answer(reply(ASKED).replace(QUESTION, NAME + b"\0\x41\0\x03"), REQUEST) is None


def test_our_own_query_is_not_the_answer() -> None:
    assert read_answer(ASKED.packet, REQUEST) is None


def test_another_opcode_is_not_the_answer() -> None:
    packet = bytearray(reply(ASKED))
    packet[2] |= 0x20
    assert read_answer(bytes(packet), REQUEST) is None


def test_two_questions_are_not_the_answer() -> None:
    packet = reply(ASKED)
    assert read_answer(packet[:4] + b"\0\2" + packet[6:] + QUESTION, REQUEST) is None


def test_a_cut_off_answer_is_not_taken() -> None:
    packet = reply(ASKED, ["192.0.2.1"])
    assert all(read_answer(packet[:size], REQUEST) is None for size in range(len(packet)))


def test_of_a_truncated_answer_that_ends_in_the_middle_of_a_record_only_that_is_taken() -> None:
    packet = reply(ASKED, ["192.0.2.1", "192.0.2.2"], flags=RA | TC)
    message = read_answer(packet[:-3], REQUEST)
    assert message is not None
    assert message.flags & TC
    assert message.question == QUESTION
    assert message.body().answers == 0


def test_an_error_without_a_question_is_taken() -> None:
    message = read_answer(header(QR | RA, REFUSED), REQUEST)
    assert message is not None
    assert message.rcode == REFUSED


@pytest.mark.parametrize("rcode", [0, NXDOMAIN])
def test_a_bare_header_that_claims_to_know_something_is_not(rcode: int) -> None:
    assert read_answer(header(QR, rcode), REQUEST) is None


@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_or_nothing(noise: bytes) -> None:
    for packet in (noise, b"\x12\x34\x81\x80\0\1" + noise, reply(ASKED)[: len(QUESTION) + 12] + noise):
        found = read_answer(packet, REQUEST)
        assert found is None or isinstance(found, Message)


def test_exchanges_expire_from_the_front() -> None:
    pending = {7: (None, REQUEST, 1.0), 3: (None, REQUEST, 2.0), 9: (None, REQUEST, 3.0)}
    assert expired(pending, 2.0) == [7, 3]  # type: ignore[arg-type]
