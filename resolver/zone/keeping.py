"""Zones of master files kept in service: read at the start, and again when the files change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from resolver.errors import ZoneError
from resolver.telemetry.log import Log
from resolver.wire.names import to_text
from resolver.zone.data import Zone
from resolver.zone.files import Remains, ZoneFile, release, remains
from resolver.zone.serving import ZoneAnswers


class ZoneKeeper:
    """Puts the zones of files into service. A file that cannot be read leaves the zone in service that it had."""

    def __init__(self, answers: ZoneAnswers, log: Log) -> None:
        self._answers = answers
        self._log = log
        self._served: dict[ZoneFile, bytes] = {}

    def zone(self, file: ZoneFile) -> Zone | None:
        """What is served from the file."""
        origin = self._served.get(file)
        return None if origin is None else self._answers.zones().get(origin)

    def adopt(self, file: ZoneFile, zone: Zone) -> None:
        """Serve a zone that was read from the file before."""
        self._served[file] = zone.origin
        self._answers.put(zone)

    async def read(self, file: ZoneFile, *, anyway: bool = False) -> bool:
        """Serve what the file has now; whether that is something else than before. Raises ZoneError."""
        zone = await file.read(self.zone(file), anyway=anyway)
        if zone is None:
            return False
        await self._put(file, zone)
        return True

    async def refresh(self, files: Iterable[ZoneFile]) -> None:
        """Read what has changed of the files; the log tells of success and failure."""
        for file in await asyncio.to_thread(_changed, files):
            try:
                if await self.read(file):
                    zone = self.zone(file)
                    serial = zone.serial if zone is not None else 0
                    self._log.info(f"{file.path} was read: {to_text(file.origin)} has the serial {serial}")
            except ZoneError as error:
                state = "what was read before stays" if self.zone(file) is not None else "the zone has no data"
                self._log.error(f"{error}; {state}")

    async def forget(self, file: ZoneFile) -> None:
        """Serve the file no longer."""
        old = self._remains(file)
        self._answers.drop(self._served.pop(file, file.origin))
        await release(old)

    async def _put(self, file: ZoneFile, zone: Zone) -> None:
        old = self._remains(file)
        before = self._served.get(file, file.origin)
        if before != zone.origin:
            self._answers.drop(before)
        self.adopt(file, zone)
        await release(old)

    def _remains(self, file: ZoneFile) -> Remains:
        zone = self.zone(file)
        return ([], []) if zone is None else remains(zone)


def _changed(files: Iterable[ZoneFile]) -> list[ZoneFile]:
    return [file for file in files if file.is_changed()]
