"""What the event loop and libraries complain about, as lines of our log."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

from resolver.telemetry.log import Log

_QUIET = 10.0  # seconds until the same complaint is written again
_MOST = 100  # complaints that are remembered
_LINES: Final = 20  # of libraries, in as many seconds as the same complaint is quiet
_OF_CLIENTS: Final = frozenset(("quic", "http3"))  # what aioquic says is what any client may bring about


class Complaints:
    """An exception handler for ``loop.set_exception_handler``: one line for each complaint, none for its repeats."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._said: dict[str, float] = {}

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        text = str(context.get("message", "unforeseen error in the event loop"))
        if error is not None:
            text += f": {type(error).__name__}: {error}"
        now = loop.time()
        if now < self._said.get(text, 0.0):
            return
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[text] = now + _QUIET
        self._log.error(text)
        if error is not None and self._log.level == "DEBUG":
            for line in "".join(traceback.format_exception(error)).splitlines():
                self._log.debug(line)


class LibraryLines(logging.Handler):
    """Makes lines of ours of what libraries write with ``logging``, which would stand on stderr in a form of their own.

    Only so many in ten seconds; what clients and upstreams bring about is for those who look for it.
    """

    def __init__(self, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._clock = clock
        self._since = clock()
        self._written = self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it."""
        level = "DEBUG" if record.name in _OF_CLIENTS else "ERROR" if record.levelno >= logging.ERROR else "WARNING"
        if level == "DEBUG" != self._log.level:
            return
        now = self._clock()
        if now - self._since >= _QUIET:
            if self._lost:
                self._log.warning(f"{self._lost} more lines of libraries were left out")
            self._since, self._written, self._lost = now, 0, 0
        if self._written >= _LINES:
            self._lost += 1
            return
        self._written += 1
        text = f"{record.name}: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            text += f": {type(error).__name__}: {error}"
        self._log.write(level, text, {})


def hear_all(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    """Have the log hear what this process's loop and libraries complain about."""
    loop.set_exception_handler(Complaints(log))
    logging.getLogger().handlers = [LibraryLines(log)]
