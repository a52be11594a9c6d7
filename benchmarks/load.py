"""A load generator in Python, for machines without dnsperf and for counting lost queries.

``python -m benchmarks.load --port 1053 --names FILE`` prints the counts, the rate and the percentiles.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from array import array
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clients import BATCH, Client, StreamClient, datagram_client
from benchmarks.names import question
from benchmarks.outcome import Load, LoadError, Outcome, percentile

_IDENTITIES = tuple(number.to_bytes(2, "big") for number in range(65536))
_MOST_OUTSTANDING = 32768


class Ledger:
    """Which queries are under way, and what became of the others. ``now`` is in seconds, handed in."""

    def __init__(self, bodies: Sequence[bytes], timeout: float, once: bool) -> None:
        """``bodies`` are queries in wire form without their two octets of identity."""
        self._bodies = bodies
        self._timeout = timeout
        self._once = once
        self._identities = deque(_IDENTITIES)
        self._pending: dict[bytes, tuple[float, bytes]] = {}
        self._latencies = array("d")
        self.sent = 0
        self.failed = 0
        self.strange = 0

    @property
    def outstanding(self) -> int:
        return len(self._pending)

    @property
    def exhausted(self) -> bool:
        return self._once and self.sent >= len(self._bodies)

    def take(self, count: int, now: float) -> list[bytes]:
        """Up to ``count`` queries to send now."""
        if self._once:
            count = min(count, len(self._bodies) - self.sent)
        return [self._take_one(now) for _ in range(count)]

    def _take_one(self, now: float) -> bytes:
        body = self._bodies[self.sent % len(self._bodies)]
        identity = self._identities.popleft()
        self._pending[identity] = (now, body)
        self.sent += 1
        return identity + body

    def settle(self, answer: bytes, now: float) -> None:
        """Count ``answer`` if it is one to a query under way: same identity, same question, the QR bit set."""
        waiting = self._pending.get(answer[:2])
        if waiting is None or not _matches(answer, waiting[1]):
            self.strange += 1
            return
        identity = answer[:2]
        del self._pending[identity]
        self._identities.append(identity)
        self._latencies.append(now - waiting[0])
        self.failed += answer[3] & 15 != 0

    def expire(self, now: float) -> None:
        """Give up the queries that have waited for too long; they count as lost."""
        limit = now - self._timeout
        while self._pending:
            identity = next(iter(self._pending))
            if self._pending[identity][0] > limit:
                return
            del self._pending[identity]
            self._identities.append(identity)

    def outcome(self, seconds: float) -> Outcome:
        ordered = sorted(latency * 1e6 for latency in self._latencies)
        p50, p99 = percentile(ordered, 0.50), percentile(ordered, 0.99)
        return Outcome(self.sent, len(ordered), self.failed, seconds, p50, p99)


def _matches(answer: bytes, body: bytes) -> bool:
    return len(answer) >= len(body) + 2 and answer[2] & 0x80 != 0 and answer[12 : len(body) + 2] == body[10:]


class PythonGenerator:
    """The generator as the suite uses it; one thread, in the caller's process."""

    name = "benchmarks.load"
    encrypts = False

    def run(self, load: Load) -> Outcome:
        try:
            bodies = read_bodies(load.names)
            return drive(load, [with_dnssec(body) for body in bodies] if load.dnssec else bodies)
        except OSError as error:
            raise LoadError(str(error)) from error


def read_bodies(path: Path) -> list[bytes]:
    """The questions of a file of "NAME A" lines. Raises LoadError for a file without any, or with another type."""
    bodies = []
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) != 2 or words[1].upper() != "A":
            raise LoadError(f"{path}: {line!r} is not of the form NAME A")
        bodies.append(question(words[0].rstrip("."))[2:])
    if not bodies:
        raise LoadError(f"{path} holds no questions")
    return bodies


def with_dnssec(body: bytes) -> bytes:
    """The question with EDNS for 1232 octets and DO (RFC 6891 section 6.1.3)."""
    return body[:9] + b"\1" + body[10:] + b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"


def drive(load: Load, bodies: Sequence[bytes]) -> Outcome:
    """Send, receive, count, until the time or the file is over and the last answers are in or given up."""
    ledger = Ledger(bodies, load.timeout, load.once)
    clients = _open(load)
    began = time.monotonic()
    try:
        _loop(load, ledger, clients, began)
    finally:
        for client in clients:
            client.close()
    return ledger.outcome(time.monotonic() - began)


def _open(load: Load) -> list[Client]:
    make = StreamClient if load.tcp else datagram_client
    return [make(load.port) for _ in range(max(1, load.clients))]


def _loop(load: Load, ledger: Ledger, clients: Sequence[Client], began: float) -> None:
    window = min(load.window, _MOST_OUTSTANDING)
    turn = 0
    while True:
        now = time.monotonic()
        over = now - began >= load.seconds or ledger.exhausted
        if over and not ledger.outstanding:
            return
        if not over:
            turn += 1
            _send(clients[turn % len(clients)], ledger, _allowance(load, ledger, window, now - began), now)
        if not _receive(clients, ledger):
            select.select(clients, [], [], 0.001)
            ledger.expire(time.monotonic())


def _allowance(load: Load, ledger: Ledger, window: int, elapsed: float) -> int:
    room = min(BATCH, window - ledger.outstanding)
    return min(room, int(elapsed * load.rate) - ledger.sent) if load.rate else room


def _send(client: Client, ledger: Ledger, count: int, now: float) -> None:
    if count > 0:
        client.send(ledger.take(count, now))


def _receive(clients: Sequence[Client], ledger: Ledger) -> int:
    """How many answers came in."""
    total = 0
    for client in clients:
        answers = client.receive()
        now = time.monotonic()
        for answer in answers:
            ledger.settle(answer, now)
        total += len(answers)
    return total


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of 127.0.0.1 to ask")
    parser.add_argument("--names", type=Path, required=True, help='file of "NAME A" lines')
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=int, help="queries per second; as fast as the window allows without it")
    parser.add_argument("--window", type=int, default=100, help="most queries under way at once")
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--once", action="store_true", help="read the file once only")
    chosen = parser.parse_args(words)
    try:
        outcome = PythonGenerator().run(Load(**vars(chosen)))
    except LoadError as error:
        print(f"benchmarks.load: {error}", file=sys.stderr)
        return 1
    print(_line(outcome))
    return 0


def _line(outcome: Outcome) -> str:
    latencies = f"p50 {outcome.p50 or 0:.0f} us, p99 {outcome.p99 or 0:.0f} us"
    return (
        f"queries {outcome.sent} answered {outcome.answered} lost {outcome.lost} failed {outcome.failed} "
        f"seconds {outcome.seconds:.2f} q/s {outcome.per_second:.0f} ({latencies})"
    )


if __name__ == "__main__":
    sys.exit(main())
