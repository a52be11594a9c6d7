"""Queries that brought nobody anything: search suffixes, AAAA without an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from resolver.report.labels import is_hashed
from resolver.report.ledger import Ledger, Name


@dataclass(frozen=True, slots=True)
class Search:
    """Queries of a namespace for a name behind a search suffix that failed, while the bare name is there."""

    namespace: str
    name: str
    suffix: str
    queries: int


@dataclass(frozen=True, slots=True)
class EmptyAaaa:
    """A name without IPv6 addresses: how often they were asked for in vain."""

    name: str
    queries: int


def searches(ledger: Ledger) -> list[Search]:
    """All waste of search paths, the most first.

    A name counts where the same namespace got an answer for it without the last of its labels, not only before.
    """
    found = [
        Search(namespace, bare, name.removeprefix(bare), record.nxdomain)
        for (namespace, name), record in ledger.names.items()
        if record.nxdomain and "\\" not in name and not is_hashed(name)
        for bare in _bare(ledger, namespace, name, record)
    ]
    return sorted(found, key=lambda one: (-one.queries, one.namespace, one.name, one.suffix))


def _bare(ledger: Ledger, namespace: str, name: str, record: Name) -> Iterator[str]:
    """The longest name in front of a suffix that was found; none or one."""
    labels = name.rstrip(".").split(".")
    for count in range(len(labels) - 1, 1, -1):
        bare = ".".join(labels[:count]) + "."
        other = ledger.names.get((namespace, bare))
        if other is not None and other.found and other.last >= record.first:
            yield bare
            return


def empty_aaaa(ledger: Ledger) -> list[EmptyAaaa]:
    """Names whose AAAA were never there, the most asked for first."""
    empty: dict[str, int] = defaultdict(int)
    there: set[str] = set()
    for (_, name), record in ledger.names.items():
        if record.empty_aaaa:
            empty[name] += record.empty_aaaa
        if record.aaaa > record.empty_aaaa + record.nxdomain + record.failed:
            there.add(name)
    found = [EmptyAaaa(name, queries) for name, queries in empty.items() if name not in there]
    return sorted(found, key=lambda one: (-one.queries, one.name))
