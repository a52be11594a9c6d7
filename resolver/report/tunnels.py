"""Signs that somebody carries data in names: each with why, none of them a proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resolver.report.ledger import Ledger, Pair

MANY_NAMES = 100
_FEW = 20  # queries or names below which a share means nothing
_LARGE = 400  # octets of an answer, on average
_ENOUGH = 2  # points

# How much each sign says: many names that never repeat are there for content networks and telemetry, too.


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A client and the parent domain that it may speak with; ``points`` tell the worst from the doubtful."""

    namespace: str
    client: str
    parent: str
    queries: int
    names: int
    points: int
    why: tuple[str, ...]
    example: str
    first: str
    last: str


def tunnels(ledger: Ledger) -> list[Tunnel]:
    """All that have enough signs, the worst first."""
    found = []
    for (namespace, client, parent), pair in ledger.pairs.items():
        signs = list(_signs(pair))
        points = sum(weight for weight, _ in signs)
        if points >= _ENOUGH:
            why = tuple(text for _, text in signs)
            found.append(
                Tunnel(
                    namespace,
                    client,
                    parent,
                    pair.queries,
                    different(pair),
                    points,
                    why,
                    pair.example,
                    pair.first,
                    pair.last,
                )
            )
    return sorted(found, key=lambda one: (-one.points, -one.names, one.parent, one.client))


def different(pair: Pair) -> int:
    """How many different names; an estimate is never more than was asked."""
    return min(len(pair.names), pair.queries)


def _signs(pair: Pair) -> Iterator[tuple[int, str]]:
    names = different(pair)
    if names >= MANY_NAMES and names >= pair.queries * 0.4:
        about = "" if pair.names.is_exact else "up to " if names == pair.queries else "about "
        yield 2, f"{about}{names:,} different names in {pair.queries:,} queries"
    if pair.shapes >= _FEW and pair.long >= pair.shapes / 2:
        yield 1, f"labels of up to {pair.longest} characters"
    if pair.shapes >= _FEW and pair.opaque >= pair.shapes / 2:
        yield 1, f"labels look random ({pair.bits / pair.shapes:.1f} bits a character)"
    if pair.data_types >= _FEW and pair.data_types >= pair.queries / 2:
        yield 1, f"{pair.data_types / pair.queries:.0%} of the queries are TXT or NULL"
    if pair.queries >= _FEW and pair.octets >= _LARGE * pair.queries:
        yield 1, f"answers of {pair.octets // pair.queries:,} octets on average"
