"""What a server holds at rest, and whether that grows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.runtime.clients import figures, total

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limit:
    """How much of something may be added between the first rest and the last: a share of it and a fixed amount."""

    series: str
    label: str
    share: float
    amount: float
    unit: float = 1.0

    def allows(self, first: float, last: float) -> bool:
        """Whether that is no growth."""
        return last <= first * (1 + self.share) + self.amount


# Memory: what the allocator keeps for itself varies. The rest: connections to upstreams come and go with chance, and so
# does that of /health to itself, which takes up to five tasks.
LIMITS = (
    Limit("process_resident_memory_bytes", "resident MB", 0.05, 3 * MEGABYTE, MEGABYTE),
    Limit("python_allocated_blocks", "blocks", 0.03, 3000),
    Limit("process_open_fds", "descriptors", 0.0, 6),
    Limit("python_asyncio_tasks", "tasks", 0.0, 6),
    Limit("process_threads", "threads", 0.0, 2),
)


async def sample(http: int, settle: float) -> dict[str, float]:
    """What the server holds once it is at rest: the least of several looks within ``settle`` seconds."""
    least: dict[str, float] = {}
    deadline = asyncio.get_running_loop().time() + settle
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(settle / 8)
        found = await figures(http, timeout=10.0)
        for limit in LIMITS:
            value = total(found, limit.series)
            least[limit.series] = min(value, least.get(limit.series, value))
    return least


def grown(samples: Sequence[dict[str, float]], limits: Sequence[Limit] = LIMITS) -> list[str]:
    """What has grown beyond its limit from the first sample to the least of the last two, in words."""
    first, last = samples[0], samples[-2:]
    out = []
    for limit in limits:
        ends = min(one[limit.series] for one in last)
        if not limit.allows(first[limit.series], ends):
            out.append(f"{limit.label} grew from {first[limit.series] / limit.unit:.1f} to {ends / limit.unit:.1f}")
    return out
