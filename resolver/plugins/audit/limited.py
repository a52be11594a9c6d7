"""What limits turn away while answers are replayed: a line for each client and second that says how many queries."""

from __future__ import annotations

import asyncio
from typing import Final

from resolver.chain.query import Site
from resolver.errors import WireError
from resolver.plugins.audit.clients import Clients
from resolver.plugins.audit.filters import Filters
from resolver.plugins.audit.journal import Journal
from resolver.plugins.audit.shape import Shape
from resolver.wire.constants import HEADER_SIZE
from resolver.wire.names import read_name

APART: Final = 1000  # clients that are told apart in a second: a flood of queries bears as many addresses as it likes
SPAN: Final = 1.0  # seconds that a line is about
_CLASS: Final = "error"

Key = tuple[Site, str, str, str]


class Limited:
    """Counts by client, site, rule and decision; what is beyond ``APART`` of these is counted without its client."""

    def __init__(self, journal: Journal, clients: Clients, shape: Shape, filters: Filters) -> None:
        self._journal = journal
        self._clients = clients
        self._shape = shape
        self._filters = filters
        self._counts: dict[Key, int] = {}
        self._others: dict[Key, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Write what was counted."""
        self._loop = None
        self._write()

    def count(self, site: Site, client: str, packet: bytes, rule: str, decision: str) -> None:
        """Note one query, where its line is wanted."""
        filters = self._filters
        if not filters.takes_answer(_CLASS, decision):
            return
        if not filters.takes_all_questions and not self._takes(packet):
            return
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(SPAN, self._write)
        key = site, client, rule, decision
        counts = self._counts
        if key not in counts and len(counts) >= APART:
            counts, key = self._others, (site, "", rule, decision)
        counts[key] = counts.get(key, 0) + 1

    def _takes(self, packet: bytes) -> bool:
        try:
            name, end = read_name(packet, HEADER_SIZE)
        except WireError:
            return False
        return self._filters.takes_question(name.lower(), int.from_bytes(packet[end : end + 2], "big"))

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for (site, client, rule, decision), queries in (*self._counts.items(), *self._others.items()):
            who = self._clients.alone(client) if client else ""
            if who is not None:
                members = self._shape.members({**site._asdict(), "decision": decision, "rule": rule})
                self._journal.put(f'{self._journal.begin()}{who}{members},"limited":{queries}}}\n')
        self._counts.clear()
        self._others.clear()
