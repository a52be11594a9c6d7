"""The server's log: short lines or JSON objects, one a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TextIO

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "FATAL")


class _Threshold:
    """What all speakers of one log share."""

    __slots__ = ("debugging", "level")

    def __init__(self, level: str) -> None:
        self.level = level
        self.debugging = 0


class Log:
    """Writes events. ``plugin`` names who speaks and is shown as CoreDNS shows it: ``plugin/forward: ...``."""

    def __init__(self, stream: TextIO | None = None, *, form: str = "text", level: str = "INFO", plugin: str = "", clock: Callable[[], float] = time.time) -> None:  # fmt: skip  # noqa: E501
        self.stream = stream
        self.form = form
        self.plugin = plugin
        self.clock = clock
        self._threshold = _Threshold(level)

    @property
    def level(self) -> str:
        """The lowest level that is written, the same for all speakers of this log."""
        return "DEBUG" if self._threshold.debugging else self._threshold.level

    def debugging(self, on: bool) -> None:
        """Somebody wants details from now on (or no longer); they are written until the last one has had enough."""
        self._threshold.debugging += 1 if on else -1

    def named(self, plugin: str) -> Log:
        """The same log for another speaker."""
        other = Log(self.stream, form=self.form, plugin=plugin, clock=self.clock)
        other._threshold = self._threshold
        return other

    def debug(self, text: str, **fields: object) -> None:
        """Details that only somebody who searches wants."""
        self.write("DEBUG", text, fields)

    def info(self, text: str, **fields: object) -> None:
        """What an operator wants to have read."""
        self.write("INFO", text, fields)

    def warning(self, text: str, **fields: object) -> None:
        """Something is odd, and serving goes on."""
        self.write("WARNING", text, fields)

    def error(self, text: str, **fields: object) -> None:
        """Something failed."""
        self.write("ERROR", text, fields)

    def fatal(self, text: str, **fields: object) -> None:
        """The process ends because of this."""
        self.write("FATAL", text, fields)

    def write(self, level: str, text: str, fields: dict[str, object]) -> None:
        """Write one line; a stream that is gone is no reason to stop serving."""
        if LEVELS.index(level) < LEVELS.index(self.level):
            return
        if self.form == "json":
            event = {"time": round(self.clock(), 6), "level": level.lower(), "plugin": self.plugin, "message": text}
            line = json.dumps(event | fields, default=str)
        else:
            who = f"plugin/{self.plugin}: " if self.plugin else ""
            line = f"[{level}] {who}{text}"
        try:
            stream = self.stream or sys.stdout
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):
            pass
