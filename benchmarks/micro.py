"""What the pieces of a query cost: ``python -m benchmarks.micro`` prints nanoseconds for each.

For comparing two versions of the code on one machine; the best of several runs is shown.
"""

from __future__ import annotations

import argparse
import sys
import timeit
from collections.abc import Callable, Mapping, Sequence

from benchmarks.names import question
from benchmarks.report import number, table
from benchmarks.responder import answer
from resolver.chain.finish import finish
from resolver.chain.query import Query, parse
from resolver.chain.reply import Replay, Reply, from_message
from resolver.replay.store import Store, Stores
from resolver.wire.constants import A
from resolver.wire.header import accept
from resolver.wire.message import read_question, scan
from resolver.wire.names import from_text, to_text
from resolver.wire.records import encode, record
from resolver.wire.ttl import aged

_BUDGET = 64 << 20
_NEVER = 1e9

Piece = Callable[[], object]


def pieces() -> dict[str, Piece]:
    """Each piece of the way of a query, ready to be called again and again."""
    packet = question("www.bench.test", 7)
    message = answer(packet) or b""
    query = parse(packet, ("127.0.0.1", 1), ("127.0.0.1", 53), "udp", 0.0)
    reply = from_message(query, scan(message), "forward")
    return {**_wire(packet, message), **_reply(packet, message, query, reply), **_replay(packet, message)}


def _wire(packet: bytes, message: bytes) -> dict[str, Piece]:
    name = from_text("www.bench.test")
    records = [record(name, A, 30, bytes((192, 0, 2, last))) for last in range(4)]
    body = encode(name, records)
    return {
        "accept the header of a query": lambda: accept(packet),
        "read its question": lambda: read_question(packet),
        "scan an answer of one record": lambda: scan(message),
        "name from text": lambda: from_text("www.bench.test"),
        "name to text": lambda: to_text(name),
        "encode four A records": lambda: encode(name, records),
        "age their TTLs": lambda: aged(body.data, body.ttls, 1),
    }


def _reply(packet: bytes, message: bytes, query: Query, reply: Reply) -> dict[str, Piece]:
    return {
        "parse a query": lambda: parse(packet, ("127.0.0.1", 1), ("127.0.0.1", 53), "udp", 0.0),
        "reply out of an upstream's answer": lambda: from_message(query, scan(message), "forward"),
        "finish a reply": lambda: finish(query, reply),
    }


def _replay(packet: bytes, message: bytes) -> dict[str, Piece]:
    offsets = (len(packet) + 6,)
    steady, filling = _store(packet, message, offsets), Stores(_BUDGET).make()
    late = iter(range(1, 1 << 60))
    return {
        "replay a repeat": lambda: steady.replay(packet, 0.5),
        "miss in the replay store": lambda: filling.replay(packet, 0.5),
        "replay a repeat in a new second": lambda: steady.replay(packet, float(next(late))),
        "keep an answer": lambda: filling.add(packet, [(message, offsets)], Replay(_NEVER, 0.0), 0.0),
    }


def _store(packet: bytes, message: bytes, offsets: tuple[int, ...]) -> Store:
    made = Stores(_BUDGET).make()
    made.add(packet, [(message, offsets)], Replay(_NEVER, 0.0), 0.0)
    return made


def measure(chosen: Mapping[str, Piece], seconds: float) -> dict[str, float]:
    """Nanoseconds of one call of each piece: the best of five runs that take ``seconds`` together."""
    return {title: _best(piece, seconds) for title, piece in chosen.items()}


def _best(piece: Piece, seconds: float) -> float:
    timer = timeit.Timer(piece)
    once = max(timer.timeit(100) / 100, 1e-8)
    calls = max(1, int(seconds / 5 / once))
    return min(timer.repeat(5, calls)) / calls * 1e9


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="time for each piece")
    parser.add_argument("--only", default="", metavar="WORD", help="pieces with this word in their title")
    options = parser.parse_args(words)
    chosen = {title: piece for title, piece in pieces().items() if options.only in title}
    lines = [(title, number(cost, 0)) for title, cost in measure(chosen, options.seconds).items()]
    print(table(("piece", "ns"), lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
