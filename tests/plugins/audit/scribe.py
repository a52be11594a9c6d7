"""What tests of audit share: a part that writes to a file, questions through it, and what stands in the file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.chain.setup import Block
from resolver.plugins.audit import Audit
from tests.plugins.chains import World

Line = dict[str, Any]


def read(path: Path) -> list[Line]:
    """The lines of a file; each is an object of its own."""
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()] if path.exists() else []


class Scribe:
    """A server block whose audit lines go to ``path``."""

    def __init__(self, folder: Path, options: str = "", others: str = "", zones: str = "") -> None:
        self.world = World()
        self.path = folder / "audit.json"
        text = f". {{\n audit {zones} {{\n file {self.path}\n {options}\n }}\n {others}\n whoami\n}}\n"
        self.block: Block = self.world.build(text)
        self.part = next(part for part in self.block.parts if isinstance(part, Audit))

    async def ask(self, query: Query, handler: Handler | None = None) -> Reply:
        """The reply of the whole block, or of the part with a handler behind it."""
        return await (self.block.resolve(query) if handler is None else self.part.resolve(query, handler))

    async def written(self) -> list[Line]:
        """End the part; all lines that it wrote."""
        await self.part.stop()
        return read(self.path)


@asynccontextmanager
async def scribe(folder: Path, options: str = "", others: str = "", zones: str = "") -> AsyncIterator[Scribe]:
    """A scribe at work."""
    found = Scribe(folder, options, others, zones)
    for part in found.block.parts:
        await part.start()
    try:
        yield found
    finally:
        for part in found.block.parts:
            await part.stop()


def replay(reply: Reply, client: tuple[str, int] = ("10.0.0.9", 999), transport: str = "udp") -> None:
    """Tell the observers of a reply that it was replayed."""
    assert reply.replay is not None
    for observe in reply.replay.observers:
        observe(b"", client, ("127.0.0.1", 53), transport, b"")
