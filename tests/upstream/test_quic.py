"""Exchanges over QUIC and HTTP/3: streams, certificates, and connections that end, against our own listeners."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from resolver.errors import UpstreamError
from resolver.listeners.http3 import Http3Client
from resolver.listeners.quic_queries import DoqClient
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Outcome, TimedOut
from resolver.upstream.http3 import Http3Exchanges
from resolver.upstream.kept import KeptConnections
from resolver.upstream.quic import QuicExchanges
from resolver.upstream.tls import ClientTls, TlsSettings, read_files
from resolver.wire.message import Message
from tests.listeners.quic_scenes import Scene, scene
from tests.support.quic_clients import AUTHORITY, until
from tests.upstream.exchanges import LIMITS, SHORT, Counted, request

Made = type[QuicExchanges] | type[Http3Exchanges]
BOTH = pytest.mark.parametrize(
    ("kind", "make", "scheme"),
    [
        pytest.param(DoqClient, QuicExchanges, "quic", id="quic"),
        pytest.param(Http3Client, Http3Exchanges, "https3", id="https3"),
    ],
)


def towards(
    here: Scene,
    make: Made,
    scheme: str,
    counted: Counted | None = None,
    limits: Limits = LIMITS,
    *,
    name: str = "dns.test",
    tls: ClientTls | None = None,
    method: str = "POST",
) -> KeptConnections:
    counted = counted or Counted()
    address = Address("127.0.0.1", here.port, scheme, name, "/dns-query", method)
    trusted = tls or ClientTls(TlsSettings(read_files(None, None, AUTHORITY)))
    loop = asyncio.get_running_loop()
    return make(loop, time.monotonic, address, limits, counted.hits, counted.misses, trusted)


def is_answer(outcome: Outcome) -> bool:
    assert isinstance(outcome, Message), outcome
    return outcome.octets[12:] == request().tail[10:]


@BOTH
async def test_questions_share_a_connection_and_have_id_0(kind: Any, make: Made, scheme: str) -> None:
    counted = Counted()
    async with scene(kind) as here:
        exchanges = towards(here, make, scheme, counted)
        first = await asyncio.gather(*[exchanges.ask(request(), 2) for _ in range(5)])
        assert all(is_answer(outcome) for outcome in first)
        assert is_answer(await exchanges.ask(request(), 2))
        assert here.asked == [b"\0\0" + request().tail] * 6
        assert counted.both() == (5, 1)
        exchanges.close()


async def test_a_question_over_http3_may_be_got() -> None:
    async with scene(Http3Client) as here:
        exchanges = towards(here, Http3Exchanges, "https3", method="GET")
        assert is_answer(await exchanges.ask(request(), 2))
        exchanges.close()


@BOTH
async def test_more_questions_than_streams_all_have_their_answers(kind: Any, make: Made, scheme: str) -> None:
    async with scene(kind, quic_streams=5, https3_streams=5) as here:
        exchanges = towards(here, make, scheme)
        for _ in range(5):
            found = await asyncio.gather(*[exchanges.ask(request(), 2) for _ in range(4)])
            assert all(is_answer(outcome) for outcome in found)
        exchanges.close()


@BOTH
async def test_a_certificate_for_another_name_is_refused(kind: Any, make: Made, scheme: str) -> None:
    async with scene(kind) as here:
        exchanges = towards(here, make, scheme, name="elsewhere.example")
        outcome = await exchanges.ask(request(), 2)
        assert isinstance(outcome, UpstreamError)
        assert "tls: " in str(outcome)
        assert not here.asked
        exchanges.close()


@BOTH
async def test_a_certificate_of_an_unknown_authority_is_refused(kind: Any, make: Made, scheme: str) -> None:
    async with scene(kind) as here:
        exchanges = towards(here, make, scheme, tls=ClientTls(TlsSettings()))
        outcome = await exchanges.ask(request(), 2)
        assert isinstance(outcome, UpstreamError)
        assert not here.asked
        exchanges.close()


@BOTH
async def test_another_key_than_the_pinned_one_is_asked_nothing(kind: Any, make: Made, scheme: str) -> None:
    async with scene(kind) as here:
        pinned = ClientTls(TlsSettings(read_files(None, None, AUTHORITY), frozenset([bytes(32)])))
        exchanges = towards(here, make, scheme, tls=pinned)
        outcome = await exchanges.ask(request(), 2)
        assert "is not one that tls_pin names" in str(outcome)
        assert not here.asked
        exchanges.close()


@BOTH
async def test_silence_is_given_up(kind: Any, make: Made, scheme: str) -> None:
    async with scene(kind) as here:
        here.late = True
        exchanges = towards(here, make, scheme, limits=SHORT)
        assert isinstance(await exchanges.ask(request(), 0.2), TimedOut)
        exchanges.close()


@BOTH
async def test_nobody_there_is_found_out_at_once(kind: Any, make: Made, scheme: str) -> None:
    async with scene(kind) as here:
        exchanges = towards(here, make, scheme)
    outcome = await exchanges.ask(request(), 2)
    assert "connection refused" in str(outcome)
    exchanges.close()


@BOTH
async def test_what_was_under_way_on_a_connection_that_ends_begins_again(kind: Any, make: Made, scheme: str) -> None:
    counted = Counted()
    async with scene(kind) as here:
        exchanges = towards(here, make, scheme, counted)
        assert is_answer(await exchanges.ask(request(), 2))
        here.late = True
        waiting = exchanges.ask(request(), 2)
        await until(lambda: len(here.waiting) == 1)
        here.late = False
        assert here.listener is not None
        for client in list(here.listener.clients):
            client.end(client.INTERNAL, "error")
        assert is_answer(await waiting)
        assert counted.misses.value == 2
        exchanges.close()


@BOTH
async def test_a_stream_that_is_reset_or_an_error_is_the_end_of_its_question(
    kind: Any, make: Made, scheme: str
) -> None:
    async with scene(kind) as here:
        here.reply = lambda packet: b""
        exchanges = towards(here, make, scheme)
        outcome = str(await exchanges.ask(request(), 2))
        assert "DOQ_UNSPECIFIED_ERROR" in outcome or "HTTP status 500" in outcome
        exchanges.close()


async def test_an_answer_to_another_question_is_none() -> None:
    async with scene() as here:
        here.reply = lambda packet: packet[:2] + b"\x81" + packet[3:13] + b"x" + packet[14:]
        exchanges = towards(here, QuicExchanges, "quic")
        assert "not to the question" in str(await exchanges.ask(request(), 2))
        exchanges.close()


async def test_an_answer_whose_id_is_not_0_ends_the_connection() -> None:
    async with scene() as here:
        here.reply = lambda packet: b"\0\7\x81" + packet[3:]
        exchanges = towards(here, QuicExchanges, "quic")
        assert "no answer of DNS over QUIC" in str(await exchanges.ask(request(), 2))
        await until(lambda: here.count("coredns_dns_stream_connections") == 0)
        exchanges.close()


@BOTH
async def test_a_connection_that_nobody_uses_is_closed(kind: Any, make: Made, scheme: str) -> None:
    async with scene(kind) as here:
        exchanges = towards(here, make, scheme, limits=Limits(read_timeout=2.0, expire=0.1))
        assert is_answer(await exchanges.ask(request(), 2))
        await until(lambda: exchanges.connections == 0)
        await until(lambda: here.count("coredns_dns_stream_connections") == 0)
        exchanges.close()
