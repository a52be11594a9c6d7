"""Whether an upstream can be used, as a pure state machine."""

from __future__ import annotations


class Health:
    """What failed exchanges and probes say about one upstream.

    A failed query starts probing; ``max_fails`` failed probes in a row make the upstream down; any answer to a query or
    a probe, also REFUSED or SERVFAIL, ends the probing and makes it healthy again. With ``max_fails`` 0 it is never
    probed and never down. While ``down`` is set queries should rather go elsewhere.
    """

    __slots__ = ("down", "fails", "max_fails", "probing")

    def __init__(self, max_fails: int) -> None:
        self.max_fails = max_fails
        self.fails = 0
        self.probing = False
        self.down = False

    def query_failed(self) -> bool:
        """Note that a query brought no answer; returns whether that is news, and probing has to begin."""
        if self.max_fails == 0 or self.probing:
            return False
        self.probing = True
        return True

    def answered(self) -> None:
        """Note an answer to a query or a probe."""
        if self.probing:
            self.probing = self.down = False
            self.fails = 0

    def probe_failed(self) -> None:
        """Note a probe without an answer, which counts for nothing if a query was answered meanwhile."""
        if self.probing:
            self.fails += 1
            self.down = self.fails >= self.max_fails
