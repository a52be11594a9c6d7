"""HTTP/2 as octets: held against h2 as the server, and against octets that no server should send."""

from __future__ import annotations

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, Event, RequestReceived, StreamReset
from h2.settings import SettingCodes, Settings
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.upstream.http import MAX_BODY, Headers
from resolver.upstream.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    MAX_CONTROL,
    PADDED,
    PING,
    PUSH_PROMISE,
    SETTINGS,
    WINDOW_UPDATE,
    ClientHttp2,
    Failed,
    Leaving,
    Response,
)

REQUEST: Headers = [(b":method", b"POST"), (b":path", b"/q"), (b":scheme", b"https"), (b":authority", b"dns.test")]
OK: Headers = [(b":status", b"200"), (b"content-type", b"application/dns-message")]
STATUS_200 = b"\x88"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Pair:
    """A client and a server of h2 that speak with each other."""

    def __init__(self, wishes: dict[SettingCodes, int] | None = None) -> None:
        self.client = ClientHttp2()
        self.server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.server.local_settings = Settings(client=False, initial_values=wishes or {})
        self.server.initiate_connection()
        self.found: list[object] = []

    def talk(self) -> list[Event]:
        """Pass octets on till nobody has any; what the server has seen."""
        seen: list[Event] = []
        while True:
            to_server = self.client.octets()
            seen += self.server.receive_data(to_server)
            for event in seen:
                if isinstance(event, DataReceived) and event.flow_controlled_length:
                    self.server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    event.flow_controlled_length = 0
            to_client = self.server.data_to_send()
            self.found += self.client.feed(to_client)
            if not to_server and not to_client:
                return seen


def body_of(seen: list[Event], stream: int) -> bytes:
    return b"".join(e.data for e in seen if isinstance(e, DataReceived) and e.stream_id == stream)


# --- against h2


@given(st.binary(max_size=70_000), st.sampled_from([100, 16_384, 65_535]))
def test_a_request_arrives_whole_whatever_the_windows(body: bytes, window: int) -> None:
    pair = Pair({SettingCodes.INITIAL_WINDOW_SIZE: window})
    stream = pair.client.begin(REQUEST, body)
    seen = pair.talk()
    (request,) = [event for event in seen if isinstance(event, RequestReceived)]
    assert [(bytes(name), bytes(value)) for name, value in request.headers] == REQUEST
    assert body_of(seen, stream) == body


@given(st.text("abcdefgh/_-%0123456789", min_size=1, max_size=40_000))
def test_any_path_arrives(path: str) -> None:
    pair = Pair({SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 20})
    pair.client.begin([(b":method", b"GET"), (b":path", path.encode()), *REQUEST[2:]], b"")
    (request,) = [event for event in pair.talk() if isinstance(event, RequestReceived)]
    assert dict(request.headers)[b":path"] == path.encode()


@given(st.lists(st.binary(max_size=60_000), min_size=1, max_size=6))
def test_responses_of_any_size_arrive_on_their_streams(bodies: list[bytes]) -> None:
    pair = Pair()
    streams = [pair.client.begin(REQUEST, b"q") for _ in bodies]
    pair.talk()
    for stream, body in zip(streams, bodies, strict=True):
        more = [(b"x-own", b"%d" % len(body))]  # h2 would put it into a table, if it were allowed to
        pair.server.send_headers(stream, [*OK, *more])
        for at in range(0, len(body), 16_000):
            pair.server.send_data(stream, body[at : at + 16_000])
        pair.server.end_stream(stream)
    pair.talk()
    found = {event.stream: event for event in pair.found if isinstance(event, Response)}
    for stream, body in zip(streams, bodies, strict=True):
        assert found[stream].body == body
        assert found[stream].headers == [*OK, (b"x-own", b"%d" % len(body))]


def test_more_octets_than_all_windows_hold_come_in_the_course_of_time() -> None:
    pair = Pair()
    for _ in range(40):
        stream = pair.client.begin(REQUEST, b"q")
        pair.talk()
        pair.server.send_headers(stream, OK)
        for _ in range(4):
            pair.server.send_data(stream, bytes(16_000))
        pair.server.end_stream(stream)
        pair.talk()
    assert sum(isinstance(event, Response) for event in pair.found) == 40


def test_a_response_that_is_too_long_is_not_read_to_its_end() -> None:
    pair = Pair()
    stream = pair.client.begin(REQUEST, b"q")
    pair.talk()
    pair.server.send_headers(stream, OK)
    for _ in range(MAX_BODY // 16_000 + 1):
        pair.server.send_data(stream, bytes(16_000))
    seen = pair.talk()
    assert [event.reason for event in pair.found if isinstance(event, Failed)] == [
        "the response is longer than any DNS message"
    ]
    assert any(isinstance(event, StreamReset) for event in seen)


def test_early_hints_and_trailers_are_no_answer() -> None:
    pair = Pair()
    stream = pair.client.begin(REQUEST, b"q")
    pair.talk()
    pair.server.send_headers(stream, [(b":status", b"103")])
    pair.server.send_headers(stream, OK)
    pair.server.send_data(stream, b"answer")
    pair.server.send_headers(stream, [(b"checksum", b"7")], end_stream=True)
    pair.talk()
    assert pair.found == [Response(stream, OK, b"answer")]


def test_a_request_that_is_taken_back_is_reset() -> None:
    pair = Pair()
    stream = pair.client.begin(REQUEST, b"q")
    pair.talk()
    pair.client.cancel(stream)
    assert any(isinstance(event, StreamReset) for event in pair.talk())


def test_goodbye_is_said_once() -> None:
    pair = Pair()
    pair.client.end()
    pair.client.end()
    assert sum(isinstance(event, ConnectionTerminated) for event in pair.talk()) == 1


# --- frames that h2 would not send


def fed(*frames: bytes) -> list[object]:
    client = ClientHttp2()
    client.begin(REQUEST, b"")
    return list(client.feed(b"".join(frames)))


def test_goaway_lets_streams_that_were_looked_at_end() -> None:
    client = ClientHttp2()
    first, second = client.begin(REQUEST, b""), client.begin(REQUEST, b"")
    assert client.feed(frame(GOAWAY, 0, 0, first.to_bytes(4, "big") + bytes(4))) == [Leaving(first, 0)]
    assert client.feed(frame(HEADERS, END_HEADERS | END_STREAM, first, STATUS_200)) == [
        Response(first, [(b":status", b"200")], b"")
    ]
    assert second > first


def test_padding_is_left_out() -> None:
    padded = b"\3" + STATUS_200 + bytes(3)
    assert fed(
        frame(HEADERS, END_HEADERS | PADDED, 1, padded), frame(DATA, PADDED | END_STREAM, 1, b"\2answer" + bytes(2))
    ) == [Response(1, [(b":status", b"200")], b"answer")]


def test_fields_may_come_in_pieces() -> None:
    pieces = [frame(HEADERS, END_STREAM, 1), frame(CONTINUATION, 0, 1), frame(CONTINUATION, END_HEADERS, 1, STATUS_200)]
    assert fed(*pieces) == [Response(1, [(b":status", b"200")], b"")]


def test_a_late_answer_to_what_was_taken_back_is_ignored() -> None:
    client = ClientHttp2()
    stream = client.begin(REQUEST, b"")
    client.cancel(stream)
    late = frame(HEADERS, END_HEADERS, stream, STATUS_200) + frame(DATA, END_STREAM, stream, b"late")
    assert client.feed(late) == []


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (frame(DATA, 0, 1, bytes(16_385)), "a frame is too long"),
        (frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4)), "the server pushes"),
        (frame(HEADERS, 0, 1) + frame(PING, 0, 0, bytes(8)), "fields are cut off"),
        (frame(HEADERS, 0, 1) + frame(CONTINUATION, 0, 3), "fields are cut off"),
        (frame(CONTINUATION, 0, 3), "fields on a stream that was never opened"),
        (frame(HEADERS, END_HEADERS, 2, STATUS_200), "fields on a stream that was never opened"),
        (frame(DATA, 0, 3, b"x"), "data on a stream that was never opened"),
        (frame(DATA, 0, 0, b"x"), "data on a stream that was never opened"),
        (frame(DATA, PADDED, 1, b"\2x"), "padding is longer"),
        (frame(DATA, PADDED, 1), "padding is longer"),
        (frame(PING, 0, 0, bytes(7)), "a ping is cut off"),
        (frame(GOAWAY, 0, 0, bytes(7)), "a frame is cut off"),
        (frame(WINDOW_UPDATE, 0, 0, b"\0"), "a frame is cut off"),
        (frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), "a window is too large"),
        (frame(SETTINGS, 0, 0, bytes(7)), "settings are cut off"),
        (frame(SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"), "a window is too large"),
        (frame(HEADERS, END_HEADERS, 1, b"\xbe"), "fields cannot be read"),  # a table that was never allowed
        (frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "fields cannot be read"),
        (frame(HEADERS, 0, 1, bytes(16_000)) + frame(CONTINUATION, 0, 1, bytes(500)), "too many fields"),
    ],
)
def test_what_is_wrong_ends_the_connection(octets: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        fed(octets)


def test_floods_of_pings_and_settings_end_the_connection() -> None:
    for flood in (frame(PING, 0, 0, bytes(8)), frame(SETTINGS, 0, 0)):
        with pytest.raises(WireError, match="too much attention"):
            fed(flood * (MAX_CONTROL + 1))
    assert fed(frame(PING, ACK, 0, bytes(8)) * (MAX_CONTROL + 1)) == []


@given(st.binary(max_size=300), st.integers(0, 40), st.booleans())
def test_any_octets_mean_something_or_end_the_connection(noise: bytes, step: int, behind_settings: bool) -> None:
    client = ClientHttp2()
    client.begin(REQUEST, b"q")
    octets = frame(SETTINGS, 0, 0) + noise if behind_settings else noise
    try:
        for start in range(0, len(octets), step + 1):
            client.feed(octets[start : start + step + 1])
    except WireError:
        pass
    client.octets()


frames = st.builds(
    frame,
    st.integers(0, 10),
    st.sampled_from([0, 1, 4, 5, 8, 9, 0xC, 0x25, 0xFF]),
    st.integers(0, 5),
    st.one_of(st.binary(max_size=30), st.just(STATUS_200), st.just(bytes(8))),
)


@given(st.lists(frames, max_size=12))
def test_any_frames_mean_something_or_end_the_connection(several: list[bytes]) -> None:
    client = ClientHttp2()
    client.begin(REQUEST, b"q" * 70_000)
    client.begin(REQUEST, b"")
    for octets in several:
        try:
            client.feed(octets)
        except WireError:
            break
    client.octets()
