"""Reports on lines that a test makes up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from resolver.report.baseline import Baseline
from resolver.report.collect import Collector, Filter
from resolver.report.findings import work_out
from resolver.report.ledger import Ledger
from resolver.report.lines import Decode, decoder
from resolver.report.model import Findings
from resolver.report.sources import Sources


def line(second: int = 0, **fields: Any) -> dict[str, Any]:
    """An answered query for www.example.org of the namespace web, so many seconds after ten o'clock."""
    time = f"2026-11-22T{10 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000000Z"
    usual = {"client": "10.0.0.1", "namespace": "web", "owner": "Deployment/web", "name": "www.example.org."}
    return {"time": time, **usual, "type": "A", "rcode": "NOERROR", "answers": 1, "cache": "hit"} | fields


def written(path: Path, *lines: dict[str, Any] | str) -> str:
    """The name of a file with these lines."""
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
    return str(path)


def findings(
    *names: str,
    baseline: str = "",
    wanted: Filter | None = None,
    top: int = 20,
    decode: Decode | None = None,
) -> Findings:
    """The findings of these files."""
    known = None
    if baseline:
        known = Baseline()
        known.read(Sources([baseline]), decode or decoder())
    collector = Collector(Ledger(known), wanted or Filter())
    sources = Sources(names)
    collector.read(sources, decode or decoder())
    return work_out(collector, sources, top)
