"""What the project set out to reach, and whether this run reached it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.results import Results

OURS = "ours"
FLAT = 1.25
_KEPT = (("policy", "10,000 rules of policy"), ("audit", "audit to a file"), ("ratelimit", "ratelimit"))


@dataclass(frozen=True, slots=True)
class Target:
    """``limit`` is the least (``at_least``) or the most that ``measured`` may be; ``None`` for not measured."""

    title: str
    limit: float
    at_least: bool
    measured: float | None
    unit: str = "x"

    @property
    def reached(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        """PASS, "short by N%" (of the limit), or "not measured"."""
        if self.measured is None or self.reached is None:
            return "not measured"
        if self.reached:
            return "PASS"
        return f"short by {abs(self.measured / self.limit - 1) * 100:.0f}%"


def targets(results: Results) -> list[Target]:
    cpu = _ratio(results, "cached", "unbound", "cpu_us")
    return [
        *_rates(results),
        Target("CPU per cached query at 30 k/s, of unbound", 1.15, False, cpu),
        Target("resident with 10,000 cached names", 64, False, results.median("cached", OURS, "resident_mib"), "MiB"),
        Target("first answer after start", 0.4, False, results.first_answer(OURS), "s"),
        Target("CPU per query, most against fewest cached names", FLAT, False, _growth(results, "size")),
        Target("CPU per query, 10,000 zones against none", FLAT, False, _growth(results, "zones")),
        *(
            Target(f"names of a cluster per CPU second, {variant}, of coredns", 4, True, _of_coredns(results, variant))
            for variant in results.variants("cluster")
        ),
        *(
            Target(f"cached answers per CPU second with {words}, of those without", 0.5, True, kept(results, row))
            for row, words in _KEPT
        ),
    ]


def _rates(results: Results) -> list[Target]:
    aims = [("cached", "unbound", 1), ("cached", "dnsdist", 1), ("cached", "coredns", 4)]
    aims += [("miss", "unbound", 1), ("miss", "coredns", 2)]
    words = {"cached": "cached answers", "miss": "misses"}
    return [
        Target(f"{words[row]} per CPU second, of {peer}", limit, True, _ratio(results, row, peer, "per_cpu_second"))
        for row, peer, limit in aims
    ]


def _ratio(results: Results, row: str, peer: str, field: str) -> float | None:
    return ratio(results.median(row, OURS, field), results.median(row, peer, field))


def _of_coredns(results: Results, variant: str) -> float | None:
    found = [results.median("cluster", peer, "per_cpu_second", variant) for peer in (OURS, "coredns")]
    return ratio(found[0], found[1])


def kept(results: Results, row: str, variant: str = "with", field: str = "per_cpu_second") -> float | None:
    """Our figure with a directive over that of the same block without it."""
    return ratio(results.median(row, OURS, field, variant), results.median(row, OURS, field, "without"))


def _growth(results: Results, row: str) -> float | None:
    """Cost with the last variant over cost with the first."""
    costs = [results.median(row, OURS, "cpu_us", variant) for variant in results.variants(row)]
    measured = [cost for cost in costs if cost is not None]
    return ratio(measured[-1], measured[0]) if len(measured) > 1 else None


def ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None
