"""Failures become lines in the log, and exceptions become SERVFAIL."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Host
from resolver.config.pattern import matches
from resolver.errors import ResolverError
from resolver.plugins.errors.settings import Consolidation, Settings
from resolver.telemetry.log import Log
from resolver.wire.constants import type_name
from resolver.wire.names import to_text


class Errors(Plugin):
    """Logs replies that carry an error. Such replies give no leave to be replayed, so nothing is missed."""

    name = "errors"
    transparent = True
    sees_notify = True

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.log = host.log.named(self.name)
        self._panics = host.registry.counter(
            "coredns_panics_total", "Queries whose handling ended in an unforeseen error."
        )
        self._tallies = [Tally(one, self.log) for one in settings.consolidate]

    async def resolve(self, query: Query, next: Handler) -> Reply:
        try:
            reply = await next(query)
        except Exception as error:
            reply = self._failed(query, error)
        if reply.error:
            self._note(query, reply)
        return reply

    async def stop(self) -> None:
        """Print what was counted and not yet printed."""
        for tally in self._tallies:
            tally.stop()

    def _failed(self, query: Query, error: Exception) -> Reply:
        text = str(error) or type(error).__name__
        if not isinstance(error, ResolverError):  # a mistake in the server, not in what it was given
            self._panics.cell().value += 1
            text = f"recovered from {type(error).__name__}: {error}"
            if self.settings.stacktrace or self.log.level == "DEBUG":
                self._show_stack(error)
        return failure(query, self.name, error=text)

    def _show_stack(self, error: Exception) -> None:
        stack = "".join(traceback.format_exception(error)).rstrip()
        for line in [stack] if self.log.form == "json" else stack.splitlines():
            self.log.error(line)

    def _note(self, query: Query, reply: Reply) -> None:
        level = "ERROR"
        for tally in self._tallies:
            if matches(tally.settings.pattern, reply.error):
                if tally.takes(asyncio.get_running_loop().call_later):
                    return
                level = tally.settings.level
                break
        name, rtype = to_text(query.name), type_name(query.qtype)
        text = f"{reply.rcode} {name} {rtype}: {reply.error}"
        fields = {"rcode": reply.rcode, "name": name, "type": rtype, "error": reply.error, "upstream": reply.upstream}
        self.log.write(level, text, fields)


class Tally:
    """Counts the errors of one consolidation over its period."""

    def __init__(self, settings: Consolidation, log: Log) -> None:
        self.settings = settings
        self.log = log
        self.count = 0
        self._timer: asyncio.TimerHandle | None = None

    def takes(self, call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]) -> bool:
        """Count an error; False when it should be printed as well."""
        self.count += 1
        if self.count > 1:
            return True
        self._timer = call_later(self.settings.period, self.report)
        return not self.settings.show_first

    def report(self) -> None:
        """Print the count and begin anew; one error that was printed already needs no summary."""
        count, self.count, self._timer = self.count, 0, None
        if count > self.settings.show_first:
            period = go_duration(self.settings.period)
            text = f"{count} errors like '{self.settings.pattern.pattern}' occurred in last {period}"
            self.log.write(self.settings.level, text, {"count": count})

    def stop(self) -> None:
        """Print what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self.report()


def go_duration(seconds: float) -> str:
    """Seconds as log readers of the field know them: ``5m0s``, ``1.5s``, ``500ms``."""
    if seconds < 1:
        return f"{seconds * 1000:.6g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{round(rest, 9):.11g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
