"""Plugins in a row."""

from __future__ import annotations

import asyncio

from resolver.chain.link import link
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from resolver.wire.constants import REFUSED, SERVFAIL, A
from resolver.wire.names import from_text

QUERY = Query(from_text("www.example.org"), A)
LEAVE = Replay(9.0)


class Seeing(Plugin):
    """Passes on, and cannot do without seeing every query."""

    name = "seeing"

    async def resolve(self, query: Query, next: Handler) -> Reply:
        reply = await next(query)
        reply.source += "<" + type(self).__name__
        return reply


class Through(Seeing):
    transparent = True


class Answering(Plugin):
    name = "answering"
    transparent = True

    async def resolve(self, query: Query, next: Handler) -> Reply:
        return Reply(query.question, source="answer", replay=LEAVE)


def run(*plugins: Plugin) -> Reply:
    return asyncio.run(link(plugins)(QUERY))


def test_a_block_without_plugins_refuses() -> None:
    assert run().rcode == REFUSED


def test_a_query_that_everybody_passes_on_has_failed_with_the_last_one_named() -> None:
    reply = run(Through(), Seeing())
    assert (reply.rcode, reply.error) == (SERVFAIL, "plugin/seeing: no next plugin found")


def test_plugins_see_a_query_in_their_order() -> None:
    assert run(Seeing(), Through(), Answering()).source == "answer<Through<Seeing"


def test_leave_to_replay_passes_plugins_that_let_it() -> None:
    assert run(Through(), Answering(), Seeing()).replay is LEAVE


def test_a_plugin_that_must_see_every_query_takes_the_leave_away() -> None:
    reply = run(Through(), Seeing(), Answering())
    assert reply.replay is None
    assert reply.source == "answer<Seeing<Through"
