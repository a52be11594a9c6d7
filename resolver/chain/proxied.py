"""How clients behind a proxy are told from the proxy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

USE: Final = "use"
IGNORE: Final = "ignore"
REJECT: Final = "reject"
SKIP: Final = "skip"
POLICIES: Final = (USE, IGNORE, REJECT, SKIP)


@dataclass(frozen=True, slots=True)
class ProxyPolicy:
    """``decide`` gives one of POLICIES for the host that a header comes from.

    ``track`` is for how many seconds a header over UDP also holds for datagrams without one from the same host and
    port, 0 for not at all; ``sessions`` how many of these are kept.
    """

    decide: Callable[[str], str]
    track: float = 0.0
    sessions: int = 10_240
