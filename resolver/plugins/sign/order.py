"""What the process that signs is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """What to sign and how; ``origin`` in presentation form, times in seconds since 1970, the rest paths."""

    origin: str
    source: str
    target: str
    keys: Sequence[str]
    inception: int
    expiration: int
    serial: int

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))
