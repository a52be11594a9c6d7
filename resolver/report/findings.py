"""From what was counted to what is said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from resolver.report.collect import OUTCOMES, Collector
from resolver.report.counting import BOUNDS, Bounded, Timeline, Times
from resolver.report.labels import parent_of
from resolver.report.ledger import Count, Group, Ledger, Name
from resolver.report.model import Denial, Failure, Findings, Latency, NewName, Reading, Refused, Row, Waste
from resolver.report.sources import Sources
from resolver.report.tunnels import MANY_NAMES, Tunnel, tunnels
from resolver.report.waste import empty_aaaa, searches

BARS = 120  # of the plot over time
_NAMESPACES_IN_FULL = 100


def work_out(collector: Collector, sources: Sources, top: int) -> Findings:
    """The findings, each list with ``top`` entries at most."""
    ledger = collector.ledger
    step, over_time = bars(collector.timeline)
    suspects = tunnels(ledger)
    new = _new_names(ledger, suspects)
    return Findings(
        reading=_reading(collector, sources),
        first=ledger.total.first,
        last=ledger.total.last,
        queries=ledger.total.queries,
        names=ledger.total.different(),
        clients=len(ledger.clients) + ledger.clients.lost,
        outcomes=dict(zip(OUTCOMES, map(sum, zip(*collector.timeline.counts.values(), strict=True)), strict=True))
        if collector.timeline.counts
        else dict.fromkeys(OUTCOMES, 0),
        dropped=ledger.dropped,
        by={kind: {key: one.queries for key, one in counts.heaviest(top) if key} for kind, counts in ledger.by.items()},
        cache_hits=_cache_hits(ledger.by["cache"]),
        step=step.total_seconds(),
        over_time=[(start.isoformat(timespec="seconds") + "Z", numbers) for start, numbers in over_time],
        durations={what: spread(times) for what, times in _kinds(collector).items()},
        latencies=_latencies(collector, top),
        new_names=new[:top],
        new_count=sum(one.names for one in new),
        new_different=_different(ledger),
        namespaces=[_row(key, "", one) for key, one in ledger.namespaces.heaviest(top)],
        names_of=_names_of(ledger, top),
        denials=_denials(ledger, top),
        rules=_rules(ledger, top),
        top_names=_top_names(ledger, top),
        top_clients=[_row(*key, one) for key, one in ledger.clients.heaviest(top)],
        failures=_failures(ledger, top),
        waste=_waste(ledger, top),
        tunnels=suspects[:top],
        rebinding=[Refused(*key, one.queries, one.first, one.last) for key, one in ledger.rebinding.heaviest(top)],
        notes=_notes(collector, sources, len(suspects) - top),
    )


def bars(timeline: Timeline) -> tuple[timedelta, list[tuple[datetime, list[int]]]]:
    """Steps of equal length without gaps, at most ``BARS``, and how long each is."""
    starts = timeline.starts()
    if not starts:
        return timeline.step, []
    first, last = next(iter(starts)), next(reversed(starts))
    step = next(
        (one for one in _LENGTHS if one >= timeline.step and (last - first) / one < BARS - 1),
        (last - first) / (BARS - 2),
    )
    origin = datetime(first.year, first.month, first.day)
    begin = origin + (first - origin) // step * step
    rows = [[0] * len(OUTCOMES) for _ in range((last - begin) // step + 1)]
    for start, numbers in starts.items():
        row = rows[(start - begin) // step]
        for index, number in enumerate(numbers):
            row[index] += number
    return step, [(begin + step * index, row) for index, row in enumerate(rows)]


_LENGTHS = [timedelta(seconds=count) for count in (1, 2, 5, 10, 20, 30)]
_LENGTHS += [timedelta(minutes=count) for count in (1, 2, 5, 10, 20, 30)]
_LENGTHS += [timedelta(hours=count) for count in (1, 2, 3, 6, 12)]
_LENGTHS += [timedelta(days=count) for count in (1, 2, 7, 14, 28)]


def spread(times: Times) -> list[tuple[float, int]]:
    """How many took at most so many milliseconds, four steps for each factor of ten."""
    sums: list[tuple[float, int]] = []
    edges = [10 ** (power / 4) for power in range(-8, 21)]
    index = 0
    for edge in edges:
        count = 0
        while index < len(BOUNDS) and BOUNDS[index] <= edge * 1.0001:
            count += times.counts[index]
            index += 1
        sums.append((round(edge, 4), count))
    rest = sum(times.counts[index:])
    sums[-1] = (sums[-1][0], sums[-1][1] + rest)
    return sums


def _reading(collector: Collector, sources: Sources) -> Reading:
    baseline = collector.ledger.baseline
    return Reading(
        files=list(sources.names),
        octets=sources.octets,
        lines=collector.lines,
        bad_lines=collector.bad + sources.too_long,
        left_out=collector.left_out,
        lost_lines=collector.lost,
        baseline_names=None if baseline is None else len(baseline),
    )


def _cache_hits(cache: Bounded[str, Count]) -> float | None:
    """The share of answers from the cache among those where it was asked."""
    counts = {key: one.queries for key, one in cache.items() if key}
    total = sum(counts.values())
    return (counts.get("hit", 0) + counts.get("stale", 0)) / total if total else None


def _latencies(collector: Collector, top: int) -> list[Latency]:
    upstreams = sorted(collector.upstreams.items(), key=lambda item: (-item[1].queries, item[0]))
    named = list(_kinds(collector).items())
    named += [(f"upstream {name}", times) for name, times in upstreams[:top]]
    return [
        Latency(
            what,
            times.queries,
            round(times.percentile(0.5), 3),
            round(times.percentile(0.95), 3),
            round(times.percentile(0.99), 3),
            round(times.longest, 3),
        )
        for what, times in named
        if times.queries
    ]


def _kinds(collector: Collector) -> dict[str, Times]:
    """How long answers took, by where they came from."""
    return {
        "from the cache": collector.from_cache,
        "not in the cache": collector.missed,
        "no cache was asked": collector.uncached,
        "denied": collector.denied,
    }


def _different(ledger: Ledger) -> int:
    """How many different names are new for any namespace."""
    baseline = ledger.baseline
    if baseline is None:
        return 0
    found = {name for (namespace, name), _ in ledger.names.items() if not baseline.knows(namespace, name)}
    return min(len(found), ledger.total.different())


def _new_names(ledger: Ledger, suspects: Sequence[Tunnel]) -> list[NewName]:
    baseline = ledger.baseline
    if baseline is None:
        return []
    many = {(one.namespace, one.parent) for one in suspects if one.names >= MANY_NAMES}
    found: dict[tuple[str, str, bool], tuple[list[str], Name]] = {}
    for (namespace, name), one in ledger.names.items():
        if baseline.knows(namespace, name):
            continue
        parent = parent_of(name)
        shown = f"*.{parent}" if (namespace, parent) in many else name
        names, total = found.setdefault((namespace, shown, baseline.knows_elsewhere(name)), ([], Name()))
        names.append(name)
        total.include(one)
    rows = [
        NewName(namespace, name, len(names), one.queries, one.denied, elsewhere, one.first, one.last)
        for (namespace, name, elsewhere), (names, one) in found.items()
    ]
    return sorted(rows, key=lambda one: (one.elsewhere, -one.queries, one.namespace, one.name))


def _row(namespace: str, label: str, one: Name) -> Row:
    names = one.different() if isinstance(one, Group) else 0
    return Row(
        namespace, label, one.queries, names, one.nxdomain, one.failed, one.denied, one.would_deny, one.first, one.last
    )


def _names_of(ledger: Ledger, top: int) -> dict[str, list[Row]]:
    wanted = {namespace for namespace, _ in ledger.namespaces.heaviest(_NAMESPACES_IN_FULL)}
    rows: dict[str, list[Row]] = defaultdict(list)
    for (namespace, name), one in ledger.names.items():
        if namespace in wanted:
            rows[namespace].append(_row(namespace, name, one))
    return {namespace: sorted(rows[namespace], key=_order)[:top] for namespace in sorted(rows)}


def _order(row: Row) -> tuple[int, str, str]:
    return -row.queries, row.namespace, row.label


def _top_names(ledger: Ledger, top: int) -> list[Row]:
    """Names, whoever asked for them."""
    sums: dict[str, Name] = {}
    for (_, name), one in ledger.names.items():
        sums.setdefault(name, Name()).include(one)
    return sorted((_row("", name, one) for name, one in sums.items()), key=_order)[:top]


def _denials(ledger: Ledger, top: int) -> list[Denial]:
    return [Denial(*key, one.queries, one.first, one.last) for key, one in ledger.denials.heaviest(top)]


def _rules(ledger: Ledger, top: int) -> list[tuple[str, str, int]]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for (decision, rule, _, _), one in ledger.denials.items():
        sums[decision, rule] += one.queries
    return sorted(((*key, queries) for key, queries in sums.items()), key=lambda one: (-one[2], one))[:top]


def _failures(ledger: Ledger, top: int) -> list[Failure]:
    """By rcode, and by Extended DNS Error within it."""
    rcodes = [
        Failure(rcode, "", "", one.queries)
        for rcode, one in ledger.by["rcode"].heaviest(top)
        if rcode not in ("", "NOERROR", "NXDOMAIN")
    ]
    errors = [Failure(*key, one.queries) for key, one in ledger.errors.heaviest(top)]
    return [*rcodes, *errors]


def _waste(ledger: Ledger, top: int) -> Waste:
    found = searches(ledger)
    by_namespace: dict[str, int] = defaultdict(int)
    for one in found:
        by_namespace[one.namespace] += one.queries
    return Waste(
        nxdomain=ledger.total.nxdomain,
        search=sum(one.queries for one in found),
        search_by_namespace=dict(sorted(by_namespace.items(), key=lambda item: (-item[1], item[0]))[:top]),
        searches=found[:top],
        aaaa=ledger.total.aaaa,
        empty_aaaa=ledger.total.empty_aaaa,
        empty_aaaa_names=empty_aaaa(ledger)[:top],
    )


def _notes(collector: Collector, sources: Sources, more_tunnels: int) -> list[str]:
    """What is not as exact as it looks."""
    ledger = collector.ledger
    notes = []
    bad = collector.bad + sources.too_long
    if bad:
        notes.append(f"{bad:,} lines are no audit lines and were left out")
    if sources.cut_off:
        notes.append(f"{sources.cut_off:,} of the files end in the middle of a line, as one that is still written does")
    notes += [f"a compressed file ends early: {text}" for text in sources.broken]
    if collector.lost:
        notes.append(
            f"the server says that it had no room to write {collector.lost:,} lines: all counts are too low by those"
        )
    if collector.limiting:
        notes.append(
            f"{collector.limiting:,} lines stand for many queries each, which a limit met; "
            f"{collector.limited:,} of those were turned away, and their names are not known"
        )
    if ledger.whose:
        notes.append(f"limits met {ledger.whose:,} queries without saying whose they were")
    if ledger.total.queries - collector.limited > collector.lines - collector.limiting:
        notes.append(
            "the log was sampled: a line counts for as many queries as it says, so that rare names may be missing"
        )
    if ledger.hashed:
        notes.append(f"{ledger.hashed:,} queries have hashed names: nothing is said of their labels and suffixes")
    if ledger.floods:
        notes.append(
            "where one client asked for thousands of names below one parent, the further ones are counted as *.PARENT"
        )
    notes += _losses(ledger)
    if more_tunnels > 0:
        notes.append(f"{more_tunnels:,} further signs of tunnelling are not shown (--top)")
    return notes


def _losses(ledger: Ledger) -> Iterable[str]:
    kept: Sequence[tuple[str, Bounded[str, Name]]] = (
        ("names", ledger.names),
        ("clients", ledger.clients),
        ("denials", ledger.denials),
        ("pairs of client and parent domain", ledger.pairs),
        ("namespaces", ledger.namespaces),
        ("rebinding answers", ledger.rebinding),
    )  # type: ignore[assignment]
    for what, records in kept:
        if records.lost:
            yield (
                f"there was no room for {records.lost:,} {what} seen at most "
                f"{_times(records.heaviest_lost)}; lists may lack such, and counts of others may be short by as much"
            )
    if ledger.baseline is not None and ledger.baseline.is_full:
        known = f"{len(ledger.baseline):,} pairs of namespace and name"
        yield f"the baseline holds {known} and had more: some names are called new that are not"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
