"""``python -m tests.soak``: minutes of mixed load on loopback; ends with 1 where something has grown or was lost."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from tests.soak.growth import LIMITS
from tests.soak.run import Outcome, Settings, soak


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print what came of it, and tell by the exit code whether all was well."""
    flags = _parser().parse_args(arguments)
    settings = Settings(
        flags.minutes * 60, flags.rounds, flags.workers, flags.reload, flags.kill, flags.settle, flags.seed
    )
    print(f"{flags.minutes:g} minutes of load in {flags.rounds} rounds, {flags.workers} worker(s), seed {flags.seed}")
    begun = time.monotonic()
    outcome = asyncio.run(soak(settings))
    print(_report(outcome))
    print(f"{time.monotonic() - begun:.0f}s")
    complaints = outcome.complaints()
    print("\n".join(f"FAILED: {one}" for one in complaints) or "nothing has grown and nothing was lost")
    return 1 if complaints else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of load (default: 5)")
    parser.add_argument("--rounds", type=int, default=6, help="with a rest after each; the first warms up (default: 6)")
    parser.add_argument("--workers", type=int, default=1, help="of the server; of several some are killed (default: 1)")
    parser.add_argument("--reload", type=float, default=3.0, help="seconds between two reloads (default: 3)")
    parser.add_argument("--kill", type=float, default=5.0, help="seconds between two deaths of workers (default: 5)")
    parser.add_argument("--settle", type=float, default=3.0, help="seconds of rest before a look (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is left to chance (default: 1)")
    return parser


def _report(outcome: Outcome) -> str:
    """Tables: questions by kind, and what the server held at each rest."""
    lines = [f"{'':22}{'asked':>9}{'right':>9}{'wrong':>7}{'lost':>6}{'retried':>9}{'slowest s':>11}"]
    lines.extend(
        f"{one.label:22}{one.asked:9}{one.right:9}{one.wrong:7}{one.lost:6}{one.retried:9}{one.slowest:11.2f}"
        for one in outcome.tallies
    )
    lines.append(
        f"{outcome.malformed} malformed messages, {outcome.rejected:g} rejected; {outcome.reloads} reloads, "
        f"{outcome.refused} refused; {outcome.kills} workers killed; {outcome.panics:g} panics"
    )
    rounds = (f"round {number}" for number in range(1, len(outcome.samples) + 1))
    lines += ["", f"{'at rest':14}" + "".join(f"{one:>11}" for one in rounds)]
    for limit in LIMITS:
        values = (one[limit.series] / limit.unit for one in outcome.samples)
        lines.append(f"{limit.label:14}" + "".join(f"{value:11.1f}" for value in values))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
