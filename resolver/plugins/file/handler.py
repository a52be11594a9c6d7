"""Zones from the files that are named in the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.chain.setup import Host
from resolver.errors import ZoneError
from resolver.plugins.file.settings import Settings
from resolver.zone.data import Zone
from resolver.zone.files import ZoneFile
from resolver.zone.keeping import ZoneKeeper
from resolver.zone.options import tell_upstream
from resolver.zone.serving import Changed, ZoneAnswers

MISSING_INTERVAL: Final = 1.0
"""Not more seconds than this pass until the next look for a file that was never there."""


class File(Plugin):
    """Answers from the zones of files. Its answers may be replayed until their zone changes."""

    name = "file"
    transparent = True  # answers that depend on more than the question get no leave

    def __init__(self, settings: Sequence[Settings], host: Host) -> None:
        self.settings = settings
        self.log = host.log.named(self.name)
        fallthrough = tuple(zone for one in settings for zone in one.fallthrough)
        self.answers = ZoneAnswers(self.name, host, fallthrough)
        self.files = [
            [ZoneFile(one.path, zone, self.log, by_time=one.reload_by_mtime) for zone in one.zones] for one in settings
        ]
        self._keeper = ZoneKeeper(self.answers, self.log)
        self._watching: list[asyncio.Task[None]] = []

    async def resolve(self, query: Query, next: Handler) -> Reply:
        return await self.answers.resolve(query, next)

    # --- what others see

    def zones(self) -> Mapping[bytes, Zone]:
        return self.answers.zones()

    def follow_zones(self, changed: Changed) -> Callable[[], None]:
        return self.answers.follow_zones(changed)

    def claims(self, name: bytes) -> bool:
        return self.answers.claims(name)

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        return self.answers.overlay_tags(name)

    # --- life

    def succeed(self, previous: File) -> None:
        """Take over the zones of files that are served still."""
        before = {(file.path, file.origin, file.by_time): file for files in previous.files for file in files}
        for file in (file for files in self.files for file in files):
            known = before.get((file.path, file.origin, file.by_time))
            zone = previous.served(known) if known is not None else None
            if known is not None and zone is not None:
                file.resume(known)
                self._keeper.adopt(file, zone)

    def served(self, file: ZoneFile) -> Zone | None:
        """The zone that is served from a file."""
        return self._keeper.zone(file)

    async def start(self) -> None:
        """Read the files. One that is missing may come later; one that cannot be served raises ConfigError."""
        for one, files in zip(self.settings, self.files, strict=True):
            if one.upstream:
                tell_upstream(self.log)
            for file in files:
                await self._begin(one, file)
        for one, files in zip(self.settings, self.files, strict=True):
            if one.reload:
                self._watching.append(asyncio.create_task(self._watch(one.reload, files)))

    async def stop(self) -> None:
        for task in self._watching:
            task.cancel()
        self._watching.clear()

    async def _begin(self, settings: Settings, file: ZoneFile) -> None:
        if not await asyncio.to_thread(file.is_changed):
            return  # taken over as it is
        is_missing = not await asyncio.to_thread(file.path.exists)
        try:
            await self._keeper.read(file, anyway=True)
        except ZoneError as error:
            if not (is_missing and settings.reload):
                raise settings.directive.error(f"file: {error}") from None
            self.log.warning(f"{error}; it is looked for again every {_pause(settings.reload, missing=True):g} s")
            if self._keeper.zone(file) is None:
                self.answers.claim(file.origin)

    async def _watch(self, interval: float, files: Sequence[ZoneFile]) -> None:
        while True:
            missing = any(self._keeper.zone(file) is None for file in files)
            await asyncio.sleep(_pause(interval, missing=missing))
            await self._keeper.refresh(files)


def _pause(interval: float, *, missing: bool) -> float:
    """How long until the next look: what is missing may be written, or signed, at any moment."""
    return min(interval, MISSING_INTERVAL) if missing else interval
