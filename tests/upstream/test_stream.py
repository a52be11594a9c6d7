"""Exchanges over TCP: kept connections, pipelining, and peers that go away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resolver.errors import UpstreamError
from resolver.upstream import connection as connection_module
from resolver.upstream import kept
from resolver.upstream.address import Limits
from resolver.upstream.exchange import Busy, TimedOut
from resolver.upstream.stream import FramedConnection, StreamExchanges
from tests.plugins.chains import until
from tests.support.upstreams import (
    Asked,
    Hangup,
    Pause,
    Script,
    Step,
    Unframed,
    Upstream,
    after,
    answers,
    closes,
    drops,
    reply,
)
from tests.upstream.exchanges import SHORT, Clock, Counted, addresses, over_stream, request


def tcp(script: Script) -> Upstream:
    return Upstream(script, udp=False)


def once_per_connection(script: Script, then: Script) -> Script:
    """The first script for the first query of each connection, the other one for the rest."""
    known: set[int] = set()

    def choose(asked: Asked) -> list[Step]:
        first = asked.connection not in known
        known.add(asked.connection)
        return list((script if first else then)(asked))

    return choose


async def test_queries_share_a_connection() -> None:
    counted = Counted()
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream, counted)
        for _ in range(5):
            assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        assert (upstream.connections, counted.both()) == (1, (4, 1))
        exchanges.close()


async def test_queries_are_pipelined_and_answers_come_in_any_order() -> None:
    async with tcp(drops) as upstream:
        exchanges = over_stream(upstream)
        futures = [exchanges.ask(request(f"n{number}.test"), 2) for number in range(20)]
        await until(lambda: len(upstream.seen) == 20)
        assert upstream.connections == 1
        (transport,) = upstream._open
        for asked in reversed(upstream.seen):
            packet = reply(asked, [f"192.0.2.{asked.name[1:-6]}"])
            transport.write(len(packet).to_bytes(2, "big") + packet)
        outcomes = await asyncio.gather(*futures)
        assert [addresses(outcome) for outcome in outcomes] == [[f"192.0.2.{number}"] for number in range(20)]
        exchanges.close()


async def test_answers_may_come_in_pieces() -> None:
    def in_pieces(asked: Asked) -> list[Step]:
        packet = reply(asked, ["192.0.2.1"])
        whole = len(packet).to_bytes(2, "big") + packet
        return [step for octet in whole for step in (Unframed(bytes((octet,))), Pause(0.001))]

    async with tcp(in_pieces) as upstream:
        exchanges = over_stream(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


async def test_another_connection_is_opened_when_one_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FramedConnection, "depth", 4)
    async with tcp(after(0.1, answers("192.0.2.1"))) as upstream:
        exchanges = over_stream(upstream)
        outcomes = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(12)))
        assert all(addresses(outcome) for outcome in outcomes)
        assert upstream.connections == 3
        exchanges.close()


async def test_connections_and_queries_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FramedConnection, "depth", 1)
    monkeypatch.setattr(kept, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(FramedConnection, "most", 3)
    async with tcp(drops) as upstream:
        exchanges = over_stream(upstream, limits=SHORT)
        futures = [exchanges.ask(request(), 0.2) for _ in range(7)]
        outcomes = await asyncio.gather(*futures)
        assert [isinstance(outcome, Busy) for outcome in outcomes] == [False] * 6 + [True]
        assert upstream.connections <= 2
        exchanges.close()


async def test_an_idle_connection_expires() -> None:
    clock, counted = Clock(), Counted()
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream, counted, Limits(expire=10), clock=clock)
        await exchanges.ask(request(), 2)
        clock.ahead = 9.0
        await exchanges.ask(request(), 2)
        assert counted.both() == (1, 1)
        clock.ahead = 20.0
        await exchanges.ask(request(), 2)
        assert counted.both() == (1, 2)
        exchanges.close()


async def test_an_expired_connection_is_closed_without_another_query() -> None:
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream, limits=Limits(expire=0.05))
        await exchanges.ask(request(), 2)
        await until(lambda: upstream.open_connections == 0)
        assert exchanges.connections == 0
        exchanges.close()


async def test_with_expire_0_every_query_has_a_connection_of_its_own() -> None:
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream, limits=Limits(expire=0.0))
        for _ in range(3):
            await exchanges.ask(request(), 2)
        assert upstream.connections == 3
        await until(lambda: upstream.open_connections == 0)
        exchanges.close()


async def test_a_connection_is_given_up_at_its_max_age() -> None:
    clock, counted = Clock(), Counted()
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream, counted, Limits(expire=10, max_age=15), clock=clock)
        for clock.ahead in (0.0, 8.0, 14.0, 16.0):
            await exchanges.ask(request(), 2)
        assert counted.both() == (2, 2)
        await until(lambda: upstream.open_connections == 1)
        exchanges.close()


async def test_no_more_idle_connections_are_kept_than_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FramedConnection, "depth", 1)
    async with tcp(after(0.05, answers("192.0.2.1"))) as upstream:
        exchanges = over_stream(upstream, limits=Limits(max_idle=2))
        await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(6)))
        assert upstream.connections == 6
        await until(lambda: upstream.open_connections == 2)
        assert exchanges.connections == 2
        exchanges.close()


async def test_a_connection_that_the_peer_closed_while_idle_does_not_spoil_the_next_query() -> None:
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream)
        await exchanges.ask(request(), 2)
        upstream.hang_up()
        await asyncio.sleep(0.02)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


async def test_a_query_that_meets_the_end_of_a_kept_connection_is_asked_again() -> None:
    script = once_per_connection(answers("192.0.2.1"), closes)
    async with tcp(script) as upstream:
        exchanges = over_stream(upstream)
        for _ in range(4):
            assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        assert upstream.connections == 4
        exchanges.close()


async def test_a_fresh_connection_that_ends_is_a_failure() -> None:
    async with tcp(closes) as upstream:
        exchanges = over_stream(upstream)
        outcome = await exchanges.ask(request(), 2)
        assert isinstance(outcome, UpstreamError)
        assert str(outcome).startswith("read tcp 127.0.0.1:")
        assert str(outcome).endswith(f"->{upstream.to}: EOF")
        assert len(upstream.seen) == 1
        exchanges.close()


async def test_a_query_is_asked_again_only_once() -> None:
    script = once_per_connection(lambda asked: [reply(asked)] if asked.name == "first." else [Hangup()], closes)
    async with tcp(script) as upstream:
        exchanges = over_stream(upstream)
        await exchanges.ask(request("first"), 2)
        assert isinstance(await exchanges.ask(request("deadly"), 2), UpstreamError)
        assert upstream.names == ["first.", "deadly.", "deadly."]
        exchanges.close()


async def test_a_peer_that_takes_one_query_per_connection_is_asked_one_at_a_time() -> None:
    async with tcp(lambda asked: [Pause(0.02), reply(asked, ["192.0.2.1"]), Hangup()]) as upstream:
        exchanges = over_stream(upstream)
        first = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(6)))
        assert sum(not isinstance(outcome, UpstreamError) for outcome in first) >= 1
        second = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(6)))
        assert [addresses(outcome) for outcome in second] == [["192.0.2.1"]] * 6
        exchanges.close()


async def test_a_closed_port_fails_at_once() -> None:
    async with tcp(drops) as upstream:
        pass
    exchanges = over_stream(upstream)
    outcome = await exchanges.ask(request(), 2)
    assert str(outcome) == f"dial tcp {upstream.to}: connect: connection refused"
    assert exchanges.connections == 0
    exchanges.close()


async def test_a_peer_that_never_accepts_ends_with_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_connection", never)
    monkeypatch.setattr(connection_module, "CONNECT_TIMEOUT", 0.3)
    async with tcp(drops) as upstream:
        exchanges = over_stream(upstream, limits=SHORT)
        outcome = await exchanges.ask(request(), SHORT.read_timeout)
        assert isinstance(outcome, TimedOut)
        assert str(outcome) == f"dial tcp {upstream.to}: i/o timeout"
        await until(lambda: exchanges.connections == 0)
        exchanges.close()


async def test_a_silent_connection_is_not_used_for_the_next_query() -> None:
    def deaf_first(asked: Asked) -> list[Step]:
        return [] if asked.connection == 1 else [reply(asked, ["192.0.2.1"])]

    async with tcp(deaf_first) as upstream:
        exchanges = over_stream(upstream, limits=SHORT)
        assert isinstance(await exchanges.ask(request(), SHORT.read_timeout), TimedOut)
        assert addresses(await exchanges.ask(request(), SHORT.read_timeout)) == ["192.0.2.1"]
        exchanges.close()


async def test_one_slow_answer_does_not_end_a_connection_that_speaks() -> None:
    def slow(asked: Asked) -> list[Step]:
        return [] if asked.name == "slow." else [reply(asked, ["192.0.2.1"])]

    async with tcp(slow) as upstream:
        exchanges = over_stream(upstream, limits=SHORT)
        waiting = exchanges.ask(request("slow"), SHORT.read_timeout)
        for _ in range(5):
            await exchanges.ask(request(), SHORT.read_timeout)
            await asyncio.sleep(0.02)
        assert isinstance(await waiting, TimedOut)
        assert addresses(await exchanges.ask(request(), SHORT.read_timeout)) == ["192.0.2.1"]
        assert upstream.connections == 1
        exchanges.close()


@pytest.mark.parametrize("noise", [b"\0\3abc", b"\0\0", b"\0\x09\0\1garbage"])
async def test_a_frame_that_is_no_message_ends_the_connection(noise: bytes) -> None:
    async with tcp(lambda asked: [Unframed(noise)]) as upstream:
        exchanges = over_stream(upstream)
        outcome = await exchanges.ask(request(), 2)
        assert "frame is shorter than a header" in str(outcome)
        await until(lambda: upstream.open_connections == 0)
        exchanges.close()


async def test_wrong_messages_do_not_keep_the_right_one_from_coming_through() -> None:
    def lies(asked: Asked) -> list[Step]:
        return [
            reply(asked, ["192.0.2.66"], message_id=asked.id ^ 1),
            reply(asked, ["192.0.2.66"], name="other.example.org"),
            asked.packet[:2] + b"garbage garbage",
            reply(asked, ["192.0.2.1"]),
        ]

    async with tcp(lies) as upstream:
        exchanges = over_stream(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


async def test_a_peer_that_answers_again_and_again_loses_its_connection() -> None:
    def repeats(asked: Asked) -> list[Step]:
        return [reply(asked, ["192.0.2.1"])] * 40

    async with tcp(repeats) as upstream:
        exchanges = over_stream(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        await until(lambda: upstream.open_connections == 0)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


@pytest.mark.parametrize("wrong", [{"name": "other.example.org"}, {"message_id": 0}])
async def test_strangers_are_no_sign_of_life(wrong: dict[str, Any]) -> None:
    def lies(asked: Asked) -> list[Step]:
        return [reply(asked, ["192.0.2.1"], **(wrong if asked.connection == 1 else {}))]

    async with tcp(lies) as upstream:
        exchanges = over_stream(upstream, limits=SHORT)
        assert isinstance(await exchanges.ask(request(), SHORT.read_timeout), TimedOut)
        assert addresses(await exchanges.ask(request(), SHORT.read_timeout)) == ["192.0.2.1"]
        assert upstream.connections == 2
        exchanges.close()


async def test_the_source_address_is_used() -> None:
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream, limits=Limits(source="127.0.0.9"))
        await exchanges.ask(request(), 2)
        assert upstream.seen[0].peer[0] == "127.0.0.9"
        exchanges.close()


async def test_closing_ends_what_is_in_flight_and_all_connections() -> None:
    async with tcp(drops) as upstream:
        exchanges: StreamExchanges = over_stream(upstream)
        future = exchanges.ask(request(), 2)
        await until(lambda: bool(upstream.seen))
        exchanges.close()
        assert isinstance(await future, UpstreamError)
        await until(lambda: upstream.open_connections == 0)
        assert exchanges.connections == 0


async def test_closing_while_connecting_leaves_nothing_behind() -> None:
    async with tcp(answers("192.0.2.1")) as upstream:
        exchanges = over_stream(upstream)
        future = exchanges.ask(request(), 2)
        exchanges.close()
        assert isinstance(await future, UpstreamError)
        await asyncio.sleep(0.02)
        assert (upstream.open_connections, exchanges.connections) == (0, 0)
