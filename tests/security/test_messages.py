"""What hostile messages must not achieve, each with the flaw in the field that it stands for."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.replay.store import Stores
from resolver.runtime.dispatch import Dispatcher
from resolver.runtime.routing import Route, Router
from resolver.upstream.exchange import Request, read_answer
from resolver.wire.constants import IN, NS, RCODES, A
from resolver.wire.edns import write_opt
from resolver.wire.message import scan
from resolver.wire.names import from_text, to_text
from resolver.wire.records import record
from tests.plugins.chains import World
from tests.wire.strategies import any_names, queries

TRANSPORTS = ("udp", "tcp", "tls", "https", "quic", "grpc")
CLIENT, LOCAL = ("192.0.2.1", 4242), ("192.0.2.53", 53)
QUESTION = from_text("www.example.org") + b"\0\1\0\1"


class Server:
    """A dispatcher over one handler that notes what reaches it."""

    def __init__(self, budget: int = 1 << 20, leave: Replay | None = None) -> None:
        self.reached: list[Query] = []
        self.leave = leave
        world = World(clock=lambda: 0.0)
        router = Router()
        router.add(Route(b"\0", world.build(". {\n whoami\n}").sites[0], self._handle))
        self.stores = Stores(budget)
        self.store = self.stores.make()
        self.dispatcher = Dispatcher(router, "dns://:53", world.host, self.stores)

    def serve(self, packet: bytes, transport: str = "udp") -> bytes | None:
        """As a listener does it."""
        return self.store.replay(packet, 0.0) or self.dispatcher.serve(
            packet, CLIENT, LOCAL, transport, lambda late: None, self.store
        )

    async def _handle(self, query: Query) -> Reply:
        self.reached.append(query)
        reply = from_records(query, "test", [record(query.qname, A, 60, bytes(4))])
        reply.replay = self.leave
        return reply


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nothing_but_a_query_reaches_a_plugin(transport: str) -> None:
    """CVE-2026-86003: updates were passed on by the newer transports."""

    async def serve() -> None:
        server = Server()
        for opcode in range(1, 16):
            for counts in (b"\0\1\0\0\0\0\0\0", b"\0\1\0\0\0\1\0\0", b"\0\0\0\0\0\0\0\0"):
                answer = server.serve(b"\0\7" + bytes((opcode << 3, 0)) + counts + QUESTION, transport)
                assert answer is not None
                assert RCODES[scan(answer).rcode] == "NOTIMP"
        assert server.serve(b"\0\7\x80\0\0\1\0\0\0\0\0\0" + QUESTION, transport) == b""
        assert server.reached == []

    asyncio.run(serve())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_counts_are_looked_at_before_anything_is_read(transport: str) -> None:
    """CVE-2026-82399: section counts were believed."""

    async def serve() -> None:
        server = Server()
        begun = time.process_time()
        for counts in (b"\xff\xff" * 4, b"\0\1\xff\xff\xff\xff\xff\xff", b"\0\1\0\0\0\0\xff\xff"):
            answer = server.serve(b"\0\7\1\0" + counts + QUESTION + bytes(60_000), transport)
            assert answer is not None
            assert len(answer) == 12
        assert time.process_time() - begun < 0.5
        assert server.reached == []

    asyncio.run(serve())


def test_an_answer_that_unfolds_into_megabytes_is_not_taken() -> None:
    """CVE-2026-82399, seen from the side of an upstream."""
    long = from_text(".".join(("a" * 63, "b" * 63, "c" * 63, "d" * 61)))
    question = long + b"\0\2\0\1"
    bomb = (b"\xc0\x0c" + NS.to_bytes(2, "big") + b"\0\1\0\0\0\x3c\0\2\xc0\x0c") * 4600
    octets = b"\0\7\x80\0\0\1" + (4600).to_bytes(2, "big") + bytes(4) + question + bomb
    begun = time.process_time()
    assert read_answer(octets, Request(b"\1\0\0\1\0\0\0\0\0\0" + question, question)) is None
    assert time.process_time() - begun < 1


def test_a_flood_of_questions_stays_within_the_budget() -> None:
    async def serve() -> None:
        budget = 2_000_000
        server = Server(budget, Replay(1e9, tags=("data",), counts=(_uncounted,)))
        server.serve(b"\0\7\1\0\0\1\0\0\0\0\0\0" + QUESTION)
        gc.collect()
        tracemalloc.start()
        try:
            for number in range(8_000):
                name = from_text(f"{number}.example.org")
                server.serve(b"\0\7\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1")
            server.reached.clear()
            gc.collect()
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(server.store) > 1000
        assert server.stores.budget.used <= budget
        assert taken < budget * 1.2

    asyncio.run(serve())


@given(queries(), st.integers(0, 10_000), st.integers(0, 7))
def test_a_query_that_differs_in_one_bit_is_never_given_a_replay(packet: bytes, at: int, bit: int) -> None:
    store = Stores(1 << 20).make()
    store.add(packet, [(packet, ())], Replay(1e9), 0.0)
    at = 2 + at % (len(packet) - 2)
    other = packet[:at] + bytes((packet[at] ^ 1 << bit,)) + packet[at + 1 :]
    assert store.replay(other, 0.0) is None
    assert store.replay(packet[:-1], 0.0) is None
    assert store.replay(packet + b"\0", 0.0) is None
    assert store.replay(packet, 0.0) == packet


def test_no_refusal_is_longer_than_the_query() -> None:
    """Nobody can have a victim flooded with more than was sent here."""

    async def serve() -> None:
        server = Server()
        for packet in (
            b"\0\7\1\0\0\2\0\0\0\0\0\0" + QUESTION * 2,
            b"\0\7\x29\0\0\1\0\0\0\0\0\0" + QUESTION,
            b"\0\7\1\0\0\1\0\0\0\0\0\1" + QUESTION + write_opt(4096, options=b"\0\3\0\x09"),
            b"\0\7\1\0\0\1\0\0\0\0\0\1" + QUESTION + write_opt(4096, version=1),
            b"\0\7\1\0\0\1\0\0\0\0\0\0" + QUESTION[:-2] + (IN + 2).to_bytes(2, "big"),
        ):
            answer = server.serve(packet)
            assert answer is not None
            assert len(answer) <= len(packet)
        assert server.reached == []

    asyncio.run(serve())


@given(any_names)
def test_no_name_can_write_lines_of_its_own_into_a_log(name: bytes) -> None:
    text = to_text(name)
    assert text.isprintable()
    assert not set(text) & {" ", "\n", "\r", "\t", "\x1b"}
    assert len(text) <= 4 * 255


def _uncounted(times: int) -> None:
    """Nobody wants to know."""
