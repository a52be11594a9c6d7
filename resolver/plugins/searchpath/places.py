"""Which server block answers for a name that a client would ask for next."""

from __future__ import annotations

from enum import Enum

from resolver.chain.query import Query
from resolver.chain.setup import Block, Host
from resolver.wire.names import ROOT, is_below, suffixes, to_text


class Side(Enum):
    """Where a name is answered: in this server block, in another one of the server, or nowhere."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"


class Places:
    """The zones of all server blocks by listener, looked at when the first question needs it."""

    def __init__(self, block: Block, host: Host) -> None:
        self._block = block
        self._host = host
        self._tables: dict[str, dict[str, Side]] | None = None

    def side(self, query: Query, name: bytes) -> Side:
        """Where ``name`` (in lower case) is answered for whoever sent the query to this listener."""
        tables = self._tables or self._look()
        if tables is None:  # this block is only about to be put into service
            is_ours = any(zone == ROOT or is_below(name, zone) for zone in self._block.zones)
            return Side.HERE if is_ours else Side.ELSEWHERE
        table = tables.get(query.site.server)
        if table is None:
            return Side.NOWHERE
        found = (table.get(to_text(suffix)) for suffix in suffixes(name))
        return next(filter(None, found), Side.NOWHERE)

    def _look(self) -> dict[str, dict[str, Side]] | None:
        """The tables; those of blocks with a view may not take the name, which only the server can tell."""
        blocks = self._host.blocks()
        if not any(block is self._block for block in blocks):
            return None
        tables: dict[str, dict[str, Side]] = {}
        for block in blocks:
            side = Side.HERE if block is self._block else Side.ELSEWHERE
            for site in block.sites:
                table = tables.setdefault(site.server, {})
                table[site.zone] = side if table.get(site.zone, side) is side else Side.ELSEWHERE
        self._tables = tables
        return tables
