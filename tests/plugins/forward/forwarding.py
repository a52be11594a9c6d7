"""What tests of forward share: a started plugin, and what a client would see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.plugins.forward.handler import Forward
from resolver.wire.constants import OPTION_EDE
from resolver.wire.edns import options
from tests.plugins.chains import World, nobody, question


@asynccontextmanager
async def forwarding(lines: str, world: World | None = None, root: Path = Path()) -> AsyncIterator[Forward]:
    """The plugin of a block with these lines, at work."""
    world = world or World()
    forward: Forward = world.part(". {\n" + lines + "\n}\n", root)
    try:
        await forward.start()
        yield forward
    finally:
        await forward.stop()


async def ask(forward: Forward, name: str = "www.example.org", qtype: str = "A", transport: str = "udp") -> Reply:
    """A reply to a client."""
    return await forward.resolve(question(name, qtype, transport=transport), nobody)


async def ask_with(forward: Forward, query: Query) -> Reply:
    """A reply to a client with a query of its own making."""
    return await forward.resolve(query, nobody)


def addresses(reply: Reply) -> list[str]:
    """The addresses in the answer section."""
    return [".".join(map(str, record.rdata)) for record in reply.sections.answer if record.type == 1]


def extended_errors(reply: Reply) -> list[int]:
    """The codes of the extended errors."""
    return [int.from_bytes(payload[:2], "big") for code, payload in options(reply.options) if code == OPTION_EDE]
