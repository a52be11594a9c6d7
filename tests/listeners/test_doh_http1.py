"""DNS over HTTPS in HTTP/1.1: octet by octet, and what ends connections."""

from __future__ import annotations

import asyncio

import pytest

from resolver.chain.capabilities import ListenSettings
from tests.listeners.doh_clients import (
    CHUNKED,
    TYPE,
    plain,
    posted,
    serving,
)
from tests.listeners.streams import Service, message
from tests.plugins.chains import until


async def test_requests_on_one_connection_are_answered_in_their_order() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, plain(server) as client:
        client.writer.write(b"".join(posted(message(number)) for number in (1, 2, 3)))
        await until(lambda: 1 in service.sends)
        assert service.asked == [1]
        service.answer(1)
        for number in (1, 2, 3):
            status, headers, body = await client.response()
            assert (status, headers["content-type"], body) == (200, TYPE, message(number))
            assert headers["date"] == "sun, 06 nov 1994 08:49:37 gmt"
        assert service.seen[0][2] == "https"
        assert server.responses(200) == 3


async def test_a_request_may_come_octet_by_octet_and_in_chunks() -> None:
    async with serving(Service()) as server, plain(server) as client:
        body = message(7)
        for octet in CHUNKED + b"5\r\n" + body[:5] + b"\r\n7\r\n" + body[5:] + b"\r\n0\r\n\r\n":
            client.writer.write(bytes([octet]))
            await client.writer.drain()
        assert (await client.response())[2] == body


async def test_a_client_may_wait_for_leave_to_send_its_body() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(posted(b"", "expect: 100-continue", length=12))
        assert (await client.response())[0] == 100
        client.writer.write(message(1))
        assert (await client.response())[0] == 200
        client.writer.write(posted(b"", "expect: 100-continue", length=70_000))
        assert (await client.response())[0] == 413
        assert await client.at_end()


async def test_a_wrong_request_is_answered_and_the_connection_goes_on() -> None:
    async with serving(Service()) as server, plain(server) as client:
        for request, status in (
            (b"GET /other HTTP/1.1\r\nhost: a\r\n\r\n", 404),
            (b"DELETE /dns-query HTTP/1.1\r\nhost: a\r\n\r\n", 405),
            (b"GET /dns-query?dns=AAAA HTTP/1.1\r\nhost: a\r\n\r\n", 400),
            (b"GET /dns-query?dns=" + b"A" * 9000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414),
            (posted(message(1)), 200),
        ):
            client.writer.write(request)
            assert (await client.response())[0] == status
            assert server.responses(status) == 1


async def test_a_client_that_only_asks_wrong_loses_its_connection() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 5000)
        for number in range(50):
            assert (await client.response())[1].get("connection") == ("close" if number == 49 else None)
        assert await client.at_end()
        assert server.responses(404) == 50


async def test_many_requests_in_one_write_are_all_answered() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(b"".join(posted(message(number)) for number in range(1500)))
        for number in range(1500):
            assert (await client.response())[2] == message(number)
        assert server.responses(200) == 1500


async def test_a_response_to_head_has_no_body() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(b"HEAD /dns-query HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            octets = await client.reader.read()
        assert octets.startswith(b"HTTP/1.1 405 ")
        assert octets.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        "POST /dns-query HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
        "POST /dns-query HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 17",
        "POST /dns-query HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\ntransfer-encoding: chunked",
    ],
)
async def test_a_request_that_ends_in_two_places_is_refused_and_nothing_behind_it_is_read(head: str) -> None:
    service = Service()
    async with serving(service) as server, plain(server) as client:
        body = b"c\r\n" + message(7) + b"\r\n0\r\n\r\n"
        client.writer.write(f"{head}\r\ncontent-type: {TYPE}\r\n\r\n".encode() + body + posted(message(8)))
        status, headers, _ = await client.response()
        assert (status, headers["connection"]) == (400, "close")
        assert await client.at_end()
    assert service.asked == []


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\x16\x03\x01 nonsense\r\n\r\n", 400),
        (b"GET /dns-query HTTP/1.1\r\n\r\n", 400),
        (b"GET /dns-query HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 20_000, 431),
        (b"GET /dns-query HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (posted(b"a" * 100, length=65_536), 413),
        (posted(b"a" * 100, "transfer-encoding: gzip"), 501),
        (posted(b"a" * 10).replace(b"dns-message", b"json"), 415),
    ],
)
async def test_what_cannot_be_read_on_ends_the_connection(octets: bytes, status: int) -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(octets)
        assert (await client.response())[0] == status
        assert await client.at_end()
        await until(lambda: not server.listener.connections)


async def test_a_body_in_chunks_that_never_ends_is_refused() -> None:
    async with serving(Service()) as server, plain(server) as client:
        client.writer.write(CHUNKED + b"4000\r\n%s\r\n" % bytes(0x4000) * 5)
        assert (await client.response())[0] == 413


@pytest.mark.parametrize("begun", [b"", b"POST /dns-query HT", posted(b"a", length=12)])
async def test_a_slow_sender_loses_its_connection(begun: bytes) -> None:
    async with serving(Service(), ListenSettings(read_timeout=0.2, idle_timeout=30)) as server, plain(server) as client:
        client.writer.write(begun)
        assert await client.at_end()
        assert server.closed("read_timeout") == 1


async def test_one_connection_more_takes_the_place_of_the_idle_one() -> None:
    settings = ListenSettings(read_timeout=30, idle_timeout=30, https_connections=1)
    async with serving(Service(), settings) as server, plain(server) as first:
        first.writer.write(posted(message(1)))
        await first.response()
        async with plain(server) as second:
            second.writer.write(posted(message(2)))
            assert (await second.response())[2] == message(2)
            assert await first.at_end()
        assert server.closed("too_many") == 1


async def test_answers_under_way_leave_before_the_listener_ends() -> None:
    service = Service()
    service.held.add(1)
    async with serving(service) as server, plain(server) as client:
        client.writer.write(posted(message(1)))
        await until(lambda: 1 in service.sends)
        ending = asyncio.ensure_future(server.listener.stop())
        await until(lambda: all(connection.ending for connection in server.listener.connections))
        service.answer(1)
        status, headers, _ = await client.response()
        assert (status, headers["connection"]) == (200, "close")
        assert await client.at_end()
        await ending
