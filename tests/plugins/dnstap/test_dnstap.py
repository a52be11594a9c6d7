"""What collectors are told, and that nobody waits for them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from resolver.chain.capabilities import Exchange
from resolver.chain.reply import Replay, Reply, failure, silence
from resolver.errors import ConfigErrors, ResolverError
from resolver.plugins.dnstap import Dnstap
from resolver.plugins.dnstap.outgoing import Outgoing
from resolver.telemetry.framestream import READY, START, STOP
from resolver.telemetry.snapshot import Snapshot
from resolver.wire.constants import NXDOMAIN
from tests.plugins.chains import World, answering, question, until
from tests.plugins.dnstap.collector import (
    CLIENT_QUERY,
    CLIENT_RESPONSE,
    FORWARDER_QUERY,
    FORWARDER_RESPONSE,
    Collector,
)
from tests.support.upstreams import CERTIFICATES

TAPS: list[Dnstap] = []
ASKED = question("www.example.org", transport="udp", client=("192.0.2.1", 4000), local=("192.0.2.53", 53))


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[Collector]:
    made = Collector()
    await made.listen(str(tmp_path / "sock"))
    yield made
    await made.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    yield World()
    while TAPS:
        await TAPS.pop().stop()


async def tap_in(world: World, line: str, path: Path) -> Dnstap:
    plugin: Dnstap = world.part(f". {{\n {line.replace('PATH', str(path / 'sock'))}\n}}")
    await plugin.start()
    TAPS.append(plugin)
    return plugin


def answer(query: object = ASKED) -> Reply:
    return failure(ASKED, "test", NXDOMAIN)


async def test_a_query_and_its_answer_are_told(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH {\n identity me\n version 7\n extra word\n }", tmp_path)
    await plugin.resolve(ASKED, answering(answer))
    await until(lambda: len(collector.payloads) == 2)
    assert collector.kinds == [CLIENT_QUERY, CLIENT_RESPONSE]
    assert collector.controls == [READY, START]
    assert [(one[1], one[2], one[3]) for one in collector.payloads] == [(b"me", b"7", b"word")] * 2
    asked, answered = collector.messages
    assert (asked[4], asked[6], asked[5], asked[7]) == (bytes((192, 0, 2, 1)), 4000, bytes((192, 0, 2, 53)), 53)
    assert 10 not in asked
    assert 14 not in answered
    assert (asked[8], asked[9]) == (answered[8], answered[9]) <= (answered[12], answered[13])


async def test_full_puts_the_messages_in(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap unix://PATH full", tmp_path)
    await plugin.resolve(ASKED.derive(id=0x1234), answering(answer))
    await until(lambda: len(collector.payloads) == 2)
    asked, answered = collector.messages
    assert asked[10] == ASKED.wire(0x1234)
    assert answered[14][:4] == bytes.fromhex("12348103")


async def test_placeholders_are_filled_and_such_queries_are_not_replayed(
    world: World, collector: Collector, tmp_path: Path
) -> None:
    plugin = await tap_in(world, 'dnstap PATH {\n extra "{name} {/forward/upstream} {rcode}"\n }', tmp_path)
    reply = answer()
    reply.replay = Replay(1e9)
    asked = ASKED.derive(metadata={"forward/upstream": "192.0.2.9:53"})
    assert (await plugin.resolve(asked, answering(lambda _: reply))).replay is None
    await until(lambda: len(collector.payloads) == 2)
    assert collector.payloads[0][3] == b"www.example.org. 192.0.2.9:53 -"


async def test_replays_are_told_by_who_replays(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH full", tmp_path)
    reply = answer()
    reply.replay = Replay(1e9)
    leave = (await plugin.resolve(ASKED, answering(lambda _: reply))).replay
    assert leave is not None
    for observe in leave.observers:
        observe(b"query", ("192.0.2.7", 7), ("192.0.2.53", 53), "tcp", b"answer")
    await until(lambda: len(collector.payloads) == 4)
    asked, answered = collector.messages[2:]
    assert (asked[1], asked[4], asked[3], asked[10]) == (CLIENT_QUERY, bytes((192, 0, 2, 7)), 2, b"query")
    assert (answered[1], answered[14]) == (CLIENT_RESPONSE, b"answer")


async def test_exchanges_with_upstreams_are_told(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH full", tmp_path)
    now = world.host.clock()
    plugin.exchanged(ASKED, Exchange(("192.0.2.9", 53), "udp", now, b"asked", b"said"))
    plugin.exchanged(ASKED, Exchange(("192.0.2.9", 53), "tcp", now, b"asked", b""))
    await until(lambda: len(collector.payloads) == 3)
    assert collector.kinds == [FORWARDER_QUERY, FORWARDER_RESPONSE, FORWARDER_QUERY]
    first, second, _ = collector.messages
    assert (first[5], first[7], first[10], second[14]) == (bytes((192, 0, 2, 9)), 53, b"asked", b"said")


async def test_what_the_server_asks_itself_is_not_told(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH", tmp_path)
    await plugin.resolve(ASKED.derive(depth=1), answering(answer))
    await plugin.resolve(ASKED, answering(lambda query: silence(query, "test")))
    await until(lambda: bool(collector.payloads))
    await plugin.stop()
    assert collector.kinds == [CLIENT_QUERY]


async def test_an_error_is_told_as_the_failure_it_becomes(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH full", tmp_path)

    async def fail(_: object) -> Reply:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await plugin.resolve(ASKED, fail)
    await until(lambda: len(collector.payloads) == 2)
    assert collector.messages[1][14][3] & 15 == 2


async def test_several_taps_each_get_their_own(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH full\n dnstap PATH", tmp_path)
    await plugin.resolve(ASKED, answering(answer))
    await until(lambda: len(collector.payloads) == 4)
    assert sorted(10 in one for one in collector.messages if one[1] == CLIENT_QUERY) == [False, True]


async def test_messages_wait_for_a_collector_that_comes_later(world: World, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH", tmp_path)
    await plugin.resolve(ASKED, answering(answer))
    await until(lambda: "no connection to" in world.output.getvalue())
    late = Collector()
    await late.listen(str(tmp_path / "sock"))
    await until(lambda: len(late.payloads) == 2)
    assert sum("no connection" in line for line in world.lines) == 1
    await late.close()


async def test_a_lost_connection_is_opened_again(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH", tmp_path)
    await until(lambda: collector.connections == 1)
    collector.hang_up()
    await until(lambda: collector.connections == 2)
    await plugin.resolve(ASKED, answering(answer))
    await until(lambda: len(collector.payloads) == 2)


async def test_what_the_queue_cannot_hold_is_lost_counted_and_said(world: World, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH", tmp_path)
    outlet = plugin.taps[0].outlet
    for _ in range(10_003):
        outlet.put(b"frame")
    assert world.metric("coredns_dnstap_dropped_total", str(tmp_path / "sock")) == 3
    await plugin.stop()
    assert world.metric("coredns_dnstap_dropped_total", str(tmp_path / "sock")) == 10_003
    assert any("10003 messages" in line and "dropped" in line for line in world.lines)


async def test_large_messages_are_limited_by_their_octets(world: World, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH full 1 2", tmp_path)
    for _ in range(1000):
        plugin.taps[0].outlet.put(bytes(65_000))
    assert world.metric("coredns_dnstap_dropped_total", str(tmp_path / "sock")) == 1000 - (32 << 20) // 65_000


async def test_a_collector_that_does_not_read_holds_nobody_up(
    world: World, collector: Collector, tmp_path: Path
) -> None:
    plugin = await tap_in(world, "dnstap PATH full", tmp_path)
    await until(lambda: START in collector.controls)
    collector.reading.clear()
    began = asyncio.get_running_loop().time()
    for _ in range(200):
        for _ in range(50):
            plugin.taps[0].outlet.put(bytes(2000))
        await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() - began < 5
    await plugin.stop()
    assert world.metric("coredns_dnstap_dropped_total", str(tmp_path / "sock")) > 0


async def test_what_waits_is_sent_when_the_server_ends(world: World, collector: Collector, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap PATH", tmp_path)
    await until(lambda: START in collector.controls)
    for _ in range(5):
        await plugin.resolve(ASKED, answering(answer))
    await plugin.stop()
    await until(lambda: STOP in collector.controls)
    assert len(collector.payloads) == 10
    assert world.metric("coredns_dnstap_messages_total", str(tmp_path / "sock")) == 10


async def test_a_peer_that_speaks_something_else_is_left(world: World, collector: Collector, tmp_path: Path) -> None:
    collector.accepts = (b"protobuf:other",)
    await tap_in(world, "dnstap PATH", tmp_path)
    await until(lambda: "it accepts other contents than dnstap" in world.output.getvalue())


async def test_over_tls_the_collector_is_verified(world: World, tmp_path: Path) -> None:
    collector = Collector()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    port = await collector.listen_with_tls(context)
    await tap_in(world, f"dnstap tls://127.0.0.1:{port}", tmp_path)
    await until(lambda: "certificate verify failed" in world.output.getvalue())
    plugin = await tap_in(world, f"dnstap tls://127.0.0.1:{port} {{\n skipverify\n }}", tmp_path)
    await plugin.resolve(ASKED, answering(answer))
    await until(lambda: len(collector.payloads) == 2)
    await collector.close()


async def test_collectors_connect_to_a_listening_tap(world: World, tmp_path: Path) -> None:
    plugin = await tap_in(world, "dnstap listen PATH full", tmp_path)
    await plugin.resolve(ASKED, answering(answer))  # nobody listens yet
    collectors = [Collector(), Collector()]
    talks = []
    for one in collectors:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "sock"))
        talks.append(asyncio.ensure_future(one.converse(reader, writer)))
    await until(lambda: all(START in one.controls for one in collectors))
    await plugin.resolve(ASKED, answering(answer))
    await until(lambda: all(one.kinds == [CLIENT_QUERY, CLIENT_RESPONSE] for one in collectors))
    collectors[0].hang_up()
    await until(lambda: len(plugin.taps[0].outlet._queues) == 1)  # type: ignore[union-attr]
    await plugin.resolve(ASKED, answering(answer))
    await until(lambda: len(collectors[1].payloads) == 4)
    await plugin.stop()
    await asyncio.gather(*talks)
    assert collectors[1].controls == [READY, START, STOP]
    assert not (tmp_path / "sock").exists()


async def test_a_listening_tap_needs_a_single_worker(world: World, tmp_path: Path) -> None:
    async def scrape() -> Snapshot:
        return []

    world.host.scrape = scrape
    with pytest.raises(ConfigErrors, match="one worker"):
        world.part(f". {{\n dnstap listen {tmp_path}/sock\n}}")


async def test_an_address_that_cannot_be_listened_on_is_said(world: World, tmp_path: Path) -> None:
    plugin: Dnstap = world.part(f". {{\n dnstap listen {tmp_path}/no/such/sock\n}}")
    with pytest.raises(ResolverError, match="cannot listen on"):
        await plugin.start()


def test_making_a_tap_opens_nothing(tmp_path: Path) -> None:
    plugin: Dnstap = World().part(f". {{\n dnstap {tmp_path}/sock\n}}")
    assert isinstance(plugin.taps[0].outlet, Outgoing)
    assert list(tmp_path.iterdir()) == []
