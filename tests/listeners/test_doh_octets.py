"""Whatever octets come: HTTP is read or ends the connection, and nothing else happens."""

from __future__ import annotations

from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from resolver.errors import WireError
from resolver.listeners.exchange import Codec, Doh, Fields, response
from resolver.listeners.http1 import Http1
from resolver.listeners.http2 import Http2
from resolver.wire.constants import HEADER_SIZE, MAX_MESSAGE

QUERY = bytes(12)
POST = b"POST /dns-query HTTP/1.1\r\nhost: a\r\ncontent-type: application/dns-message\r\n"
WHOLE = (
    POST + b"content-length: 12\r\n\r\n" + QUERY,
    POST + b"transfer-encoding: chunked\r\n\r\nc\r\n" + QUERY + b"\r\n0\r\n\r\n",
    b"GET /dns-query?dns=AAAAAAAAAAAAAAAA HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /other HTTP/1.1\r\nhost: a\r\n\r\n",
)
PIECES = (
    b"POST /dns-query HTTP/1.1\r\n",
    b"GET /dns-query?dns=AAAAAAAAAAAAAAAA HTTP/1.1\r\n",
    b"HEAD / HTTP/1.0\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n",
    b"host: a\r\n",
    b"content-type: application/dns-message\r\n",
    b"content-length: 12\r\n",
    b"content-length: 99999999999999999999999\r\n",
    b"transfer-encoding: chunked\r\n",
    b"connection: close\r\n",
    b"expect: 100-continue\r\n",
    b"upgrade: h2c\r\n",
    b"\r\n",
    b"c\r\n",
    b"0\r\n\r\n",
    QUERY,
    bytes(9000),
)


def _nothing(status: int) -> None:
    """No one counts."""


def _no_headers() -> Fields:
    return ()


def _converse(codec: Codec, pieces: list[bytes], answers: list[int]) -> None:
    """Feed the pieces; every query is one, and is answered with a message of one of these lengths, or never."""
    for number, piece in enumerate(pieces):
        try:
            asked = codec.feed(piece)
            while asked:
                stream, query = asked.pop()
                assert HEADER_SIZE <= len(query) <= MAX_MESSAGE
                length = answers[number % len(answers)]
                if length:
                    codec.respond(stream, response(bytes(length)))
                    asked.extend(codec.feed(b""))
        except WireError:
            assert codec.ended
        codec.octets()
        assert codec.held >= 0
    codec.finish()
    codec.close()
    codec.octets()


lengths = st.lists(st.sampled_from([0, 12, 500, 40_000]), min_size=1, max_size=4)


@st.composite
def _octets(draw: DrawFn) -> list[bytes]:
    """Requests, then parts of some, cut anywhere."""
    whole = b"".join(draw(st.lists(st.sampled_from(WHOLE), max_size=6)))
    whole += b"".join(draw(st.lists(st.sampled_from(PIECES), max_size=12))) + draw(st.binary(max_size=20))
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(_octets(), lengths)
def test_any_octets_of_http_1_are_read_or_refused(pieces: list[bytes], answers: list[int]) -> None:
    _converse(Http1(_nothing, _no_headers), pieces, answers)


@st.composite
def _frames(draw: DrawFn) -> list[bytes]:
    """What a client of HTTP/2 might send, cut and spoilt in places."""
    client = H2Connection(H2Configuration(client_side=True, validate_outbound_headers=False))
    client.initiate_connection()
    sent = [client.data_to_send()]
    streams: list[int] = []
    for step in draw(st.lists(st.sampled_from((0, 1, 1, 1, 3, 3, 3, 4, 5, 6, 7, 8)), min_size=8, max_size=40)):
        with suppress(Exception):
            if step <= 1 or not streams:
                streams.append(client.get_next_available_stream_id())
                path = "/dns-query?dns=AAAAAAAAAAAAAAAA" if step == 1 else "/dns-query"
                method = "GET" if step == 1 else "POST"
                fields = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "a")]
                client.send_headers(streams[-1], [*fields, ("content-type", "application/dns-message")], step == 1)
            elif step <= 4:
                client.send_data(draw(st.sampled_from(streams)), QUERY * (1 + 50 * (step == 4)), end_stream=step == 3)
            elif step == 5:
                client.reset_stream(draw(st.sampled_from(streams)))
            elif step == 6:
                client.increment_flow_control_window(100_000, draw(st.sampled_from([None, *streams])))
            elif step == 7:
                client.update_settings({4: draw(st.sampled_from([0, 10, 65_535, 2**31 - 1]))})
            else:
                client.ping(b"12345678")
        sent.append(client.data_to_send())
    if draw(st.booleans()):
        at = draw(st.integers(0, len(sent) - 1))
        sent[at] = draw(st.binary(max_size=30)) + sent[at][draw(st.integers(0, 9)) :]
    return sent


@given(_frames(), lengths)
def test_any_frames_of_http_2_are_read_or_refused(pieces: list[bytes], answers: list[int]) -> None:
    _converse(Http2(_nothing, _no_headers, 100, 1 << 18, Doh()), pieces, answers)
