"""The findings in words and tables, for whoever shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resolver.report.model import Findings, Row

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """``kind`` is text, name (of a domain), note (a longer text), number, share (of 1), time (RFC 3339) or ms.

    An ``extra`` column goes where room is short.
    """

    title: str
    kind: str = "text"
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """``bar`` is the column whose numbers are worth a bar; ``none`` is said where there are no rows."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    bar: int | None = None
    none: str = "None."
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """``key`` is a word that stays the same; ``about`` tells what the tables mean."""

    key: str
    title: str
    about: str
    tables: Sequence[Table]


def sections(findings: Findings) -> list[Section]:
    """All sections, in the order in which an auditor asks."""
    makers = (_new, _namespaces, _denials, _rebinding, _tunnels, _names, _clients, _waste, _times, _failures, _kinds)
    return [make(findings) for make in makers]


def facts(findings: Findings) -> list[tuple[str, str]]:
    """The few figures that stand on top: what, how much."""
    outcomes, queries = findings.outcomes, findings.queries
    shown = [
        ("queries", f"{queries:,}"),
        ("names", f"{findings.names:,}"),
        ("workloads and other clients", f"{findings.clients:,}"),
        ("denied", _of(outcomes["denied"], queries)),
        ("NXDOMAIN", _of(outcomes["NXDOMAIN"], queries)),
        ("failed", _of(outcomes["failed"], queries)),
    ]
    if findings.cache_hits is not None:
        shown.append(("from the cache", share(findings.cache_hits)))
    if findings.reading.baseline_names is not None:
        shown.append(("new names", f"{findings.new_different:,}"))
        if findings.new_count != findings.new_different:
            shown.append(("new pairs of namespace and name", f"{findings.new_count:,}"))
    if findings.dropped:
        shown.append(("not answered", f"{findings.dropped:,}"))
    if findings.reading.lost_lines:
        shown.append(("lost lines", f"{findings.reading.lost_lines:,}"))
    return shown


def _of(count: int, total: int) -> str:
    return f"{count:,} ({share(count / total)})" if count else "0"


def share(value: float) -> str:
    """A share of 1 in percent; what is not none is never shown as none."""
    if 0 < value < 0.001:
        return "<0.1%"
    return f"{value:.1%}" if value < 0.9995 or value == 1 else ">99.9%"


def shown(value: Value, kind: str) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return "-"
    if kind == "number":
        return f"{value:,}"
    if kind == "share" and not isinstance(value, str):
        return share(value)
    if kind == "ms" and not isinstance(value, str):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.01 else f"{value:.3f}"
    if kind == "time":
        return str(value)[:19].replace("T", " ")
    return str(value)


_QUERIES = Column("queries", "number")
_NAMESPACE = Column("namespace")
_FIRST, _LAST = Column("first", "time", extra=True), Column("last", "time", extra=True)


def _new(findings: Findings) -> Section:
    about = (
        "Names that a namespace asked for and that are not in the baseline, once for each namespace. "
        "Those that no namespace had come first."
    )
    none = "None: every name is in the baseline."
    if findings.reading.baseline_names is None:
        about = "What is new is known with a baseline: earlier audit files after --baseline."
        none = "No baseline was given."
    rows = [
        (
            one.namespace,
            one.name,
            one.names,
            one.queries,
            one.denied,
            "yes" if one.elsewhere else "no",
            one.first,
            one.last,
        )
        for one in findings.new_names
    ]
    columns = (
        _NAMESPACE,
        Column("name", "name"),
        Column("names", "number", extra=True),
        _QUERIES,
        Column("denied", "number", extra=True),
        Column("known elsewhere"),
    )
    title = _first_of("New names by namespace", sum(one.names for one in findings.new_names), findings.new_count)
    return Section("new", "New names", about, [Table(title, (*columns, _FIRST, _LAST), rows, 3, none)])


def _first_of(title: str, shown: int, total: int) -> str:
    return f"{title}: the first {shown:,} of {total:,}" if shown < total else title


def _namespaces(findings: Findings) -> Section:
    about = "Names and queries of each namespace. Queries without a namespace came from no known Pod."
    columns = (_NAMESPACE, Column("names", "number"), *_WENT)
    rows = [(one.namespace, one.names, *_went(one)) for one in findings.namespaces]
    tables = [Table("Namespaces", columns, rows, 2)]
    names = (Column("name", "name"), *_WENT)
    for namespace, found in findings.names_of.items():
        rows = [(one.label, *_went(one)) for one in found]
        title = f"Names of {namespace}" if namespace else "Names without a namespace"
        tables.append(Table(title, names, rows, 1, folded=True))
    return Section("namespaces", "Namespaces", about, tables)


_WENT = (
    _QUERIES,
    Column("NXDOMAIN", "number"),
    Column("failed", "number", extra=True),
    Column("denied", "number"),
    Column("would deny", "number", extra=True),
    _FIRST,
    _LAST,
)


def _went(one: Row) -> tuple[Value, ...]:
    return one.queries, one.nxdomain, one.failed, one.denied, one.would_deny, one.first, one.last


def _denials(findings: Findings) -> Section:
    about = "What rules refused, and under audit-only what they would have refused. Limits do not tell all names apart."
    verdicts = {"deny": "denied", "audit-only": "would deny"}
    rules = [(verdicts.get(decision, decision), rule, queries) for decision, rule, queries in findings.rules]
    rows = [
        (verdicts.get(one.decision, one.decision), one.rule, one.namespace, one.name, one.queries, one.first, one.last)
        for one in findings.denials
    ]
    head = (Column("decision"), Column("rule"))
    return Section(
        "denials",
        "Denials",
        about,
        [
            Table("By rule", (*head, _QUERIES), rules, 2, "Nothing was denied."),
            Table("By rule and name", (*head, _NAMESPACE, Column("name", "name"), _QUERIES, _FIRST, _LAST), rows, 4),
        ][: 2 if rows else 1],
    )


def _rebinding(findings: Findings) -> Section:
    about = "Answers from outside with addresses of the inside, refused, or passed under audit-only: mistake or attack."
    rows = [(one.namespace, one.name, one.why, one.queries, one.first, one.last) for one in findings.rebinding]
    columns = (_NAMESPACE, Column("name", "name"), Column("why"), _QUERIES, _FIRST, _LAST)
    return Section("rebinding", "Rebinding", about, [Table("Answers that lead inside", columns, rows, 3)])


def _tunnels(findings: Findings) -> Section:
    about = (
        "Clients that may carry data in names. None of this is a proof: content networks, telemetry and block lists "
        "ask for such names, too. More points, more signs."
    )
    rows = [
        (
            one.points,
            one.namespace,
            one.client,
            one.parent,
            one.queries,
            "; ".join(one.why),
            one.example,
        )
        for one in findings.tunnels
    ]
    columns = (
        Column("points", "number"),
        _NAMESPACE,
        Column("client"),
        Column("below", "name"),
        _QUERIES,
        Column("why", "note"),
        Column("such as", "note"),
    )
    return Section("tunnels", "Signs of tunnelling", about, [Table("Suspects", columns, rows, None, "No signs.")])


def _names(findings: Findings) -> Section:
    rows = [(one.label, *_went(one)) for one in findings.top_names]
    table = Table("Most asked for", (Column("name", "name"), *_WENT), rows, 1)
    return Section("names", "Top names", "The names that were asked for most, whoever asked.", [table])


def _clients(findings: Findings) -> Section:
    about = "A workload where the log knows it, or else a Pod or an address."
    rows = [(one.namespace, one.label, one.names, *_went(one)) for one in findings.top_clients]
    columns = (_NAMESPACE, Column("client"), Column("names", "number"), *_WENT)
    return Section("clients", "Top clients", about, [Table("Most asking", columns, rows, 3)])


def _waste(findings: Findings) -> Section:
    about = (
        "Queries that brought nobody anything. Search path: a name with a suffix failed and the name alone was there "
        "(ndots, searchpath and autopath help). Unused AAAA: there are no IPv6 addresses (filter_aaaa helps)."
    )
    waste, total = findings.waste, max(findings.queries, 1)
    kinds = [
        ("NXDOMAIN, all", waste.nxdomain, waste.nxdomain / total),
        ("  of these, search path", waste.search, waste.search / total),
        ("AAAA without an address", waste.empty_aaaa, waste.empty_aaaa / total),
    ]
    by_namespace = [(key, count, count / total) for key, count in waste.search_by_namespace.items()]
    search = [(one.namespace, one.name, one.suffix, one.queries) for one in waste.searches]
    empty = [(one.name, one.queries) for one in waste.empty_aaaa_names]
    of_all = Column("of all queries", "share")
    tables = [
        Table("Kinds of waste", (Column("kind"), _QUERIES, of_all), kinds if findings.queries else [], 1),
        Table("Search path by namespace", (_NAMESPACE, _QUERIES, of_all), by_namespace, 1),
        Table("Search path by name", (_NAMESPACE, Column("name", "name"), Column("suffix"), _QUERIES), search, 3),
        Table("Names without IPv6 addresses", (Column("name", "name"), Column("AAAA queries", "number")), empty, 1),
    ]
    return Section("waste", "Waste", about, [table for index, table in enumerate(tables) if table.rows or not index])


def _times(findings: Findings) -> Section:
    about = (
        "Milliseconds within which 50, 95 and 99 of a hundred answers were there, to about a twentieth. No cache was "
        "asked for zones, hosts and other answers of the server's own. A replay counts as 0."
    )
    rows = [(one.what, one.queries, one.p50, one.p95, one.p99, one.longest) for one in findings.latencies]
    names = ("p50 ms", "p95 ms", "p99 ms", "longest ms")
    columns = (Column("answers", "name"), _QUERIES, *(Column(name, "ms") for name in names))
    return Section("times", "Times", about, [Table("How long answers took", columns, rows)])


def _failures(findings: Findings) -> Section:
    about = "Response codes other than NOERROR and NXDOMAIN, and Extended DNS Errors (RFC 8914) with any of them."
    rows = [(one.rcode, one.code, one.text, one.queries) for one in findings.failures]
    columns = (Column("rcode"), Column("error"), Column("text"), _QUERIES)
    return Section("failures", "Failures", about, [Table("By code", columns, rows, 3)])


def _kinds(findings: Findings) -> Section:
    titles = {"type": "Types", "transport": "Transports", "cache": "Cache", "rcode": "Response codes"}
    total = max(findings.queries, 1)
    tables = [
        Table(
            title,
            (Column(kind), _QUERIES, Column("of all queries", "share")),
            [(key, count, count / total) for key, count in findings.by[kind].items()],
            1,
        )
        for kind, title in titles.items()
    ]
    return Section("kinds", "What and how", "Types, transports, cache and response codes.", tables)
