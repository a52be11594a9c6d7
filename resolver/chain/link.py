"""Linking plugins into a chain, once, when the server starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.wire.constants import REFUSED, SERVFAIL


def link(plugins: Iterable[Plugin], around: Callable[[str, Handler], Handler] = lambda name, step: step) -> Handler:
    """The head of a chain of plugins in the given order; ``around`` may put something around each, by its name.

    A block without plugins refuses (it serves nothing); a query that every plugin passes on has failed.
    """
    plugins = list(plugins)
    if not plugins:
        return refuse
    handler: Handler = partial(_nobody, plugins[-1].name)
    for plugin in reversed(plugins):
        step = partial(plugin.resolve, next=handler)
        handler = around(plugin.name, step if plugin.transparent else partial(_opaque, step))
    return handler


async def _opaque(step: Handler, query: Query) -> Reply:
    reply = await step(query)
    return reply if reply.replay is None else reply.withheld()


async def _nobody(last: str, query: Query) -> Reply:
    return failure(query, "", SERVFAIL, error=f"plugin/{last}: no next plugin found")


async def refuse(query: Query) -> Reply:
    """The chain of a block without plugins: it serves nothing."""
    return failure(query, "", REFUSED)
