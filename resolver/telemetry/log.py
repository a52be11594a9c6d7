"""The server's log: short lines or JSON objects, each event on one line."""

from __future__ import annotations

import json
import select
import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "FATAL")
_RANKS: Final = {level: rank for rank, level in enumerate(LEVELS)}


class Log:
    """Writes events. ``plugin`` names who speaks and is shown as CoreDNS shows it: ``plugin/forward: ...``.

    Nothing raises, and a reader that has stopped reading does not stop the server: while a pipe is full, lines are left
    out and counted, and the next line that fits is preceded by their number. A line is written in one go; only one of
    more than 4096 octets may have to wait for its reader.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        form: str = "text",
        level: str = "INFO",
        plugin: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.form = form
        self.plugin = plugin
        self.clock = clock
        self._threshold = _Threshold(level)
        self._outlet = _Outlet(stream)
        self._speakers: dict[str, Log] = {}

    @property
    def level(self) -> str:
        """The lowest level that is written, the same for all speakers of this log."""
        return "DEBUG" if self._threshold.debugging else self._threshold.level

    def debugging(self, on: bool) -> None:
        """Somebody wants details from now on (or no longer); they are written until the last one has had enough."""
        self._threshold.debugging += 1 if on else -1

    def named(self, plugin: str) -> Log:
        """The same log for another speaker; all who ask for one name share it."""
        other = self._speakers.get(plugin)
        if other is None:
            other = self._speakers[plugin] = Log(form=self.form, plugin=plugin, clock=self.clock)
            other._threshold, other._outlet = self._threshold, self._outlet
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
        """Write one event. ``fields`` are its values for programs and stand in the JSON form only."""
        if _RANKS[level] < _RANKS[self.level]:
            return
        lost = self._outlet.take_lost()
        if lost:
            self._put("WARNING", f"{lost} lines were not written, as nobody read the log", {"lost": lost})
        self._put(level, text, fields)

    def _put(self, level: str, text: str, fields: dict[str, object]) -> None:
        if self.form == "json":
            event = {"time": round(self.clock(), 6), "level": level.lower(), "plugin": self.plugin, "message": text}
            line = json.dumps(event | fields, default=str)
        else:
            who = f"plugin/{self.plugin}: " if self.plugin else ""
            line = one_line(f"[{level}] {who}{text}")
        self._outlet.put(line)


def one_line(text: str) -> str:
    """The text with everything that is not printable escaped: what a client sends cannot forge a line or a colour."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


class _Threshold:
    """What all speakers of one log share: the level, and how many want to see everything."""

    __slots__ = ("debugging", "level")

    def __init__(self, level: str) -> None:
        self.level = level
        self.debugging = 0


class _Outlet:
    """Where the lines go: a stream, standard output when none is given."""

    __slots__ = ("_descriptor", "_poll", "lost", "stream")

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.lost = 0
        self._descriptor = -1
        self._poll: select.poll | None = None

    def put(self, line: str) -> None:
        stream = self.stream or sys.stdout
        try:
            if not self._has_room(stream):
                self.lost += 1
                return
            stream.write(line + "\n")
            stream.flush()
        except UnicodeEncodeError:
            self.put(line.encode("ascii", "backslashreplace").decode("ascii"))
        except (OSError, ValueError):
            self.lost += 1

    def take_lost(self) -> int:
        """How many lines could not be written since the last time, if there is room to say so now."""
        if not self.lost or not self._has_room(self.stream or sys.stdout):
            return 0
        lost, self.lost = self.lost, 0
        return lost

    def _has_room(self, stream: TextIO) -> bool:
        """Whether a line of up to 4096 octets (PIPE_BUF) can be written without waiting (pipe(7))."""
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError, AttributeError):
            return True  # not a file of the system
        if self._poll is None or descriptor != self._descriptor:
            self._descriptor = descriptor
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLOUT)
        return bool(self._poll.poll(0))
