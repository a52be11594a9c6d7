"""Lines in a file that begins anew when it is large or old."""

from __future__ import annotations

import time

from resolver.plugins.audit.outlet import Batch
from resolver.telemetry.rotation import Keeping, RotatedFile


class FileSink:
    """Tries for ever: a full disk may have room again."""

    patience = None

    def __init__(self, path: str, keeping: Keeping) -> None:
        self._file = RotatedFile(path, keeping, time.time)

    def open(self) -> None:
        self._file.open()

    def write(self, batch: Batch) -> int:
        self._file.append(*batch.pieces)
        return 0

    def close(self) -> None:
        self._file.close()
