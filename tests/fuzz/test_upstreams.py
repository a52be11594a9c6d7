"""Whatever upstreams answer, plugins cope with it, and clients get a message that can be read."""

from __future__ import annotations

import asyncio

from hypothesis import given

from resolver.chain.link import link
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_message
from resolver.errors import WireError
from resolver.replay.store import Stores
from resolver.runtime.dispatch import Dispatcher
from resolver.runtime.routing import Route, Router
from resolver.upstream.exchange import Request, read_answer
from resolver.wire.constants import RCODE_MASK, TC
from resolver.wire.message import Message, read_question, scan
from tests.plugins.chains import World
from tests.wire.strategies import damaged, messages

COREFILE = """. {
    errors
    log . {
        class denial error
    }
    prometheus
    cache 30 {
        serve_stale 1h
    }
    loadbalance
}
"""
CLIENT, LOCAL = ("192.0.2.1", 4242), ("192.0.2.53", 53)


class Upstream(Plugin):
    """Answers with what hypothesis made up, where the checks of an exchange let it pass."""

    name = "upstream"
    transparent = True

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.accepted = 0

    async def resolve(self, query: Query, next: Handler) -> Reply:
        message = read_answer(self.octets, Request(query.wire(0)[2:], query.question))
        if message is None:
            return failure(query, self.name)
        self.accepted += 1
        return from_message(query, message, self.name)


def served(octets: bytes) -> tuple[list[Message], int]:
    """Ask for what the answer is about, again and again over some seconds, replays included.

    Gives what the client got, and how often the upstream's answer was taken.
    """
    now = 0.0
    world = World(clock=lambda: now)
    block = world.build(COREFILE)
    plugins = [part for part in block.parts if isinstance(part, Plugin)]
    upstream = Upstream(octets)
    router = Router()
    router.add(Route(b"\0", block.sites[0], link([*plugins, upstream])))
    stores = Stores(100_000)
    store = stores.make()
    dispatcher = Dispatcher(router, "dns://:53", world.host, stores)
    query = b"\0\7\1\0\0\1\0\0\0\0\0\0" + octets[12 : read_question(octets)[3]]
    found = []
    for seconds in (0.0, 0.5, 5.0, 31.0):
        now += seconds
        answer = store.replay(query, now)
        if answer is None:
            answer = dispatcher.serve(query, CLIENT, LOCAL, "udp", lambda late: None, store)
        assert answer is not None
        assert len(answer) <= 512
        found.append(scan(answer))
        assert found[-1].question == query[12:]
    assert not [line for line in world.lines if "recovered from" in line]
    return found, upstream.accepted


@given(damaged())
def test_no_broken_answer_breaks_a_plugin(octets: bytes) -> None:
    async def ask() -> None:
        try:
            read_question(octets)
        except WireError:
            return
        served(octets)

    asyncio.run(ask())


@given(messages())
def test_a_good_answer_reaches_the_client(octets: bytes) -> None:
    async def ask() -> None:
        (first, *_), accepted = served(octets)
        assert accepted
        sent = scan(octets)
        assert first.rcode == sent.rcode & RCODE_MASK
        if not first.flags & TC:
            for there, here in zip(sent.sections()[:2], first.sections()[:2], strict=True):
                assert sorted(one[:3] for one in there) == sorted(one[:3] for one in here)

    asyncio.run(ask())
