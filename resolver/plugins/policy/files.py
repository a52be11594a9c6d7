"""Rules in files, kept as the files are."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolver.chain.changed import Stamp, open_regular
from resolver.chain.turns import Turns
from resolver.config.problems import Problems
from resolver.errors import ConfigError, ConfigErrors, Place, ResolverError
from resolver.plugins.policy.scope import Scope
from resolver.plugins.policy.settings import RuleFile
from resolver.policy.reading import is_yaml, parse_rules, parsing_rules
from resolver.policy.rules import Rule
from resolver.zone.files import unseen

if TYPE_CHECKING:
    from resolver.plugins.policy.handler import PolicyPlugin, Source

MAX_OCTETS: Final = 256 << 20
_SHOWN: Final = 5


class FileSource:
    """One file of rules. The server does not start without it; later, a file that is broken changes nothing."""

    def __init__(self, plugin: PolicyPlugin, scope: Scope, file: RuleFile) -> None:
        self._plugin = plugin
        self._scope = scope
        self._file = file
        self._stamp: Stamp | None = None
        self._watching: asyncio.Task[None] | None = None
        self._complaint = ""
        self._counted = 0
        self._was_read = False

    def succeed(self, other: Source) -> None:
        """The file is read anew."""

    async def start(self) -> None:
        self._plugin.metrics.failures.cell(str(self._file.path))
        problems = Problems()
        with problems:
            await self._read()
        if problems:
            raise ConfigErrors([_placed(error, self._file.at) for error in problems.all()])
        if self._file.reload:
            self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def mistakes(self) -> Sequence[ConfigError]:
        """What is wrong with the file: that it cannot be read, or all mistakes in it."""
        problems = Problems()
        with problems:
            found = await self._changed(None)
            if found is not None:
                self._check(await self._parse(found[0]))
        return [_placed(error, self._file.at) for error in problems.all()]

    def is_ready(self) -> bool:
        return self._was_read

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        self._plugin.metrics.rules.cell(str(self._file.path)).value -= self._counted
        self._counted = 0

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._file.reload)
            try:
                await self._read()
                self._complaint = ""
            except ConfigErrors as errors:
                self._failed("; ".join(str(error) for error in errors.errors[:_SHOWN]))
            except ResolverError as error:
                self._failed(str(error))
            except Exception as error:  # whatever a file brings must not end the watch over it
                self._failed(repr(error))

    def _failed(self, reason: str) -> None:
        self._plugin.metrics.failures.cell(str(self._file.path)).value += 1
        if reason != self._complaint:
            self._complaint = reason
            self._plugin.log.error(f"{self._file.path} cannot be used, the rules that it had stay: {reason}")

    async def _read(self) -> None:
        """Take over what the file says, if it was changed. Raises ConfigError or ConfigErrors."""
        path = self._file.path
        found = await self._changed(self._stamp)
        if found is None:
            return
        text, stamp = found
        self._stamp = stamp  # a broken file is complained of once, and read again when it is another
        rules = await self._parse(text)
        self._check(rules)
        begun = time.monotonic()
        self._scope.policy.put(str(path), rules)
        await self._scope.refresh()
        metrics = self._plugin.metrics
        metrics.rules.cell(str(path)).value += len(rules) - self._counted
        self._counted = len(rules)
        self._was_read = True
        metrics.changed.cell(str(path)).value = stamp[0] / 1e9
        self._plugin.log.info(f"{path} has {len(rules)} rules, in force after {time.monotonic() - begun:.3f}s")

    async def _changed(self, stamp: Stamp | None) -> tuple[str, Stamp] | None:
        """The text of the file, None where it is as it was. Raises ConfigError."""
        try:
            return await asyncio.to_thread(_read_changed, self._file.path, stamp)
        except UnicodeDecodeError as error:
            octets = error.object[: error.start]
            place = Place(str(self._file.path), octets.count(b"\n") + 1, len(octets.rpartition(b"\n")[2].decode()) + 1)
            raise ConfigError("the file is not UTF-8 text", place) from None
        except OSError as error:
            raise ConfigError(f"{self._file.path}: {error.strerror or error}") from None

    async def _parse(self, text: str) -> list[Rule]:
        """The rules of a text, while others have their turns. Raises ConfigErrors."""
        origin, groups = str(self._file.path), self._scope.settings.groups
        if is_yaml(text):  # reading YAML has no steps
            return await asyncio.to_thread(parse_rules, text, origin, groups)
        return await Turns().all(unseen(parsing_rules(text, origin, groups)))

    def _check(self, rules: list[Rule]) -> None:
        if self._plugin.identifying is None:
            for rule in rules:
                if any(who.needs_identity for who in rule.who):
                    raise ConfigError("this rule needs the directive identity in the server block", rule.at)


def _placed(error: ConfigError, at: Place | None) -> ConfigError:
    """The mistake at its own place, or at the one where the file is named."""
    error.at = error.at or at
    return error


def _read_changed(path: Path, stamp: Stamp | None) -> tuple[str, Stamp] | None:
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        now = (status.st_mtime_ns, status.st_size)
        if now == stamp:
            return None
        if status.st_size > MAX_OCTETS:
            raise OSError(0, f"it is longer than {MAX_OCTETS >> 20} MiB")
        return file.read(MAX_OCTETS).decode(), now
