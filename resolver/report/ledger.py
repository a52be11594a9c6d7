"""What is remembered of all lines: records by name, namespace, client, rule, and pair of client and parent domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from resolver.report.baseline import Baseline
from resolver.report.counting import Bounded, Distinct, digest
from resolver.report.labels import Shape, is_hashed, parent_of, shape_of
from resolver.report.lines import Line

NAMES, CLIENTS, DENIALS, PAIRS, NAMESPACES, SMALL = 250_000, 50_000, 50_000, 5_000, 10_000, 1_000
FLOOD = 5_000  # so many names of one client below one parent are remembered as one
_TEXT = 200  # characters of an Extended DNS Error


class Cell:
    """Lines that say the same: how many queries, when (RFC 3339), how many octets of answers."""

    __slots__ = ("first", "largest", "last", "octets", "queries")

    def __init__(self, time: str) -> None:
        self.first = self.last = time
        self.queries = self.octets = self.largest = 0


@dataclass(slots=True)
class Seen:
    """Something counted, with the first and the last time."""

    queries: int = 0
    first: str = ""
    last: str = ""

    def count(self, cell: Cell) -> None:
        """Count a cell."""
        self.queries += cell.queries
        if not self.first or cell.first < self.first:
            self.first = cell.first
        if cell.last > self.last:
            self.last = cell.last


@dataclass(slots=True)
class Name(Seen):
    """A name of a namespace: how it went, and how many AAAA were in vain."""

    found: int = 0
    nxdomain: int = 0
    failed: int = 0
    denied: int = 0
    would_deny: int = 0
    aaaa: int = 0
    empty_aaaa: int = 0

    def include(self, other: Name) -> None:
        """Add another name's figures to these."""
        self.first = min(self.first or other.first, other.first)
        self.last = max(self.last, other.last)
        self.queries += other.queries
        self.found += other.found
        self.nxdomain += other.nxdomain
        self.failed += other.failed
        self.denied += other.denied
        self.would_deny += other.would_deny
        self.aaaa += other.aaaa
        self.empty_aaaa += other.empty_aaaa


@dataclass(slots=True)
class Group(Name):
    """The same for a namespace or a client, with its different names."""

    names: Distinct = field(default_factory=Distinct)

    def different(self) -> int:
        """How many different names; an estimate is never more than was asked."""
        return min(len(self.names), self.queries)


@dataclass(slots=True)
class Count:
    """A number of queries."""

    queries: int = 0


@dataclass(slots=True)
class Pair(Seen):
    """What one client asks for below one parent domain."""

    names: Distinct = field(default_factory=Distinct)
    shapes: int = 0  # names whose labels were looked at
    bits: float = 0.0  # of their first labels, summed
    longest: int = 0
    long: int = 0
    opaque: int = 0
    data_types: int = 0  # queries of types that carry data: TXT, NULL
    octets: int = 0
    largest: int = 0
    nxdomain: int = 0
    example: str = ""


class Ledger:
    """Takes cells; ``baseline`` tells which names are new."""

    def __init__(self, baseline: Baseline | None = None) -> None:
        self.baseline = baseline
        self.total = Group(names=Distinct(8192))
        self.names: Bounded[tuple[str, str], Name] = Bounded(NAMES, Name)
        self.namespaces: Bounded[str, Group] = Bounded(NAMESPACES, Group)
        self.clients: Bounded[tuple[str, str], Group] = Bounded(CLIENTS, Group)
        self.denials: Bounded[tuple[str, str, str, str], Seen] = Bounded(DENIALS, Seen)
        self.pairs: Bounded[tuple[str, str, str], Pair] = Bounded(PAIRS, Pair)
        self.rebinding: Bounded[tuple[str, str, str], Seen] = Bounded(DENIALS, Seen)
        self.errors: Bounded[tuple[str, str, str], Count] = Bounded(SMALL, Count)
        self.by: dict[str, Bounded[str, Count]] = {
            kind: Bounded(SMALL, Count) for kind in ("type", "rcode", "cache", "transport")
        }
        self.hashed = self.dropped = self.floods = self.whose = 0

    def add(self, key: tuple[Any, ...], cell: Cell) -> None:
        """Count a cell; the key is what the collector tells cells apart by."""
        name, rtype, rcode, client, namespace, pod, owner, decision, rule, cache, transport, has_answer, dropped = key
        if not name:
            name = "."
        queries = cell.queries
        number = digest(name)
        who = owner or pod or client
        if is_hashed(name):
            self.hashed += queries
        elif not (decision == "deny" and rcode == "REFUSED"):
            name = self._below(name, number, namespace, who, rtype, rcode, cell)
        for record in (
            self.total,
            self.namespaces[namespace],
            self.clients[namespace, who],
            self.names[namespace, name],
        ):
            record.count(cell)
            _went(record, queries, rtype, rcode, decision, has_answer)
            if isinstance(record, Group):
                record.names.add(number)
        if decision in ("deny", "audit-only"):
            self.denials[decision, rule, namespace, name].count(cell)
        if "rebind" in rule:
            self.rebinding[namespace, name, rule if decision == "deny" else f"{rule}, {decision}"].count(cell)
        if dropped:
            self.dropped += queries
        for kind, value in (("type", rtype), ("rcode", rcode), ("cache", cache), ("transport", transport)):
            self.by[kind][value].queries += queries

    def limited(self, line: Line, time: str) -> None:
        """Count queries that a limit met; those that were answered all the same have lines of their own."""
        cell, who = Cell(time), line.owner or line.pod or line.client
        cell.queries = line.limited
        decision = "audit-only" if line.decision == "audit-only" else "deny"
        records = [self.total, self.namespaces[line.namespace]]
        if who:
            records.append(self.clients[line.namespace, who])
        else:
            self.whose += line.limited
        for record in records:
            if decision == "deny":
                record.count(cell)
                record.denied += line.limited
            else:
                record.would_deny += line.limited
        self.denials[decision, line.rule, line.namespace, ""].count(cell)

    def extended_error(self, line: Line, error: dict[str, Any]) -> None:
        """Count an Extended DNS Error (RFC 8914)."""
        text = str(error.get("text", ""))[:_TEXT]
        self.errors[line.rcode[:32], str(error.get("code", ""))[:8], text].queries += line.sampled
        if "rebind" in text and "rebind" not in line.rule and len(line.time) == 27:
            cell = Cell(line.time)
            cell.queries = line.sampled
            self.rebinding[line.namespace[:253], line.name[:1024], text].count(cell)

    def _below(self, name: str, number: int, namespace: str, who: str, rtype: str, rcode: str, cell: Cell) -> str:
        """Count what a client asks for below a parent domain; the name as it is to be remembered."""
        parent = parent_of(name)
        if not parent:
            return name
        pair = self.pairs[namespace, who, parent]
        pair.count(cell)
        pair.names.add(number)
        shape = shape_of(name, parent)
        _shaped(pair, shape, name)
        pair.octets += cell.octets
        pair.largest = max(pair.largest, cell.largest)
        if rtype in ("TXT", "NULL"):
            pair.data_types += cell.queries
        if rcode == "NXDOMAIN":
            pair.nxdomain += cell.queries
        if pair.queries >= FLOOD and len(pair.names) > FLOOD:
            self.floods += 1
            return f"*.{parent}"
        return name


def _went(record: Name, queries: int, rtype: str, rcode: str, decision: str, has_answer: bool) -> None:
    """How the queries of a cell went, for one record."""
    if decision == "audit-only":
        record.would_deny += queries
    if decision == "deny":
        record.denied += queries
        return
    if rcode == "NXDOMAIN":
        record.nxdomain += queries
    elif rcode not in ("NOERROR", ""):
        record.failed += queries
    elif has_answer:
        record.found += queries
    if rtype == "AAAA":
        record.aaaa += queries
        if rcode == "NOERROR" and not has_answer:
            record.empty_aaaa += queries


def _shaped(pair: Pair, shape: Shape, name: str) -> None:
    pair.shapes += 1
    pair.bits += shape.bits
    pair.long += shape.is_long
    pair.opaque += shape.is_opaque
    if shape.longest > pair.longest:
        pair.longest, pair.example = shape.longest, name
