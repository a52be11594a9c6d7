"""Exchanges over HTTPS: requests, responses, streams, and connections that end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from h2.errors import ErrorCodes

from resolver.errors import UpstreamError
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Busy, TimedOut
from resolver.upstream.https import HttpsExchanges
from resolver.upstream.tls import ClientTls, TlsSettings, read_files
from resolver.wire.edns import option, write_opt
from resolver.wire.message import Message
from tests.plugins.chains import until
from tests.support.upstreams import CERTIFICATES, Asked, Hangup, Upstream, after, answers, drops, reply
from tests.upstream.doh_upstream import DohStep, DohUpstream, GoAway, Reset, Response
from tests.upstream.exchanges import LIMITS, SHORT, Counted, addresses, request


def over_https(
    upstream: Upstream,
    counted: Counted | None = None,
    limits: Limits = LIMITS,
    path: str = "/dns-query",
    method: str = "POST",
) -> HttpsExchanges:
    counted = counted or Counted()
    address = Address(upstream.host, upstream.port, "https", "dns.test", path, method)
    tls = ClientTls(TlsSettings(read_files(None, None, CERTIFICATES / "ca.pem")))
    loop = asyncio.get_running_loop()
    return HttpsExchanges(loop, time.monotonic, address, replace(limits), counted.hits, counted.misses, tls)


# --- requests


async def test_a_question_is_posted_with_id_0() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream, path="/own/path")
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        (asked,) = upstream.requests
        assert asked.body == b"\0\0" + request().tail
        assert asked.headers == {
            ":method": "POST",
            ":path": "/own/path",
            ":scheme": "https",
            ":authority": f"dns.test:{upstream.port}",
            "accept": "application/dns-message",
            "content-type": "application/dns-message",
            "content-length": str(len(asked.body)),
        }
        exchanges.close()


async def test_equal_questions_are_equal_requests_with_get() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream, method="GET")
        for _ in range(2):
            assert addresses(await exchanges.ask(request("www.example.org"), 2)) == ["192.0.2.1"]
        first, second = upstream.requests
        assert first == second
        assert first.headers[":path"] == "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA29yZwAAAQAB"
        assert (first.headers[":method"], first.body) == ("GET", b"")
        assert "content-type" not in first.headers
        exchanges.close()


async def test_a_question_too_long_for_an_url_is_posted() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream, method="GET")
        plain = request()
        opt = write_opt(1232, options=option(65001, bytes(2100)))
        long = type(plain)(plain.tail[:8] + b"\0\1" + plain.tail[10:] + opt, plain.question)
        assert addresses(await exchanges.ask(long, 2)) == ["192.0.2.1"]
        assert upstream.requests[0].headers[":method"] == "POST"
        exchanges.close()


async def test_a_path_with_a_query_string_keeps_it() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream, path="/q?tenant=7", method="GET")
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        assert upstream.requests[0].headers[":path"].startswith("/q?tenant=7&dns=AAABAAAB")
        exchanges.close()


async def test_many_questions_share_a_connection_and_answers_overtake() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        upstream.script = lambda asked: (
            after(0.05, answers("192.0.2.2"))(asked) if asked.name == "slow." else [reply(asked, ["192.0.2.1"])]
        )
        counted = Counted()
        exchanges = over_https(upstream, counted)
        slow = exchanges.ask(request("slow"), 2)
        outcomes = await asyncio.gather(*(exchanges.ask(request(f"n{i}.test"), 2) for i in range(50)))
        assert [addresses(outcome) for outcome in outcomes] == [["192.0.2.1"]] * 50
        assert not slow.done()
        assert addresses(await slow) == ["192.0.2.2"]
        assert (upstream.connections, counted.both()) == (1, (50, 1))
        exchanges.close()


async def test_a_large_question_waits_for_the_windows_of_the_server() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream)
        plain = request()
        padding = b"\0\0\x29\x10\0\0\0\0\0" + (60_004).to_bytes(2, "big") + b"\0\x0c" + (60_000).to_bytes(2, "big")
        large = type(plain)(plain.tail[:8] + b"\0\1" + plain.tail[10:] + padding + bytes(60_000), plain.question)
        outcomes = await asyncio.gather(*(exchanges.ask(large, 2) for _ in range(5)))
        assert [addresses(outcome) for outcome in outcomes] == [["192.0.2.1"]] * 5
        exchanges.close()


async def test_no_more_streams_are_opened_than_the_server_allows() -> None:
    async with DohUpstream(after(0.01, answers("192.0.2.1")), streams=3) as upstream:
        exchanges = over_https(upstream)
        await exchanges.ask(request(), 2)
        outcomes = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(12)))
        assert [addresses(outcome) for outcome in outcomes] == [["192.0.2.1"]] * 12
        assert upstream.connections > 1
        exchanges.close()


async def test_questions_beyond_all_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.kept.MAX_CONNECTIONS", 1)
    async with DohUpstream(answers("192.0.2.1"), streams=2) as upstream:
        exchanges = over_https(upstream)
        await exchanges.ask(request(), 0.5)
        upstream.script = drops
        first = exchanges.ask(request(), 0.5)
        exchanges.ask(request(), 0.5)
        assert isinstance(await exchanges.ask(request(), 0.5), Busy)
        assert isinstance(await first, TimedOut)
        exchanges.close()


# --- responses


def responding(response: Response) -> DohUpstream:
    return DohUpstream(doh=lambda asked: [response])


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response(status=404), "HTTP status 404"),
        (Response(status=503), "HTTP status 503"),
        (Response(status=301, more=(("location", "https://elsewhere.test/"),)), "HTTP status 301"),
        (Response(b"<html>", kind="text/html"), "a response of type text/html is no DNS message"),
        (Response(b"nonsense"), "the response does not answer the question"),
        (Response(bytes(65_536)), "the response is longer than any DNS message"),
    ],
)
async def test_a_response_without_an_answer_is_an_error(response: Response, words: str) -> None:
    async with responding(response) as upstream:
        exchanges = over_https(upstream)
        outcome = await exchanges.ask(request(), 2)
        assert isinstance(outcome, UpstreamError)
        assert str(outcome).endswith(f"->{upstream.to}: {words}")
        exchanges.close()


async def test_an_answer_to_another_question_is_no_answer() -> None:
    async with DohUpstream(lambda asked: [reply(asked, ["192.0.2.9"], name="evil.test")]) as upstream:
        exchanges = over_https(upstream)
        assert "does not answer the question" in str(await exchanges.ask(request(), 2))
        exchanges.close()


async def test_the_type_may_have_parameters() -> None:
    async with DohUpstream(
        doh=lambda asked: [Response(reply(asked, ["192.0.2.1"]), kind="Application/DNS-Message; charset=x")]
    ) as upstream:
        exchanges = over_https(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


@pytest.mark.parametrize(("age", "ttl"), [("0", 60), ("7", 53), ("60", 0), ("9999999999999", 0), ("-1", 60), ("x", 60)])
async def test_ttls_are_lowered_by_the_age_of_a_response(age: str, ttl: int) -> None:
    async with DohUpstream(
        doh=lambda asked: [Response(reply(asked, ["192.0.2.1"], ttl=60), more=(("age", age),))]
    ) as upstream:
        exchanges = over_https(upstream)
        outcome = await exchanges.ask(request(), 2)
        assert isinstance(outcome, Message)
        assert [record.ttl for record in outcome.sections().answer] == [ttl]
        exchanges.close()


async def test_a_ttl_that_counts_as_zero_stays_so_at_any_age() -> None:
    async with DohUpstream(
        doh=lambda asked: [Response(reply(asked, ["192.0.2.1"], ttl=0x80000001), more=(("age", "7"),))]
    ) as upstream:
        exchanges = over_https(upstream)
        outcome = await exchanges.ask(request(), 2)
        assert isinstance(outcome, Message)
        assert [record.ttl for record in outcome.sections().answer] == [0]
        exchanges.close()


async def test_a_server_that_speaks_no_http_2_is_an_error() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        exchanges = over_https(upstream)
        assert str(await exchanges.ask(request(), 2)) == f"dial tcp {upstream.to}: tls: the server does not speak h2"
        assert upstream.seen == []
        exchanges.close()


# --- connections that end


async def test_a_question_that_nobody_answers_is_taken_back() -> None:
    async with DohUpstream(drops) as upstream:
        exchanges = over_https(upstream, limits=SHORT)
        assert isinstance(await exchanges.ask(request(), 2), TimedOut)
        assert exchanges.in_flight == 0
        exchanges.close()


async def test_no_question_is_lost_with_a_connection_that_ends_between_two() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream)
        for _ in range(3):
            assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
            upstream.hang_up()
        assert upstream.connections == 3
        exchanges.close()


async def test_what_was_under_way_is_asked_again_once() -> None:
    def script(asked: Asked) -> list[DohStep]:
        if asked.name == "first.":
            return [reply(asked, ["192.0.2.1"])]
        return [Hangup()] if asked.connection == 1 or asked.name == "deadly." else [reply(asked, ["192.0.2.2"])]

    async with DohUpstream(doh=script) as upstream:
        exchanges = over_https(upstream)
        await exchanges.ask(request("first"), 2)
        assert addresses(await exchanges.ask(request("second"), 2)) == ["192.0.2.2"]
        assert isinstance(await exchanges.ask(request("deadly"), 2), UpstreamError)
        assert upstream.names == ["first.", "second.", "second.", "deadly.", "deadly."]
        exchanges.close()


async def test_goaway_loses_nothing() -> None:
    def script(asked: Asked) -> list[DohStep]:
        if asked.name == "first." or asked.connection > 1:
            return [reply(asked, ["192.0.2.1"])]
        return [GoAway()] if asked.name == "last." else []

    async with DohUpstream(doh=script) as upstream:
        exchanges = over_https(upstream)
        await exchanges.ask(request("first"), 2)
        names = [*(f"n{i}" for i in range(10)), "last"]
        outcomes = await asyncio.gather(*(exchanges.ask(request(name), 2) for name in names))
        assert [addresses(outcome) for outcome in outcomes] == [["192.0.2.1"]] * 11
        assert upstream.connections == 2
        exchanges.close()


async def test_after_goaway_between_questions_a_new_connection_is_used() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream)
        await exchanges.ask(request(), 2)
        upstream.go_away()
        await until(lambda: exchanges.connections == 0)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


async def test_a_refused_stream_is_asked_again_elsewhere() -> None:
    def script(asked: Asked) -> list[DohStep]:
        return [Reset(ErrorCodes.REFUSED_STREAM)] if asked.connection == 1 else [reply(asked, ["192.0.2.1"])]

    async with DohUpstream(doh=script) as upstream:
        exchanges = over_https(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


async def test_another_reset_is_an_error() -> None:
    async with DohUpstream(doh=lambda asked: [Reset(ErrorCodes.INTERNAL_ERROR)]) as upstream:
        exchanges = over_https(upstream)
        assert str(await exchanges.ask(request(), 2)).endswith("stream reset, error INTERNAL_ERROR")
        exchanges.close()


async def test_a_connection_that_falls_silent_is_replaced_before_the_time_is_up() -> None:
    def script(asked: Asked) -> list[DohStep]:
        return [reply(asked, ["192.0.2.1"])] if asked.name == "first." or asked.connection > 1 else []

    async with DohUpstream(doh=script) as upstream:
        exchanges = over_https(upstream, limits=Limits(read_timeout=1.0))
        await exchanges.ask(request("first"), 1)
        begun = time.monotonic()
        assert addresses(await exchanges.ask(request("second"), 1)) == ["192.0.2.1"]
        assert time.monotonic() - begun < 0.8
        assert upstream.connections == 2
        exchanges.close()


async def test_a_second_connection_resumes_the_session() -> None:
    async with DohUpstream(answers("192.0.2.1")) as upstream:
        exchanges = over_https(upstream, limits=Limits(expire=0.0))
        for _ in range(3):
            assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
            await until(lambda: upstream.open_connections == 0)
        assert (upstream.connections, upstream.resumed, upstream.goodbyes) == (3, 2, 3)
        exchanges.close()


async def test_closing_ends_what_is_under_way() -> None:
    async with DohUpstream(drops) as upstream:
        exchanges = over_https(upstream)
        waiting = exchanges.ask(request(), 2)
        await until(lambda: len(upstream.seen) == 1)
        exchanges.close()
        assert "use of closed network connection" in str(await waiting)
        assert "use of closed network connection" in str(await exchanges.ask(request(), 2))
