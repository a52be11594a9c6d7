"""Zones from the files that are in a directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.chain.setup import Host
from resolver.plugins.auto.directory import Found, look
from resolver.plugins.auto.settings import Settings
from resolver.wire.names import is_below, to_text
from resolver.zone.data import Zone
from resolver.zone.files import ZoneFile
from resolver.zone.keeping import ZoneKeeper
from resolver.zone.options import tell_upstream
from resolver.zone.serving import Changed, ZoneAnswers


class Auto(Plugin):
    """Answers from the zones of files. Its answers may be replayed until their zone changes, or one appears."""

    name = "auto"
    transparent = True  # answers that depend on more than the question get no leave

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.log = host.log.named(self.name)
        self.answers = ZoneAnswers(self.name, host, settings.fallthrough, settings.zones)
        self.files: dict[bytes, ZoneFile] = {}
        self._keeper = ZoneKeeper(self.answers, self.log)
        self._remarks: dict[Path, str] = {}
        self._unreadable = ""
        self._watching: asyncio.Task[None] | None = None

    async def resolve(self, query: Query, next: Handler) -> Reply:
        name = query.name
        for zone in self.settings.zones:
            if is_below(name, zone):
                return await self.answers.resolve(query, next)
        return await next(query)

    # --- what others see

    def zones(self) -> Mapping[bytes, Zone]:
        return self.answers.zones()

    def follow_zones(self, changed: Changed) -> Callable[[], None]:
        return self.answers.follow_zones(changed)

    def claims(self, name: bytes) -> bool:
        return any(is_below(name, zone) for zone in self.settings.zones) and self.answers.claims(name)

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        return self.answers.overlay_tags(name)

    # --- life

    def succeed(self, previous: Auto) -> None:
        """Take over the zones of files that may be served still; those that are not found are let go of later."""
        if (previous.settings.directory, previous.settings.zones) != (self.settings.directory, self.settings.zones):
            return
        for origin, known in previous.files.items():
            zone = previous.served(known)
            if zone is not None:
                file = self._file(origin, known.path)
                file.resume(known)
                self._keeper.adopt(file, zone)

    def served(self, file: ZoneFile) -> Zone | None:
        """The zone that is served from a file."""
        return self._keeper.zone(file)

    async def start(self) -> None:
        """Read the zones that are there; what cannot be served is worth a warning and no more."""
        if self.settings.upstream:
            tell_upstream(self.log)
        await self._refresh()
        if self.settings.reload:
            self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.settings.reload)
            await self._refresh()

    async def _refresh(self) -> None:
        """Serve what the directory has now; as long as it cannot be read, everything stays."""
        try:
            found = await asyncio.to_thread(look, self.settings)
        except OSError as error:
            reason = f"cannot read {self.settings.directory}: {error.strerror or error}"
            if reason != self._unreadable:  # once, not at each look
                self.log.warning(reason)
            self._unreadable = reason
            return
        self._unreadable = ""
        self._tell(found)
        for origin, file in list(self.files.items()):
            path = found.files.get(origin)
            if path is None:
                await self._forget(origin, file)
            elif path != file.path:
                file.move(path)
        for origin, path in found.files.items():
            if origin not in self.files:
                self._file(origin, path)
        await self._keeper.refresh(list(self.files.values()))

    async def _forget(self, origin: bytes, file: ZoneFile) -> None:
        del self.files[origin]
        self.log.info(f"{file.path} is gone: {to_text(origin)} is served no more")
        await self._keeper.forget(file)

    def _file(self, origin: bytes, path: Path) -> ZoneFile:
        file = ZoneFile(path, origin, self.log, by_time=self.settings.reload_by_mtime)
        self.files[origin] = file
        return file

    def _tell(self, found: Found) -> None:
        for path, remark in found.remarks.items():
            if self._remarks.get(path) != remark:
                self.log.warning(f"{path} {remark}")
        self._remarks = found.remarks
