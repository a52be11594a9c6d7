"""Exchanges over UDP with upstreams that answer, drop, delay and lie."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest

from resolver.errors import UpstreamError
from resolver.upstream import udp
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Busy, TimedOut
from resolver.upstream.udp import UdpExchanges
from tests.plugins.chains import until
from tests.support.upstreams import Asked, Pause, Step, Upstream, after, answers, drops, reply
from tests.upstream.exchanges import LIMITS, SHORT, Clock, Counted, addresses, over_udp, request


@pytest.fixture
def one_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "SOCKETS", 1)


async def test_an_answer_comes_back() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


async def test_the_packet_is_the_request_with_an_id_in_front() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream)
        await exchanges.ask(request(), 2)
        assert upstream.seen[0].packet[2:] == request().tail
        exchanges.close()


async def test_ids_and_ports_cannot_be_guessed() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream)
        for _ in range(200):
            await exchanges.ask(request(), 2)
        ids = [asked.id for asked in upstream.seen]
        steps = {second - first for first, second in pairwise(ids)}
        assert len(set(ids)) > 190
        assert len(steps) > 190
        assert len({asked.peer[1] for asked in upstream.seen}) == udp.SOCKETS
        exchanges.close()


async def test_a_port_is_given_up_after_so_many_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "MAX_USES", 5)
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream)
        for _ in range(100):
            await exchanges.ask(request(), 2)
        ports = [asked.peer[1] for asked in upstream.seen]
        assert max(map(ports.count, ports)) <= 5
        exchanges.close()


@pytest.mark.parametrize("limits", [Limits(expire=3.0), Limits(max_age=3.0), Limits(expire=1e6)])
@pytest.mark.usefixtures("one_socket")
async def test_a_port_is_given_up_after_a_while(limits: Limits) -> None:
    clock, counted = Clock(), Counted()
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream, counted, limits, clock)
        await exchanges.ask(request(), 2)
        clock.ahead = 2.0
        await exchanges.ask(request(), 2)
        assert counted.both() == (1, 1)
        clock.ahead = 2.0 + max(3.1, udp.MAX_LIFE)
        await exchanges.ask(request(), 2)
        assert counted.both() == (1, 2)
        exchanges.close()


@pytest.mark.usefixtures("one_socket")
async def test_with_expire_0_every_exchange_has_a_port_of_its_own() -> None:
    counted = Counted()
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream, counted, Limits(expire=0.0))
        for _ in range(5):
            await exchanges.ask(request(), 2)
        assert counted.both() == (0, 5)
        exchanges.close()


async def test_answers_find_their_questions_in_any_order() -> None:
    held: list[Asked] = []

    def backwards(asked: Asked) -> list[Step]:
        held.append(asked)
        return []

    async with Upstream(backwards) as upstream:
        exchanges = over_udp(upstream)
        futures = [exchanges.ask(request(f"n{number}.test"), 2) for number in range(50)]
        await until(lambda: len(held) == 50)
        for asked in reversed(held):
            assert upstream._datagrams is not None
            upstream._datagrams.sendto(reply(asked, [f"192.0.2.{asked.name[1:-6]}"]), asked.peer)
        outcomes = await asyncio.gather(*futures)
        assert [addresses(outcome) for outcome in outcomes] == [[f"192.0.2.{number}"] for number in range(50)]
        assert exchanges.in_flight == 0
        exchanges.close()


def lies(asked: Asked) -> Iterator[Step]:
    """Everything that an attacker might send, then the truth."""
    right = reply(asked, ["192.0.2.1"])
    yield b""
    yield b"\x12"
    yield asked.packet[:2] + b"garbage"
    yield right[:-3]
    yield asked.packet
    yield reply(asked, ["192.0.2.66"], message_id=asked.id ^ 1)
    yield reply(asked, ["192.0.2.66"], name="other.example.org")
    yield asked.packet[:2] + b"\x80\0" + bytes(8)
    yield right


async def test_lies_do_not_keep_the_truth_from_coming_through() -> None:
    async with Upstream(lies) as upstream:
        exchanges = over_udp(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


async def test_another_peer_is_not_listened_to() -> None:
    async with Upstream(after(0.1, answers("192.0.2.1"))) as upstream, Upstream() as attacker:
        exchanges = over_udp(upstream)
        future = exchanges.ask(request(), 2)
        await until(lambda: bool(upstream.seen))
        forged = reply(upstream.seen[0], ["192.0.2.66"])
        assert attacker._datagrams is not None
        attacker._datagrams.sendto(forged, upstream.seen[0].peer)
        assert addresses(await future) == ["192.0.2.1"]
        exchanges.close()


async def test_silence_ends_with_a_time_out_that_names_both_ends() -> None:
    async with Upstream(drops) as upstream:
        exchanges = over_udp(upstream, limits=SHORT)
        outcome = await exchanges.ask(request(), SHORT.read_timeout)
        assert isinstance(outcome, TimedOut)
        assert str(outcome) == f"read udp 127.0.0.1:{upstream.seen[0].peer[1]}->{upstream.to}: i/o timeout"
        exchanges.close()


async def test_only_lies_end_with_a_time_out() -> None:
    async with Upstream(lambda asked: [reply(asked, message_id=asked.id ^ 5)] * 3) as upstream:
        exchanges = over_udp(upstream, limits=SHORT)
        assert isinstance(await exchanges.ask(request(), SHORT.read_timeout), TimedOut)
        exchanges.close()


async def test_a_shorter_time_is_kept_among_longer_ones() -> None:
    async with Upstream(drops) as upstream:
        exchanges = over_udp(upstream)
        patient = exchanges.ask(request(), 2)
        assert isinstance(await exchanges.ask(request(), 0.05), TimedOut)
        assert not patient.done()
        exchanges.close()


async def test_nobody_waits_longer_than_the_read_timeout() -> None:
    async with Upstream(drops) as upstream:
        exchanges = over_udp(upstream, limits=SHORT)
        patient, usual = exchanges.ask(request(), 60), exchanges.ask(request(), SHORT.read_timeout)
        assert isinstance(await usual, TimedOut)
        assert isinstance(await patient, TimedOut)
        exchanges.close()


async def test_an_answer_that_comes_too_late_is_ignored() -> None:
    def slow_first(asked: Asked) -> list[Step]:
        return [Pause(0.3 if asked.name == "slow." else 0), reply(asked, ["192.0.2.1"])]

    async with Upstream(slow_first) as upstream:
        exchanges = over_udp(upstream, limits=SHORT)
        assert isinstance(await exchanges.ask(request("slow"), 0.2), TimedOut)
        for _ in range(5):
            assert addresses(await exchanges.ask(request(), 0.2)) == ["192.0.2.1"]
            await asyncio.sleep(0.05)
        exchanges.close()


def closed_port() -> int:
    """A port of 127.0.0.1 at which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def test_a_closed_port_fails_at_once_and_for_all_who_wait() -> None:
    loop = asyncio.get_running_loop()
    counted = Counted()
    address = Address("127.0.0.1", closed_port())
    exchanges = UdpExchanges(loop, loop.time, address, LIMITS, counted.hits, counted.misses)
    started = loop.time()
    outcomes = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(20)))
    assert loop.time() - started < 1
    assert all("connection refused" in str(outcome) for outcome in outcomes)
    assert not any(isinstance(outcome, TimedOut) for outcome in outcomes)
    exchanges.close()


async def test_a_socket_is_of_use_again_after_a_refusal() -> None:
    async with Upstream(answers("192.0.2.1"), tcp=False) as upstream:
        exchanges = over_udp(upstream)
        assert upstream._datagrams is not None
        upstream._datagrams.close()
        await asyncio.sleep(0)
        assert "refused" in str(await exchanges.ask(request(), 2))
        async with Upstream(answers("192.0.2.1"), port=upstream.port, tcp=False):
            outcomes = [await exchanges.ask(request(), 2) for _ in range(10)]
            assert all(addresses(outcome) for outcome in outcomes)
        exchanges.close()


async def test_an_address_that_cannot_be_reached_is_an_error_and_not_an_exception() -> None:
    loop = asyncio.get_running_loop()
    counted = Counted()
    address, limits = Address("127.0.0.1", 53), Limits(source="::1")
    exchanges = UdpExchanges(loop, loop.time, address, limits, counted.hits, counted.misses)
    outcome = await exchanges.ask(request(), 2)
    assert isinstance(outcome, UpstreamError)
    assert str(outcome).startswith("dial udp 127.0.0.1:53: ")
    exchanges.close()


async def test_the_source_address_is_used() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream, limits=Limits(source="127.0.0.9"))
        await exchanges.ask(request(), 2)
        assert upstream.seen[0].peer[0] == "127.0.0.9"
        exchanges.close()


async def test_ipv6() -> None:
    async with Upstream(answers("192.0.2.1"), host="::1") as upstream:
        exchanges = over_udp(upstream)
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        exchanges.close()


@pytest.mark.usefixtures("one_socket")
async def test_the_number_in_flight_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "MAX_IN_FLIGHT", 3)
    async with Upstream(drops) as upstream:
        exchanges = over_udp(upstream, limits=SHORT)
        futures = [exchanges.ask(request(), 0.2) for _ in range(4)]
        assert [future.done() for future in futures] == [False, False, False, True]
        assert isinstance(futures[3].result(), Busy)
        assert all(isinstance(outcome, TimedOut) for outcome in await asyncio.gather(*futures[:3]))
        assert exchanges.in_flight == 0
        exchanges.close()


async def test_closing_ends_what_is_in_flight() -> None:
    async with Upstream(drops) as upstream:
        exchanges = over_udp(upstream)
        future = exchanges.ask(request(), 2)
        exchanges.close()
        assert isinstance(await future, UpstreamError)


async def test_an_exchange_that_nobody_waits_for_does_no_harm() -> None:
    async with Upstream(after(0.05, answers("192.0.2.1"))) as upstream:
        exchanges = over_udp(upstream)
        exchanges.ask(request(), 2).cancel()
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        await until(lambda: exchanges.in_flight == 0)
        exchanges.close()


@pytest.mark.usefixtures("one_socket")
async def test_unused_sockets_are_closed() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream, limits=Limits(expire=0.05))
        await exchanges.ask(request(), 2)
        await until(lambda: exchanges.open_sockets == 0)
        exchanges.close()


async def test_a_retired_socket_still_takes_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "MAX_USES", 1)
    async with Upstream(after(0.1, answers("192.0.2.1"))) as upstream:
        exchanges = over_udp(upstream)
        outcomes = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(30)))
        assert [addresses(outcome) for outcome in outcomes] == [["192.0.2.1"]] * 30
        assert len({asked.peer[1] for asked in upstream.seen}) == 30
        await until(lambda: exchanges.open_sockets <= udp.SOCKETS)
        exchanges.close()


async def test_an_upstream_that_is_asked_now_and_then_keeps_one_socket() -> None:
    async with Upstream(answers("192.0.2.1")) as upstream:
        exchanges = over_udp(upstream)
        for _ in range(5):
            await exchanges.ask(request(), 2)
        assert len({asked.peer[1] for asked in upstream.seen}) == 1
        exchanges.close()
