"""What ends a connection of HTTP/2, and with which code; looked at without a network."""

from __future__ import annotations

import pytest

from resolver.errors import WireError
from resolver.listeners import frames
from resolver.listeners.exchange import Asked, Doh, response
from resolver.listeners.fields import write_block
from resolver.listeners.http2 import Http2

QUERY = bytes(12)
FIELDS = [
    (b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/dns-query"),
    (b"content-type", b"application/dns-message"),
]  # fmt: skip
WHOLE = frames.END_HEADERS | frames.END_STREAM
HELLO = frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0)


def connection(streams: int = 100) -> Http2:
    codec = Http2(lambda status: None, tuple, streams, 1 << 18, Doh())
    codec.feed(HELLO)
    codec.octets()
    return codec


def request(stream: int, body: bytes = QUERY) -> bytes:
    head = frames.frame(frames.HEADERS, frames.END_HEADERS, stream, write_block(tuple(FIELDS)))
    return head + frames.frame(frames.DATA, frames.END_STREAM, stream, body)


def code_of(codec: Http2, octets: bytes) -> int:
    """The code with which the connection ends."""
    with pytest.raises(WireError):
        codec.feed(octets)
    assert codec.ended
    last = codec.octets()[-1]
    assert last[3] == frames.GOAWAY
    return int.from_bytes(last[-4:], "big")


def answered(codec: Http2, asked: list[Asked]) -> None:
    for stream, query in asked:
        codec.respond(stream, response(query[:2] + b"\x80" + query[3:]))


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frames.frame(9, 4, 1), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, WHOLE, 2, write_block(tuple(FIELDS))), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, WHOLE, 1, b"\xff\xff"), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, WHOLE | frames.PADDED, 1, b"\x09abc"), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, frames.END_STREAM, 1) + frames.frame(frames.PING, 0, 0, bytes(8)), 1),
        (frames.frame(frames.DATA, 1, 1), frames.PROTOCOL_ERROR),
        (frames.frame(frames.SETTINGS, 0, 0, bytes(5)), frames.FRAME_SIZE_ERROR),
        (frames.settings({frames.INITIAL_WINDOW_SIZE: 1 << 31}), frames.FLOW_CONTROL_ERROR),
        (frames.settings({frames.MAX_FRAME_SIZE: 5}), frames.PROTOCOL_ERROR),
        (frames.frame(frames.WINDOW_UPDATE, 0, 0, bytes(4)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), frames.FLOW_CONTROL_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 9, bytes(4)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.PING, 0, 0, bytes(7)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.PUSH_PROMISE, 4, 1, bytes(4)), frames.PROTOCOL_ERROR),
        (b"\xff\xff\xff\0\0\0\0\0\1", frames.FRAME_SIZE_ERROR),
    ],
)
def test_what_breaks_the_rules_ends_the_connection(octets: bytes, code: int) -> None:
    assert code_of(connection(), octets) == code


def test_settings_come_first() -> None:
    codec = Http2(lambda status: None, tuple, 100, 1 << 18, Doh())
    assert code_of(codec, frames.PREFACE + frames.frame(frames.PING, 0, 0, bytes(8))) == frames.PROTOCOL_ERROR


def test_kinds_of_frames_that_nobody_knows_are_passed_over() -> None:
    codec = connection()
    assert codec.feed(frames.frame(200, 255, 77, b"what") + request(1)) == [(1, QUERY)]


def test_more_streams_than_allowed_end_the_connection() -> None:
    codec = connection(streams=2)
    codec.feed(request(1) + request(3))
    assert code_of(codec, request(5)) == frames.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "octets",
    [
        frames.frame(frames.PING, 0, 0, bytes(8)), frames.frame(frames.SETTINGS, 0, 0),
        frames.frame(frames.PRIORITY, 0, 1, bytes(5)), frames.frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
        frames.frame(frames.DATA, 0, 1), frames.frame(99, 0, 0),
        frames.frame(frames.DATA, frames.PADDED, 1, b"\x03abc"),
    ],
)  # fmt: skip
def test_frames_that_ask_for_nothing_are_counted_and_answers_give_them_back(octets: bytes) -> None:
    codec = connection()
    codec.feed(frames.frame(frames.HEADERS, frames.END_HEADERS, 1, write_block(tuple(FIELDS))))
    for number in range(3, 2003, 2):  # a client that asks may send some for each question
        codec.feed(octets * 2)
        answered(codec, codec.feed(request(number)))
        codec.octets()
    assert code_of(codec, octets * 2000) == frames.ENHANCE_YOUR_CALM


def test_requests_that_are_taken_back_are_counted() -> None:
    codec = connection()
    reset = b"".join(
        [
            frames.frame(frames.HEADERS, frames.END_HEADERS, number, write_block(tuple(FIELDS)))
            + frames.frame(frames.RST_STREAM, 0, number, b"\0\0\0\x08")
            for number in range(1, 1001, 2)
        ]
    )
    assert code_of(codec, reset) == frames.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("piece", [b"", b"a" * 1000])
def test_headers_without_an_end_are_counted(piece: bytes) -> None:
    start = frames.frame(frames.HEADERS, 0, 1)
    assert (
        code_of(connection(), start + frames.frame(frames.CONTINUATION, 0, 1, piece) * 70) == frames.ENHANCE_YOUR_CALM
    )


def test_data_beyond_the_window_ends_the_connection_only_where_it_was_not_opened() -> None:
    codec = connection()
    codec.feed(frames.frame(frames.HEADERS, frames.END_HEADERS, 1, write_block(tuple(FIELDS))))
    for _ in range(20):
        codec.feed(frames.frame(frames.DATA, 0, 1, bytes(3000)))
    opened = [octets for octets in codec.octets() if octets[3] == frames.WINDOW_UPDATE]
    assert sum(int.from_bytes(octets[9:], "big") for octets in opened) >= 20 * 3000 - frames.USUAL_WINDOW // 2


def test_answers_wait_for_both_windows_and_follow_new_settings() -> None:
    codec = connection()
    codec.feed(frames.settings({frames.INITIAL_WINDOW_SIZE: 10}))
    asked = codec.feed(request(1, bytes(100)))
    codec.respond(1, response(bytes(2) + b"\x80" + bytes(97)))
    assert asked
    assert codec.held == 90
    codec.feed(frames.frame(frames.WINDOW_UPDATE, 0, 1, b"\0\0\0\x14"))
    assert codec.held == 70
    codec.feed(frames.settings({frames.INITIAL_WINDOW_SIZE: 5}))  # 5 octets fewer, so that none are left
    codec.feed(frames.frame(frames.WINDOW_UPDATE, 0, 1, b"\0\0\0\x05"))
    assert codec.held == 70
    codec.feed(frames.settings({frames.INITIAL_WINDOW_SIZE: 1000}))
    assert codec.held == 0
    assert not codec.awaits(1)


def test_a_request_may_come_octet_by_octet() -> None:
    codec = connection()
    found: list[Asked] = []
    octets = request(1)
    for at in range(len(octets)):
        assert codec.pending is bool(at)
        found += codec.feed(octets[at : at + 1])
    assert found == [(1, QUERY)]
