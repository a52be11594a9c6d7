"""A line for each replay of an answer, at the cost of filling in who asked and when."""

from __future__ import annotations

from collections.abc import Callable

from resolver.chain.reply import Observer
from resolver.plugins.audit.clients import Clients
from resolver.plugins.audit.journal import MOST, Journal

Due = Callable[[], bool]


def observer(journal: Journal, clients: Clients, members: str, due: Due | None) -> Observer:
    """Who writes down the replays of an answer; ``members`` is what is the same for all of them.

    ``due`` tells whether it is the turn of a line, where not all are written.
    """
    if due is None and clients.shows_all:
        return _usual(journal, clients, members)

    def observe(packet: bytes, address: tuple[str, int], local: tuple[str, int], transport: str, octets: bytes) -> None:
        host, port = address
        client = clients.client(host)
        if client.wanted and (due is None or due()):
            journal.put(f"{journal.begin()}{clients.members(client, port, transport)}{members}}}\n")

    return observe


def _usual(journal: Journal, clients: Clients, members: str) -> Observer:
    """The same in one piece, for lines that say who asked from which port and how."""
    known, find, clock = clients.known, clients.client, journal.clock
    waiting, wake, flush, turn = journal.waiting, journal.wake, journal.flush, journal.turn
    put = waiting.append
    ending = f'"{members}}}\n'

    def observe(packet: bytes, address: tuple[str, int], local: tuple[str, int], transport: str, octets: bytes) -> None:
        host, port = address
        wanted, before, after = known.get(host) or find(host)
        if not wanted:
            return
        now = clock()
        part = now - journal.second
        if not 0.0 <= part < 1.0:
            turn(now)
            part = now - journal.second
        if not waiting:
            wake()
        put(f'{journal.head}{int(part * 1000000):06d}Z"{before}{port}{after}{transport}{ending}')
        if len(waiting) >= MOST:
            flush()

    return observe
