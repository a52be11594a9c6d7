"""Whatever clients send, the server goes on, and what it answers is a message for them."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.replay.store import Stores
from resolver.runtime.dispatch import Dispatcher
from resolver.runtime.routing import Route, Router
from resolver.wire.constants import FORMERR, NOTIMP, SERVFAIL
from resolver.wire.message import scan
from tests.plugins.chains import World
from tests.wire.strategies import any_octets, queries

COREFILE = """. {
    errors
    log . {
        class denial error
    }
    prometheus
    cache 30
    loadbalance
    hosts {
        192.0.2.1 www.example.org a.example.org
        192.0.2.2 www.example.org
        fallthrough
    }
    whoami
}
"""
CLIENT, LOCAL = ("192.0.2.1", 4242), ("192.0.2.53", 53)
transports = st.sampled_from(("udp", "tcp", "tls", "https", "quic"))
stories = st.lists(st.tuples(any_octets | queries(), transports), min_size=1, max_size=6)


class Server:
    """The way of a message through everything but the sockets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.world = World(clock=lambda: self.now)
        block = self.world.build(COREFILE)
        router = Router()
        assert block.resolve is not None
        router.add(Route(b"\0", block.sites[0], block.resolve))
        self.stores = Stores(100_000)
        self.store = {name: self.stores.make() for name in ("udp", "tcp", "tls", "https", "quic")}
        self.dispatcher = Dispatcher(router, "dns://:53", self.world.host, self.stores)

    def serve(self, packet: bytes, transport: str) -> bytes:
        """The answer; none of the plugins has to wait."""
        store = self.store[transport]
        answer = store.replay(packet, self.now)
        if answer is None:
            answer = self.dispatcher.serve(packet, CLIENT, LOCAL, transport, _unexpected, store)
        assert answer is not None
        return answer


def _unexpected(answer: bytes) -> None:
    raise AssertionError(f"nothing had to wait, and yet {answer!r} came later")


@given(stories)
def test_every_message_is_answered_or_dropped(story: list[tuple[bytes, str]]) -> None:
    async def serve_all() -> None:
        server = Server()
        for packet, transport in story * 2:
            check(packet, server.serve(packet, transport), transport)
            server.now += 0.7
        server.stores.fold()
        assert not any("recovered from" in line for line in server.world.lines)

    asyncio.run(serve_all())


def check(packet: bytes, answer: bytes, transport: str) -> None:
    """An answer is a response to its query, no longer than the client can take."""
    if len(packet) < 12 or packet[2] & 0x80:
        assert answer == b""
        return
    found = scan(answer)
    assert found.id == packet[0] << 8 | packet[1]
    assert found.flags & 0x8000
    assert (found.flags ^ packet[2] << 8) & 0x7900 == 0  # opcode and RD come back
    if packet[2] & 0x78:
        assert found.rcode == NOTIMP
    if not found.question:
        assert found.rcode in (FORMERR, NOTIMP)
        assert len(answer) <= 23
    else:
        assert packet.startswith(found.question, 12)
    if transport == "udp" and found.edns is None:
        assert len(answer) <= 512


@given(queries(), transports)
def test_a_well_formed_query_is_no_format_error(packet: bytes, transport: str) -> None:
    async def serve() -> None:
        server = Server()
        found = scan(server.serve(packet, transport))
        assert found.rcode not in (FORMERR, NOTIMP)
        assert found.question == scan(packet).question
        assert (found.edns is None) == (scan(packet).edns is None)

    asyncio.run(serve())


def test_a_plugin_that_raises_is_noticed_by_these_tests() -> None:
    async def serve() -> None:
        server = Server()
        query = b"\0\7\1\0\0\1\0\0\0\0\0\0\3www\4test\0\0\1\0\1"
        server.dispatcher.router = Router()
        server.dispatcher.router.add(Route(b"\0", server.world.build(COREFILE).sites[0], _raising))
        assert scan(server.serve(query, "udp")).rcode == SERVFAIL
        assert any("recovered from" in line for line in server.world.lines)

    asyncio.run(serve())


async def _raising(query: Query) -> Reply:
    raise ValueError("as plugins do")
