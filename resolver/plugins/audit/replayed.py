"""A line for each replay of an answer, at the cost of filling in who asked and when."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MethodType

from resolver.chain.reply import Observer
from resolver.plugins.audit.clients import Clients
from resolver.plugins.audit.journal import MOST, Journal

Due = Callable[[], bool]
Address = tuple[str, int]
Writer = Callable[[str, bytes, Address, Address, str, bytes], None]


class Replays:
    """Makes the observers of answers: each holds a text and no more, as there is one for every answer in memory."""

    def __init__(self, journal: Journal, clients: Clients) -> None:
        self._journal = journal
        self._clients = clients
        self._usual = _usual(journal, clients)

    def observer(self, members: str, due: Due | None) -> Observer:
        """Who writes down the replays of an answer; ``members`` is what is the same for all of them.

        ``due`` tells whether it is the turn of a line, where not all are written.
        """
        if due is None and self._clients.shows_all:
            return MethodType(self._usual, f'"{members}}}\n')  # smaller than a partial, and sooner called
        return partial(self._note, members, due)

    def _note(
        self, members: str, due: Due | None, packet: bytes, address: Address, local: Address, transport: str, _: bytes
    ) -> None:
        host, port = address
        client = self._clients.client(host)
        if client.wanted and (due is None or due()):
            who = self._clients.members(client, port, transport)
            self._journal.put(f"{self._journal.begin()}{who}{members}}}\n")


def _usual(journal: Journal, clients: Clients) -> Writer:
    """The same in one piece, for lines that say who asked from which port and how."""
    known, find = clients.known, clients.client
    waiting, wake, flush, turn = journal.waiting, journal.wake, journal.flush, journal.turn
    put = waiting.append

    def note(ending: str, packet: bytes, address: Address, local: Address, transport: str, octets: bytes) -> None:
        host, port = address
        wanted, before, after = known.get(host) or find(host)
        if not wanted:
            return
        now = journal.clock()
        if not journal.since <= now < journal.until:
            turn(now)
        if not waiting:
            wake()
        put(f"{journal.stamp}{before}{port}{after}{transport}{ending}")
        if len(waiting) >= MOST:
            flush()

    return note
