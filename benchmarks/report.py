"""The table that a run prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.cluster.row import CLUSTER
from benchmarks.directives import DIRECTIVES
from benchmarks.extras import EXTRAS
from benchmarks.hardened import HARDENED, LIMITS, WITHOUT
from benchmarks.measure import ROWS, Row
from benchmarks.results import Results
from benchmarks.targets import OURS, Target, kept, ratio, targets
from benchmarks.zones import ZONES

_COLUMNS = (
    "server",
    "queries/s",
    "core",
    "q/CPU s",
    "lost",
    "failed",
    "p50 us",
    "p99 us",
    "CPU us/q",
    "RSS MiB",
    "peak MiB",
)
_FIELDS = ("p50_us", "p99_us", "cpu_us", "resident_mib", "peak_mib")
_KEPT = ("per_second", "per_cpu_second")
_UPSTREAM_BUSY = 1.0
_WHOLE_CORE = 0.9
_COMPARED = ("unbound", "dnsdist", "coredns")


def render(results: Results, versions: Mapping[str, str], notes: Sequence[str]) -> str:
    """Rows, ratios, targets and notes, ready to print."""
    parts = [_row(results, row) for row in ROWS if results.servers(row.key)]
    parts += [
        _grown(results, row) for row in (*EXTRAS, *DIRECTIVES, *ZONES, *HARDENED, CLUSTER) if results.servers(row.key)
    ]
    parts += [
        part
        for part in (_clusters(results), _starts(results), _losses(results), _ratios(results), _kept(results))
        if part
    ]
    parts.append(_targets(targets(results)))
    parts.append("versions: " + ", ".join(f"{name} {number}" for name, number in versions.items()))
    remarks = [*notes, *_asked_again(results), *_disturbed(results)]
    if remarks:
        parts.append("notes\n" + "\n".join(f"  {remark}" for remark in remarks))
    return "\n\n".join(parts) + "\n"


def _asked_again(results: Results) -> list[str]:
    """Rows of cached names whose upstream was busy: those names were not in the cache after all."""
    warmed = {
        row.key for row in (*ROWS, *EXTRAS, *DIRECTIVES, *HARDENED) if row.key not in ("mix", "miss", "upstreams")
    }
    found = [s for s in results.samples if s.row in warmed and (s.upstream_cpu_us or 0) >= _UPSTREAM_BUSY]
    return list(
        dict.fromkeys(
            f"{s.row} {s.variant}".rstrip() + f": {s.server} asked its upstream for cached names" for s in found
        )
    )


def _disturbed(results: Results) -> list[str]:
    """Whether servers had less than their core, which makes queries/s unfair and leaves q/CPU s as it is."""
    count = sum(sample.busy < _WHOLE_CORE for sample in results.samples)
    if not count:
        return []
    why = "other programs took part of the machine, or the load was the limit; compare q/CPU s"
    return [
        f"{count} of {len(results.samples)} full loads left the server less than {_WHOLE_CORE:.0%} of its core: {why}"
    ]


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, the first to the left and the others to the right."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    return "\n".join(_line(line, widths) for line in [head, *lines])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return ("  " + first[0].ljust(first[1]) + "".join("  " + cell.rjust(width) for cell, width in others)).rstrip()


def _row(results: Results, row: Row) -> str:
    lines = [[server, *_cells(results, row.key, server)] for server in results.servers(row.key)]
    return f"{row.title} (latency and CPU at {row.rate:,}/s)\n" + table(_COLUMNS, lines)


def _grown(results: Results, row: Row) -> str:
    lines = [
        [", ".join(filter(None, (server, variant))), *_cells(results, row.key, server, variant)]
        for server in results.servers(row.key)
        for variant in results.variants(row.key)
        if results.of(row.key, server, variant)
    ]
    return f"{row.title} (latency and CPU at {row.rate:,}/s)\n" + table(_COLUMNS, lines)


def _cells(results: Results, row: str, server: str, variant: str = "") -> list[str]:
    rate = results.median(row, server, "per_second", variant)
    lost = results.total(row, server, lambda sample: sample.lost, variant)
    failed = results.total(row, server, lambda sample: sample.failed, variant)
    others = [number(results.median(row, server, field, variant)) for field in _FIELDS]
    busy = results.median(row, server, "busy", variant) or 0.0
    capacity = results.median(row, server, "per_cpu_second", variant)
    return [number(rate, 0), f"{busy:.0%}", number(capacity, 0), f"{lost:,}", f"{failed:,}", *others]


def number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _starts(results: Results) -> str:
    servers = dict.fromkeys(start.server for start in results.starts)
    lines = [[server, number(results.first_answer(server), 3)] for server in servers]
    lines += [[f"{start.server} ({start.variant})", number(start.seconds, 3)] for start in results.grown_starts]
    return "from exec to the first answer\n" + table(("server", "seconds"), lines) if lines else ""


def _clusters(results: Results) -> str:
    lines = [
        [
            found.server, number(found.first_sync, 2), number(found.cpu, 2), number(found.resident_mib),
            f"{found.changes:,}", *(number(_milliseconds(one)) for one in (found.p50, found.p99, found.slowest)),
        ]
        for found in results.clusters
    ]  # fmt: skip
    head = ("server", "first sync s", "CPU s", "RSS MiB", "changes", "p50 ms", "p99 ms", "slowest ms")
    return "a cluster: until all is known, and from a change to the answer\n" + table(head, lines) if lines else ""


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _losses(results: Results) -> str:
    lines = [[loss.server, f"{loss.sent:,}", f"{loss.lost:,}", f"{loss.failed:,}"] for loss in results.losses]
    title = "lost queries, counted by the Python generator\n"
    return title + table(("server", "sent", "lost", "failed"), lines) if lines else ""


def _ratios(results: Results) -> str:
    """Our figure over the peer's: above 1 is good for rates, below 1 for CPU per query."""
    lines = [line for row in (*ROWS, *DIRECTIVES, *HARDENED) for line in _row_ratios(results, row)]
    return (
        "ours against the others\n" + table(("row, peer", "queries/s", "q/CPU s", "CPU us/q"), lines) if lines else ""
    )


def _row_ratios(results: Results, row: Row) -> list[list[str]]:
    fields = ("per_second", "per_cpu_second", "cpu_us")
    return [
        [
            ", ".join(filter(None, (row.key, variant, peer))),
            *(_times(results, row.key, peer, field, variant) for field in fields),
        ]
        for variant in results.variants(row.key)
        for peer in _COMPARED
        if results.of(row.key, peer, variant) and results.of(row.key, OURS, variant)
    ]


def _times(results: Results, row: str, peer: str, field: str, variant: str) -> str:
    value = ratio(results.median(row, OURS, field, variant), results.median(row, peer, field, variant))
    return "-" if value is None else f"{value:.2f}x"


def _kept(results: Results) -> str:
    """What is left of our throughput with a directive, of that without."""
    lines = [
        [f"{row.key} {variant}", *(number(kept(results, row.key, variant, field), 2) for field in _KEPT)]
        for row in LIMITS
        for variant in results.variants(row.key)
        if variant != WITHOUT
    ]
    return "ours with a directive, of ours without\n" + table(("row", "queries/s", "q/CPU s"), lines) if lines else ""


def _targets(aims: Sequence[Target]) -> str:
    lines = [[aim.title, _limit(aim), number(aim.measured, 2), aim.verdict] for aim in aims]
    return "targets\n" + table(("target", "limit", "measured", "verdict"), lines)


def _limit(aim: Target) -> str:
    return f"{'>=' if aim.at_least else '<='} {aim.limit:g} {aim.unit}"
