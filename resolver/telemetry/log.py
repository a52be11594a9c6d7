"""The server's log: short lines or JSON objects, one a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TextIO

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "FATAL")


class Log:
    """Writes events. ``plugin`` names who speaks and is shown as CoreDNS shows it: ``plugin/forward: ...``."""

    def __init__(self, stream: TextIO | None = None, *, form: str = "text", level: str = "INFO", plugin: str = "", clock: Callable[[], float] = time.time) -> None:  # fmt: skip  # noqa: E501
        self.stream = stream
        self.form = form
        self.level = level
        self.plugin = plugin
        self.clock = clock

    def named(self, plugin: str) -> Log:
        """The same log for another speaker."""
        return Log(self.stream, form=self.form, level=self.level, plugin=plugin, clock=self.clock)

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
