"""The one pass over the lines: what is counted for each of them.

Lines that say the same (all but times and sizes) share a cell; the ledger gets to see the cells, not the lines, so that
what it works out costs nothing for each repeat.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

from resolver.report.counting import BOUNDS, Timeline, Times
from resolver.report.ledger import Cell, Ledger
from resolver.report.lines import Decode, Line
from resolver.report.sources import Sources

CELLS = 1 << 16
UPSTREAMS = 1000  # more than that share one figure
_LONGEST_KEY = 4096  # characters of all that tells a cell from others; an honest line needs a tenth
_MOST_SAMPLED = 1_000_000_000

ANSWERED, NXDOMAIN, FAILED, DENIED = range(4)
OUTCOMES = ("answered", "NXDOMAIN", "failed", "denied")
_OF_RCODE = {"NOERROR": ANSWERED, "": ANSWERED, "NXDOMAIN": NXDOMAIN}


class Filter:
    """Which lines count: a period (RFC 3339, UTC, microseconds; the end left out) and namespaces; empty for all."""

    def __init__(self, since: str = "", until: str = "", namespaces: Collection[str] = ()) -> None:
        self.since = since
        self.until = until
        self.namespaces = frozenset(namespaces)

    def __bool__(self) -> bool:
        return bool(self.since or self.until or self.namespaces)

    def keeps(self, line: Line) -> bool:
        """Whether this line counts."""
        if self.namespaces and line.namespace not in self.namespaces:
            return False
        time = line.time if len(line.time) == 27 else normal_time(line.time)
        return time >= self.since and (not self.until or time < self.until)


class Collector:
    """Counts lines into a ledger.

    ``lines`` is how many counted, ``queries`` how many those stand for, ``bad`` how many were none, ``left_out`` how
    many the filter took, ``lost`` how many the server says it could not write. ``limited`` is how many queries limits
    turned away and told of in ``limiting`` lines.

    ``missed`` are the times of answers that a cache did not have, ``uncached`` of those for which no cache was asked.
    """

    def __init__(self, ledger: Ledger, wanted: Filter) -> None:
        self.ledger = ledger
        self.wanted = wanted
        self.lines = self.bad = self.left_out = self.lost = self.limited = self.limiting = 0
        self.timeline = Timeline(len(OUTCOMES))
        self.from_cache, self.missed, self.uncached, self.denied = Times(), Times(), Times(), Times()
        self._by_cache = {"hit": self.from_cache, "stale": self.from_cache, "miss": self.missed}
        self.upstreams: dict[str, Times] = {}
        self._cells: dict[tuple[str | bool, ...], Cell] = {}

    def read(self, sources: Sources, decode: Decode, watch: Callable[[int], None] = lambda lines: None) -> None:
        """Count all lines of these files; ``watch`` is told now and then how many there were. Raises ResolverError."""
        for piece in sources.pieces():
            lines, bad = decode(piece)
            self.bad += bad
            self.add(lines if not self.wanted else self._filtered(lines))
            watch(self.lines)
        self.finish()

    def add(self, lines: Iterable[Line]) -> None:
        """Count lines."""
        # Every statement here is run a hundred million times: plain local names, few calls.
        cells, timeline, steps = self._cells, self.timeline, self.timeline.counts
        length, of_rcode, bounds = timeline.length, _OF_RCODE, BOUNDS
        by_cache, missed, uncached, denied = self._by_cache, self.missed, self.uncached, self.denied
        bad = count = 0
        for line in lines:
            time = line.time
            if len(time) != 27 or line.sampled != 1 or line.lost or line.ede or not line.name:
                usual = self._unusual(line)
                length, steps = timeline.length, timeline.counts
                if not usual:
                    bad += usual is not None
                    continue
                time = usual
            numbers = steps.get(time[:length])
            if numbers is None:
                numbers = timeline.open(time)
                if numbers is None:
                    bad += 1
                    continue
                length, steps = timeline.length, timeline.counts
            rcode, decision, weight = line.rcode, line.decision, line.sampled
            has_answer = line.answers > len(line.aliases)
            key = (
                line.name, line.type, rcode, line.client, line.namespace, line.pod, line.owner,
                decision, line.rule, line.cache, line.transport, has_answer, line.dropped,
            )  # fmt: skip
            cell = cells.get(key)
            if cell is None:
                if len(cells) >= CELLS:
                    self._fold()
                if sum(map(len, key[:11])) > _LONGEST_KEY:
                    bad += 1
                    continue
                cell = cells[key] = Cell(time)
            count += 1
            cell.queries += weight
            size = line.size
            cell.octets += size * weight
            if size > cell.largest:
                cell.largest = size
            if time > cell.last:
                cell.last = time
            elif time < cell.first:
                cell.first = time
            if decision == "deny" or line.dropped:
                numbers[DENIED] += weight
            else:
                numbers[of_rcode.get(rcode, FAILED)] += weight
            took = line.duration_ms
            times = by_cache.get(line.cache, missed if line.upstream else uncached) if decision != "deny" else denied
            times.counts[bisect_left(bounds, took)] += weight
            if took > times.longest:
                times.longest = took
            if line.upstream_ms:
                self._upstream(line)
        self.lines += count
        self.bad += bad

    def finish(self) -> None:
        """Hand the last cells to the ledger."""
        self._fold()
        for times in (self.from_cache, self.missed, self.uncached, self.denied, *self.upstreams.values()):
            times.finish()

    def _filtered(self, lines: Sequence[Line]) -> Iterable[Line]:
        keeps = self.wanted.keeps
        kept = [line for line in lines if keeps(line)]
        self.left_out += len(lines) - len(kept)
        return kept

    def _upstream(self, line: Line) -> None:
        times = self.upstreams.get(line.upstream)
        if times is None:
            name = line.upstream if len(self.upstreams) < UPSTREAMS and len(line.upstream) < 512 else "others"
            times = self.upstreams.setdefault(name, Times())
        times.counts[bisect_left(BOUNDS, line.upstream_ms)] += line.sampled
        if line.upstream_ms > times.longest:
            times.longest = line.upstream_ms

    def _unusual(self, line: Line) -> str | None:
        """The time of a line that is not like most; empty where it is none, None where no query has it for its own."""
        if line.lost > 0:
            self.lost += line.lost
            if not line.name:
                return None
        if line.limited:
            return self._limits(line)
        is_query = line.name or ((line.type or line.transport) and not line.lost)
        if not is_query or not 0 < line.sampled <= _MOST_SAMPLED:
            return ""
        for error in line.ede[:16]:
            self.ledger.extended_error(line, error)
        return line.time if len(line.time) == 27 else normal_time(line.time)

    def _limits(self, line: Line) -> str | None:
        """Count a line that stands for queries that a limit met."""
        time = line.time if len(line.time) == 27 else normal_time(line.time)
        if not time or not 0 < line.limited <= _MOST_SAMPLED:
            return ""
        if len(line.client) + len(line.namespace) + len(line.pod) + len(line.owner) + len(line.rule) > _LONGEST_KEY:
            return ""
        numbers = self.timeline.counts.get(time[: self.timeline.length]) or self.timeline.open(time)
        if numbers is None:
            return ""
        if line.decision != "audit-only":
            numbers[DENIED] += line.limited
            self.limited += line.limited
        self.lines += 1
        self.limiting += 1
        self.ledger.limited(line, time)
        return None

    def _fold(self) -> None:
        for key, cell in self._cells.items():
            self.ledger.add(key, cell)
        self._cells.clear()


def normal_time(text: str) -> str:
    """A time of RFC 3339, or a date, as audit lines write it; empty where it is none. Without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
