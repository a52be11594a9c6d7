"""All that a report says, as figures: what ``--json`` writes and what tables and plots are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from resolver.report.tunnels import Tunnel
from resolver.report.waste import EmptyAaaa, Search


@dataclass(frozen=True, slots=True)
class Row:
    """A name, namespace or client. ``names`` is 0 for a name itself, ``is_new`` where a baseline does not know it."""

    namespace: str
    label: str
    queries: int
    names: int
    nxdomain: int
    failed: int
    denied: int
    would_deny: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class NewName:
    """A name that the baseline has not seen this namespace ask for; ``elsewhere`` where another namespace did.

    Names of a suspected tunnel are one entry, ``*.PARENT``, that stands for so many ``names``.
    """

    namespace: str
    name: str
    names: int
    queries: int
    denied: int
    elsewhere: bool
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Denial:
    """What a rule did to a name; ``decision`` is ``deny`` or ``audit-only``.

    The name is empty where a limit met queries and said no more than how many.
    """

    decision: str
    rule: str
    namespace: str
    name: str
    queries: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds within which half, 95 and 99 of a hundred answers were there, and the longest."""

    what: str
    queries: int
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Answers with an rcode and an Extended DNS Error (RFC 8914); the code is empty where there was none."""

    rcode: str
    code: str
    text: str
    queries: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Answers from outside with inside addresses, refused."""

    namespace: str
    name: str
    why: str
    queries: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Waste:
    """Queries for nothing, by kind; the lists are the first of each."""

    nxdomain: int
    search: int
    search_by_namespace: dict[str, int]
    searches: list[Search]
    aaaa: int
    empty_aaaa: int
    empty_aaaa_names: list[EmptyAaaa]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: lines, those that were none, left out by a filter, lost by the server; octets uncompressed."""

    files: list[str]
    octets: int
    lines: int
    bad_lines: int
    left_out: int
    lost_lines: int
    baseline_names: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """The whole report. Times are RFC 3339 in UTC; ``notes`` say what is not exact and why."""

    reading: Reading
    first: str
    last: str
    queries: int
    names: int
    clients: int
    outcomes: dict[str, int]
    dropped: int
    by: dict[str, dict[str, int]]
    cache_hits: float | None
    step: float  # seconds
    over_time: list[tuple[str, list[int]]]
    durations: dict[str, list[tuple[float, int]]]
    latencies: list[Latency]
    new_names: list[NewName]
    new_count: int  # pairs of namespace and name
    new_different: int  # names
    namespaces: list[Row]
    names_of: dict[str, list[Row]]
    denials: list[Denial]
    rules: list[tuple[str, str, int]]
    top_names: list[Row]
    top_clients: list[Row]
    failures: list[Failure]
    waste: Waste
    tunnels: list[Tunnel]
    rebinding: list[Refused]
    notes: list[str] = field(default_factory=list)
