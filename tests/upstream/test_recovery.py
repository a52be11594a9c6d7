"""Connections over TCP and TLS that die, fall silent or meet another server than before: no query is lost with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from resolver.errors import UpstreamError
from resolver.upstream.address import Limits
from resolver.upstream.exchange import Request
from resolver.upstream.stream import StreamExchanges
from resolver.upstream.tls import ClientTls, TlsSettings, read_files
from tests.plugins.chains import until
from tests.support.upstreams import Asked, Hangup, Pause, Step, Upstream, answers, reply
from tests.upstream.authority import Authority
from tests.upstream.exchanges import addresses, over_stream, request

QUICK = Limits(read_timeout=1.0)


def first_connection(then: Callable[[Asked], list[Step]]) -> Callable[[Asked], list[Step]]:
    """Right answers to ``first`` and on all connections but the first, where ``then`` says what happens."""

    def script(asked: Asked) -> list[Step]:
        if asked.name == "first." or asked.connection > 1:
            return [reply(asked, ["192.0.2.1"])]
        return then(asked)

    return script


async def after_first(exchanges: StreamExchanges, *names: str) -> list[list[str]]:
    await exchanges.ask(request("first"), 1)
    return [addresses(outcome) for outcome in await asyncio.gather(*(exchanges.ask(request(n), 1) for n in names))]


async def test_a_silent_connection_is_doubted_and_its_queries_are_asked_elsewhere() -> None:
    async with Upstream(first_connection(lambda asked: []), udp=False) as upstream:
        exchanges = over_stream(upstream, limits=QUICK)
        begun = time.monotonic()
        assert await after_first(exchanges, "a", "b", "c") == [["192.0.2.1"]] * 3
        assert time.monotonic() - begun < 0.8
        assert upstream.connections == 2
        exchanges.close()


async def test_the_first_answer_counts_when_a_doubted_connection_speaks_after_all() -> None:
    def slow(asked: Asked) -> list[Step]:
        return [reply(asked, ["192.0.2.1"])] if asked.name == "first." else [Pause(0.35), reply(asked, ["192.0.2.9"])]

    async with Upstream(slow, udp=False) as upstream:
        exchanges = over_stream(upstream, limits=QUICK)
        begun = time.monotonic()
        assert await after_first(exchanges, "a") == [["192.0.2.9"]]
        assert time.monotonic() - begun < 0.55
        assert [asked.connection for asked in upstream.seen if asked.name == "a."] == [1, 2]
        exchanges.close()


async def test_a_doubted_connection_that_speaks_is_used_again() -> None:
    def slow(asked: Asked) -> list[Step]:
        return [Pause(0.3), reply(asked, ["192.0.2.9"])] if asked.name == "a." else [reply(asked, ["192.0.2.1"])]

    async with Upstream(slow, udp=False) as upstream:
        exchanges = over_stream(upstream, limits=QUICK)
        await after_first(exchanges, "a")
        await until(lambda: exchanges.in_flight == 0)
        for _ in range(4):
            assert addresses(await exchanges.ask(request(), 1)) == ["192.0.2.1"]
        assert upstream.connections == 2
        exchanges.close()


async def test_a_query_is_asked_on_two_connections_at_most() -> None:
    async with Upstream(lambda asked: [reply(asked)] if asked.name == "first." else [], udp=False) as upstream:
        exchanges = over_stream(upstream, limits=QUICK)
        await exchanges.ask(request("first"), 1)
        assert isinstance(await exchanges.ask(request("deadly"), 1), UpstreamError)
        assert upstream.names.count("deadly.") == 2
        exchanges.close()


async def test_a_doubted_connection_that_ends_takes_no_query_with_it() -> None:
    script = first_connection(lambda asked: [Pause(0.4), Hangup()])
    async with Upstream(script, udp=False) as upstream:
        exchanges = over_stream(upstream, limits=QUICK)
        assert await after_first(exchanges, "a", "b") == [["192.0.2.1"]] * 2
        await until(lambda: upstream.open_connections == 1)
        exchanges.close()


async def test_a_connection_cut_during_many_queries_loses_none() -> None:
    async with Upstream(
        first_connection(lambda asked: [Hangup()] if asked.name == "d." else []), udp=False
    ) as upstream:
        exchanges = over_stream(upstream, limits=QUICK)
        assert await after_first(exchanges, "a", "b", "c", "d") == [["192.0.2.1"]] * 4
        exchanges.close()


# --- TLS


def trusting(authority: Authority) -> ClientTls:
    return ClientTls(TlsSettings(read_files(None, None, authority.file)))


async def test_a_certificate_that_is_renewed_while_connections_are_open_is_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("dns.test")
    context = certificate.context()
    async with Upstream(answers("192.0.2.1"), tls=True, context=context) as upstream:
        exchanges = over_stream(upstream, tls=trusting(authority), server_name="dns.test", limits=QUICK)
        assert addresses(await exchanges.ask(request(), 1)) == ["192.0.2.1"]
        renewed = authority.issue("dns.test")
        context.load_cert_chain(renewed.file, renewed.key_file)
        upstream.hang_up()
        assert addresses(await exchanges.ask(request(), 1)) == ["192.0.2.1"]
        exchanges.close()


async def test_a_server_that_another_takes_the_place_of_is_told_nothing(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    async with Upstream(answers("192.0.2.1"), tls=True, context=authority.issue("dns.test").context()) as upstream:
        exchanges = over_stream(upstream, tls=trusting(authority), server_name="dns.test", limits=QUICK)
        assert addresses(await exchanges.ask(request(), 1)) == ["192.0.2.1"]
        await upstream.stop_tcp()
        upstream.context = stranger.issue("dns.test").context()
        await upstream.start_tcp()
        outcome = await exchanges.ask(request("secret"), 1)
        assert "failed to verify certificate" in str(outcome)
        assert "secret." not in upstream.names
        exchanges.close()


async def test_no_query_travels_before_the_handshake_of_a_resumed_session_is_done(tmp_path: Path) -> None:
    """The octets of a resumed connection up to the client's Finished hold no early data."""
    authority = Authority(tmp_path)
    async with Upstream(answers("192.0.2.1"), tls=True, context=authority.issue("dns.test").context()) as upstream:
        relay = Relay(upstream.port)
        async with relay:
            exchanges = over_stream(upstream, tls=trusting(authority), server_name="dns.test", limits=Limits(expire=0))
            exchanges._address = type(exchanges._address)("127.0.0.1", relay.port, "tls", "dns.test")
            for _ in range(2):
                assert addresses(await exchanges.ask(large(), 2)) == ["192.0.2.1"]
                await until(lambda: upstream.open_connections == 0)
            assert upstream.resumed == 1
            for flight in relay.first_flights:
                assert flight[0] == 22, "a handshake record and nothing else"
                assert 5 + int.from_bytes(flight[3:5], "big") == len(flight)
            first, second = map(extensions, relay.first_flights)
            assert PRE_SHARED_KEY in second - first
            assert EARLY_DATA not in first | second
            exchanges.close()


EARLY_DATA, PRE_SHARED_KEY = 42, 41


def extensions(hello: bytes) -> set[int]:
    """The types of the extensions in a ClientHello (RFC 8446 section 4.1.2)."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]  # session
    at += 2 + int.from_bytes(hello[at : at + 2], "big")  # cipher suites
    at += 1 + hello[at] + 2  # compression methods, length of what follows
    found = set()
    while at < len(hello):
        found.add(int.from_bytes(hello[at : at + 2], "big"))
        at += 4 + int.from_bytes(hello[at + 2 : at + 4], "big")
    return found


def large() -> Request:
    return request("a-name-that-would-be-seen.example.org")


class Relay:
    """Passes octets on, and keeps what each client sent before the server had said anything."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.port = 0
        self.first_flights: list[bytes] = []

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.sleep(0.05)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to)
        first = await reader.read(65_536)
        await asyncio.sleep(0.05)  # whatever else the client would send unasked has come by then
        while reader._buffer:  # type: ignore[attr-defined]
            first += await reader.read(65_536)
        self.first_flights.append(first)
        there_writer.write(first)
        await asyncio.gather(_pass_on(reader, there_writer), _pass_on(there_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()
