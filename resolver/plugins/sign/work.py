"""Signing one zone file in a process of its own, so that queries are answered meanwhile.

It reads a JSON object from standard input and prints one: what to do (see ``Order``), what came of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from resolver.dnssec.keys import read_key
from resolver.dnssec.signature import Validity
from resolver.errors import ResolverError
from resolver.plugins.sign.order import Order
from resolver.wire.names import from_text, to_text
from resolver.zone.data import building
from resolver.zone.signing import signed, unsigned
from resolver.zone.text import MasterFile
from resolver.zone.writing import write

_POLITE = 10


def carry_out(order: Order) -> dict[str, Any]:
    """Sign the zone and write the file. ``outside`` are names that were left out, ``error`` says why it failed."""
    origin = from_text(order.origin)
    outside: set[str] = set()
    begun = time.time()
    try:
        keys = [read_key(Path(path)) for path in order.keys]
        records = unsigned(MasterFile(Path(order.source), origin).records())
        steps = building(origin, records, None, lambda owner: outside.add(to_text(owner)))
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                zone = stop.value
                break
        validity = Validity(order.inception, order.expiration)
        # as old as its source was when it was read: a change that came meanwhile is newer
        write(Path(order.target), signed(zone, keys, validity, order.serial), begun)
    except ResolverError as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f"{Path(order.target).parent}: {error.strerror}"}
    return {"outside": sorted(outside)[:10], "outside_count": len(outside)}


def main() -> int:
    """The process: one order, one answer."""
    os.nice(_POLITE)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # leaves nothing behind
    sys.stdout.write(json.dumps(carry_out(Order(**json.load(sys.stdin)))) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
