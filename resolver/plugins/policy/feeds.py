"""Response policy zones from files and from primaries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from resolver.chain.turns import Turns
from resolver.errors import ConfigError, ResolverError, ZoneError
from resolver.plugins.policy.scope import Scope
from resolver.plugins.policy.settings import Feed
from resolver.policy.response_zone import ResponseZone
from resolver.wire.names import to_text
from resolver.zone.data import Zone
from resolver.zone.files import ZoneFile, release, remains, unseen
from resolver.zone.follower import Follower
from resolver.zone.primary import Primary

if TYPE_CHECKING:
    from resolver.plugins.policy.handler import PolicyPlugin, Source


def feeds_of(plugin: PolicyPlugin, scope: Scope) -> Iterator[Source]:
    """What keeps the response policy zones of a directive up to date."""
    for number, feed in enumerate(scope.settings.feeds):
        yield (
            FileFeed(plugin, scope, number, feed)
            if feed.path is not None
            else TransferFeed(plugin, scope, number, feed)
        )


class _Taking:
    """Putting versions of a zone into force."""

    def __init__(self, plugin: PolicyPlugin, scope: Scope, number: int, feed: Feed) -> None:
        self.plugin = plugin
        self.feed = feed
        self.shown = to_text(feed.origin)
        self._scope = scope
        self._number = number
        plugin.metrics.failures.cell(self.shown)

    async def take(self, zone: Zone) -> None:
        """This version counts from now on."""
        made = await Turns().all(unseen(ResponseZone.building(self.feed.origin, zone.records())))
        await self._scope.put_feed(self._number, made)
        metrics = self.plugin.metrics
        metrics.serial.cell(self.shown).value = made.serial
        metrics.triggers.cell(self.shown, "in force").value = made.count
        metrics.triggers.cell(self.shown, "ignored").value = made.ignored.total()
        self.plugin.log.info(f"response policy zone {self.shown} with serial {made.serial} has {made.count} triggers")
        if made.ignored:
            kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(made.ignored.items()))
            self.plugin.log.warning(f"response policy zone {self.shown} has triggers that do nothing here: {kinds}")

    def succeed(self, other: _Taking) -> None:
        """Let the version count that another one took."""
        zone = other._scope.feeds.get(other._number)
        if zone is not None:
            zone.is_shared = True  # queries may be under way that still ask the other one
            self._scope.feeds[self._number] = zone

    @property
    def is_there(self) -> bool:
        """Whether a version counts."""
        return self._number in self._scope.feeds

    def failed(self, reason: str) -> None:
        """The zone cannot be read; the version that was read before stays in force."""
        self.plugin.metrics.failures.cell(self.shown).value += 1
        self.plugin.log.error(f"response policy zone {self.shown} cannot be read, what was read before stays: {reason}")


class FileFeed:
    """A zone in a master file. The server does not start without it."""

    def __init__(self, plugin: PolicyPlugin, scope: Scope, number: int, feed: Feed) -> None:
        if feed.path is None:
            raise ConfigError("a feed from a file has a path")
        self._taking = _Taking(plugin, scope, number, feed)
        self._reload = feed.reload
        self._file = ZoneFile(feed.path, feed.origin, plugin.log, by_time=True)
        self._watching: asyncio.Task[None] | None = None

    def succeed(self, other: Source) -> None:
        """The file is read anew."""

    async def start(self) -> None:
        try:
            await self._read()
        except (ResolverError, OSError) as error:
            raise self._mistake(error) from None
        if self._reload:
            self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def mistakes(self) -> Sequence[ConfigError]:
        """What keeps the file from being read: the first mistake in it."""
        feed = self._taking.feed
        try:
            zone = await ZoneFile(self._file.path, feed.origin, self._taking.plugin.log, by_time=True).read(None)
            if zone is not None:
                ResponseZone.of(feed.origin, zone.records())
        except (ResolverError, OSError) as error:
            return [_because(error, self._mistake(error))]
        return ()

    def _mistake(self, error: ResolverError | OSError) -> ConfigError:
        """With its place in the file, or the one where the file is named."""
        at = self._taking.feed.at
        if isinstance(error, ZoneError):
            return ConfigError(error.message, error.at or at)
        return ConfigError(str(error), at)

    def is_ready(self) -> bool:
        return self._taking.is_there

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._reload)
            try:
                if await asyncio.to_thread(self._file.is_changed):
                    await self._read()
            except (ResolverError, OSError) as error:
                self._taking.failed(str(error))
            except Exception as error:  # whatever a file brings must not end the watch over it
                self._taking.failed(repr(error))

    async def _read(self) -> None:
        zone = await self._file.read(None)
        if zone is not None:
            await self._taking.take(zone)
            rest = remains(zone)
            del zone
            await release(rest)


class TransferFeed:
    """A zone that primaries have. Until it is here, nothing of it counts; it stays in force when it expires."""

    def __init__(self, plugin: PolicyPlugin, scope: Scope, number: int, feed: Feed) -> None:
        self._taking = _Taking(plugin, scope, number, feed)
        host = plugin.host
        primaries = [Primary(address, feed.key) for address in feed.primaries]
        self._follower = Follower(
            feed.origin, primaries, self, asyncio.Semaphore(1), plugin.log, host.chance, host.clock
        )
        self._newest: Zone | None = None
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def succeed(self, other: Source) -> None:
        """Go on with what was fetched before a reload, if it came from there."""
        if not isinstance(other, TransferFeed):
            return
        mine, theirs = self._taking.feed, other._taking.feed
        if (mine.origin, mine.primaries, mine.key) == (theirs.origin, theirs.primaries, theirs.key):
            self._follower.succeed(other._follower)
            self._taking.succeed(other._taking)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._follower.run()), loop.create_task(self._work())]

    async def mistakes(self) -> Sequence[ConfigError]:
        """Primaries are not asked."""
        return ()

    def is_ready(self) -> bool:
        return self._taking.is_there

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()

    def claim(self, origin: bytes) -> None:
        """The zone has expired: an old list of what is dangerous is better than none."""
        self._taking.failed("it expired")

    def put(self, zone: Zone) -> None:
        """A version has come."""
        self._newest = zone
        self._woken.set()

    async def _work(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            zone, self._newest = self._newest, None
            if zone is not None:
                try:
                    await self._taking.take(zone)
                except Exception as error:  # whatever a zone holds must not end the care for it
                    self._taking.failed(repr(error))


def _because(cause: Exception, mistake: ConfigError) -> ConfigError:
    mistake.__cause__ = cause
    return mistake
