"""Asking the other parts of the block what they know of a query."""

from __future__ import annotations

from functools import cached_property

from resolver.chain.capabilities import Describing, offering
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.chain.setup import Block
from resolver.wire.names import suffixes


class Metadata(Plugin):
    """Gives queries in its zones a place for labels and has it filled; who uses labels decides about replay."""

    name = "metadata"
    transparent = True
    sees_notify = True

    def __init__(self, zones: frozenset[bytes], block: Block) -> None:
        self.zones = zones
        self._block = block

    @cached_property
    def _sources(self) -> list[Describing]:
        """Known once the block is built."""
        return list(offering(self._block.parts, Describing))

    async def resolve(self, query: Query, next: Handler) -> Reply:
        self.collect(query)
        return await next(query)

    def collect(self, query: Query) -> None:
        """Give the query its labels, where it is in the zones."""
        if any(suffix in self.zones for suffix in suffixes(query.name)):
            labels = query.metadata = {} if query.metadata is None else query.metadata
            for source in self._sources:
                source.describe(query, labels)
