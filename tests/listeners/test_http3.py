"""DNS over HTTPS in HTTP/3: requests on streams, and the responses to those that are wrong."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from resolver.listeners import quic_client
from resolver.listeners.http3 import Http3Client
from tests.listeners.quic_scenes import answer_to, scene
from tests.runtime.clients import question
from tests.support.quic_clients import until, web_peer

QUERY = question("www.example.org", message_id=0)
MESSAGE = (b"content-type", b"application/dns-message")
EXCESSIVE_LOAD = 0x107
RESPONSES = "coredns_dns_https3_responses_total"
CLOSED = "coredns_dns_stream_closed_total"
GET = b"/dns-query?dns=" + urlsafe_b64encode(QUERY).rstrip(b"=")


async def test_queries_are_answered_by_get_and_post() -> None:
    async with scene(Http3Client) as here, web_peer(here.port) as client:
        for stream in (client.request("GET", GET), client.request("POST", b"/dns-query", QUERY, MESSAGE)):
            status, headers, body = await client.response(stream)
            assert (status, body) == (200, answer_to(QUERY))
            assert headers[b"content-type"] == b"application/dns-message"
            assert headers[b"cache-control"] == b"max-age=0"
            assert b"date" in headers
        assert here.seen[2] == "https3"
        assert here.count(RESPONSES, "200") == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("GET", b"/", b"", None, 404),
        ("PUT", b"/dns-query", b"x", None, 405),
        ("GET", b"/dns-query", b"", None, 400),
        ("GET", b"/dns-query?dns=a", b"", None, 400),
        ("POST", b"/dns-query", b"x", b"text/plain", 415),
        ("POST", b"/dns-query", bytes(70_000), b"application/dns-message", 413),
        ("GET", b"/dns-query?" + b"x" * 9000, b"", None, 414),
        ("GET", b"/dns-query", b"", b"x" * 17_000, 431),
    ],
)
async def test_what_is_no_query_is_told_why(
    method: str, path: bytes, body: bytes, kind: bytes | None, status: int
) -> None:
    async with scene(Http3Client) as here, web_peer(here.port) as client:
        more = [(b"content-type", kind)] if kind else []
        stream = client.request(method, path, body, *more)
        assert (await client.response(stream))[0] == status
        assert here.count(RESPONSES, str(status)) == 1
        again = client.request("GET", GET)
        assert (await client.response(again))[0] == 200
        assert len(here.asked) == 1


async def test_a_query_that_nobody_answers_is_an_error() -> None:
    async with scene(Http3Client) as here, web_peer(here.port) as client:
        here.reply = lambda packet: b""
        assert (await client.response(client.request("GET", GET)))[0] == 500


async def test_answers_overtake_each_other() -> None:
    async with scene(Http3Client) as here, web_peer(here.port) as client:
        here.late = True
        first = client.request("GET", GET)
        await until(lambda: len(here.waiting) == 1)
        here.late = False
        assert (await client.response(client.request("GET", GET)))[0] == 200
        assert first not in client.done
        here.answer()
        assert (await client.response(first))[2] == answer_to(QUERY)


async def test_requests_that_are_slow_are_given_up() -> None:
    async with scene(Http3Client, read_timeout=0.2) as here, web_peer(here.port) as client:
        slow = client.request("POST", b"/dns-query", b"x", MESSAGE, end=False)
        silent = client._quic.get_next_available_stream_id()
        client.send(b"\x01", end=False, stream=silent)
        await until(lambda: slow in client.reset and silent in client.reset)
        assert client.reset[slow] == client.reset[silent] == EXCESSIVE_LOAD
        assert here.count(CLOSED, "read_timeout") == 2
        assert (await client.response(client.request("GET", GET)))[0] == 200


async def test_frames_that_mean_nothing_do_not_make_a_request_any_longer() -> None:
    async with scene(Http3Client) as here, web_peer(here.port) as client:
        stream = client._quic.get_next_available_stream_id()
        unknown = b"\x21" + (0x80000000 | 200_000).to_bytes(4, "big")
        client.send(unknown + bytes(90_000), end=False, stream=stream)
        await until(lambda: client.is_closing)
        assert client.code == EXCESSIVE_LOAD
        await until(lambda: here.count("coredns_dns_stream_connections") == 0)


async def test_whoever_only_makes_mistakes_loses_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_client, "_PATIENCE", 5)
    async with scene(Http3Client) as here, web_peer(here.port) as client:
        for _ in range(6):
            client.request("GET", b"/")
        await until(lambda: client.is_closing)
        assert client.code == EXCESSIVE_LOAD
        assert here.count(CLOSED, "patience") == 1


async def test_what_is_not_http_ends_the_connection() -> None:
    async with scene(Http3Client) as here, web_peer(here.port) as client:
        stream = client._quic.get_next_available_stream_id()
        client.send(b"\x00\x05hello", stream=stream)  # DATA before HEADERS
        await until(lambda: client.is_closing)
        assert client.code == 0x105
        await until(lambda: here.count("coredns_dns_stream_connections") == 0)


async def test_the_streams_of_a_connection_have_their_limit() -> None:
    async with scene(Http3Client, https3_streams=3) as here, web_peer(here.port) as client:
        for _ in range(12):
            assert (await client.response(client.request("GET", GET)))[0] == 200
        assert len(here.asked) == 12
        await until(lambda: client._quic._remote_max_streams_bidi > 3)
        client._quic._remote_max_streams_bidi = 1000
        for _ in range(9):
            client.request("POST", b"/dns-query", b"x", MESSAGE, end=False)
        await until(lambda: client.is_closing)
