"""Names that were known before."""

from __future__ import annotations

from resolver.report.counting import digest
from resolver.report.lines import Decode
from resolver.report.sources import Sources

LIMIT = 2_000_000  # pairs of namespace and name


class Baseline:
    """Which names each namespace had asked for; digests of them, so that much fits.

    ``is_full`` says that there were more than there is room for: of those, some are called new.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._pairs: set[int] = set()
        self._names: set[int] = set()
        self.lines = self.bad = 0
        self.is_full = False

    def read(self, sources: Sources, decode: Decode) -> None:
        """Remember the names of these files. Raises ResolverError."""
        last: set[tuple[str, str]] = set()
        for piece in sources.pieces():
            lines, bad = decode(piece)
            self.bad += bad
            self.lines += len(lines)
            now = {(line.namespace, line.name) for line in lines if line.name}
            for namespace, name in now - last:
                self._add(namespace, name)
            last = now

    def __len__(self) -> int:
        return len(self._pairs)

    def knows(self, namespace: str, name: str) -> bool:
        """Whether this namespace asked for it."""
        return digest(f"{namespace} {name}") in self._pairs

    def knows_elsewhere(self, name: str) -> bool:
        """Whether anybody asked for it."""
        return digest(name) in self._names

    def _add(self, namespace: str, name: str) -> None:
        if len(self._pairs) >= self._limit:
            self.is_full = True
            return
        self._pairs.add(digest(f"{namespace} {name}"))
        self._names.add(digest(name))
