"""Which names were asked for by whom: a table of bounded size, and its lines of JSON.

Who asks is a ``Who``: ``("namespace", "shop")`` where the Pod is known, else ``("net", "10.8.0.0/24")``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final

from resolver.errors import WireError
from resolver.policy.rules import ALLOW, AUDIT_ONLY, DENY
from resolver.wire.names import from_text, to_text

Asker = tuple[str, str]
"""``namespace`` and its name, or ``net`` and the network."""

VERDICTS: Final = (ALLOW, AUDIT_ONLY, DENY)
MAX_TYPES: Final = 16
"""Types that are kept of a name."""
MAX_NAMES: Final = 20_000
MAX_NAMESPACES: Final = 10_000
MAX_ENTRIES: Final = 5_000_000
FORMAT: Final = 1
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many names are kept of each namespace (or network), and how many of those."""

    names: int = 2000
    namespaces: int = 200


@dataclass(slots=True, eq=False)
class Entry:
    """One name of one asker. ``first`` and ``last`` are seconds since 1970; ``counts`` goes by verdict.

    ``rule`` decided last, ``denied_by`` is the last that denied it other than the default, or would have. To
    ``missing`` queries the answer was that there is no such name.
    """

    table: Learned
    who: Asker
    name: bytes
    first: float
    last: float
    types: set[str] = field(default_factory=set)
    rule: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    denied_by: str = ""
    missing: int = 0

    @property
    def total(self) -> int:
        """How often it was asked for."""
        return sum(self.counts.values())

    def allowed(self, times: int) -> None:
        """It was asked for so many times more, and let through."""
        self.table.replayed(self, ALLOW, times)

    def noted(self, times: int) -> None:
        """The same where it was let through although a rule would deny it."""
        self.table.replayed(self, AUDIT_ONLY, times)

    def allowed_missing(self, times: int) -> None:
        """It was let through so many times more, and is no name."""
        self.table.replayed(self, ALLOW, times, missing=True)

    def noted_missing(self, times: int) -> None:
        """The same where it was let through although a rule would deny it."""
        self.table.replayed(self, AUDIT_ONLY, times, missing=True)

    def denied(self, times: int) -> None:
        """The same where it was denied."""
        self.table.replayed(self, DENY, times)


@dataclass(slots=True)
class Names:
    """All names of one asker, and what was left out: how many names, and the queries for them."""

    entries: dict[bytes, Entry] = field(default_factory=dict)
    total: int = 0
    lost_names: int = 0
    lost_queries: int = 0


class Learned:
    """The table. Where there is no room, the rarer half goes, and what went is counted.

    A name that was left out comes back with its count when it is asked for again from memory.
    """

    def __init__(self, limits: Limits | None = None, since: float = 0.0) -> None:
        self.limits = limits or Limits()
        self.since = since
        self.askers: dict[Asker, Names] = {}
        self.lost_namespaces = 0
        self.lost_queries = 0
        self.now = since

    def __len__(self) -> int:
        return sum(len(names.entries) for names in self.askers.values())

    @property
    def lost(self) -> int:
        """Queries that were left out, of all."""
        return self.lost_queries + sum(names.lost_queries for names in self.askers.values())

    def see(
        self, who: Asker, name: bytes, qtype: str, verdict: str, rule: str, now: float, *, denied_by: str = "",
        missing: bool = False,
    ) -> Entry:  # fmt: skip
        """A query for a lower-case name was decided, ``denied_by`` a rule other than the default, if any."""
        self.now = now
        names = self._names(who)
        entry = names.entries.get(name)
        if entry is None:
            entry = Entry(self, who, name, now, now)
            self._keep(names, entry)
        entry.last = now
        entry.rule = rule
        entry.denied_by = denied_by or entry.denied_by
        if len(entry.types) < MAX_TYPES:
            entry.types.add(qtype)
        self._add(names, entry, verdict, 1, missing=missing)
        return entry

    def replayed(self, entry: Entry, verdict: str, times: int, *, missing: bool = False) -> None:
        """Queries that were answered from memory, and are told of later (``now`` is when)."""
        names = self._names(entry.who)
        kept = names.entries.get(entry.name)
        if kept is None:
            kept = entry
            if names.lost_names:
                names.lost_names -= 1
                names.lost_queries = max(0, names.lost_queries - entry.total)
            else:  # it went with all names of the asker
                self.lost_queries = max(0, self.lost_queries - entry.total)
            names.total += entry.total
            self._keep(names, entry)
        kept.last = max(kept.last, self.now)
        self._add(names, kept, verdict, times, missing=missing)

    def _add(self, names: Names, entry: Entry, verdict: str, times: int, *, missing: bool) -> None:
        entry.missing += times * missing
        entry.counts[verdict] = entry.counts.get(verdict, 0) + times
        names.total += times

    def _names(self, who: Asker) -> Names:
        names = self.askers.get(who)
        if names is None:
            if len(self.askers) >= self.limits.namespaces:
                self._leave_out_askers()
            names = self.askers[who] = Names()
        return names

    def _keep(self, names: Names, entry: Entry) -> None:
        if len(names.entries) >= self.limits.names:
            rarest = sorted(names.entries.values(), key=lambda one: (one.total, one.last))
            for one in rarest[: len(rarest) - self.limits.names // 2]:
                del names.entries[one.name]
                names.lost_names += 1
                names.lost_queries += one.total
                names.total -= one.total
        names.entries[entry.name] = entry

    def _leave_out_askers(self) -> None:
        rarest = sorted(self.askers, key=lambda who: self.askers[who].total)
        for who in rarest[: len(rarest) - self.limits.namespaces // 2]:
            names = self.askers.pop(who)
            self.lost_namespaces += 1
            self.lost_queries += names.total + names.lost_queries

    # --- lines

    def lines(self) -> Generator[bytes, None, None]:
        """The table as lines of JSON, the whole of it in the first one; what comes meanwhile may be left out."""
        head: dict[str, Any] = {"learned": FORMAT, "since": shown(self.since), "written": shown(self.now)}
        yield _line({**head, "lost_namespaces": self.lost_namespaces, "lost_queries": self.lost_queries})
        for (kind, value), names in list(self.askers.items()):
            if names.lost_names or names.lost_queries:
                yield _line({kind: value, "lost_names": names.lost_names, "lost_queries": names.lost_queries})
            for entry in list(names.entries.values()):
                yield _line(
                    {
                        kind: value, "name": to_text(entry.name), "types": sorted(entry.types), "count": entry.total,
                        "decisions": {one: entry.counts[one] for one in VERDICTS if one in entry.counts},
                        "rule": entry.rule, "first": shown(entry.first), "last": shown(entry.last),
                        **({"denied_by": entry.denied_by} if entry.denied_by else {}),
                        **({"missing": entry.missing} if entry.missing else {}),
                    }
                )  # fmt: skip

    def take(self, line: Mapping[str, Any]) -> None:
        """Take up a line that was written before. Raises ValueError, TypeError, KeyError or WireError."""
        if "learned" in line:
            if line["learned"] != FORMAT:
                raise ValueError("another format")
            self.since = seconds(line["since"])
            self.lost_namespaces += _count(line["lost_namespaces"])
            self.lost_queries += _count(line["lost_queries"])
            return
        names = self._names(asker(line))
        if "name" not in line:
            names.lost_names += _count(line["lost_names"])
            names.lost_queries += _count(line["lost_queries"])
            return
        entry = Entry(
            self, asker(line), from_text(line["name"]).lower(), seconds(line["first"]), seconds(line["last"]),
            {str(one) for one in line["types"][:MAX_TYPES]}, str(line["rule"]),
            {verdict: _count(line["decisions"][verdict]) for verdict in VERDICTS if verdict in line["decisions"]},
            str(line.get("denied_by", "")), _count(line.get("missing", 0)),
        )  # fmt: skip
        if entry.name in names.entries:
            raise ValueError("the name is there twice")
        self._keep(names, entry)
        names.total += entry.total


def asker(line: Mapping[str, Any]) -> Asker:
    """Whose line it is. Raises ValueError or KeyError where it says nothing of that."""
    if "namespace" in line:
        if not _NAMESPACE.fullmatch(line["namespace"]):
            raise ValueError("no namespace")
        return "namespace", line["namespace"]
    return "net", str(ip_network(line["net"]))


def shown(moment: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    """The same back. Raises ValueError or TypeError."""
    return datetime.fromisoformat(text).timestamp()


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("no count")
    return value


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def read_line(octets: bytes) -> dict[str, Any]:
    """A line as an object. Raises ValueError or WireError where it is none."""
    try:
        value = json.loads(octets)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


BROKEN: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, WireError)
"""What reading a line may raise that somebody else wrote."""
