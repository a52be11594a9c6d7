"""What the event loop complains about, such as connections that cannot be accepted, as lines of our log."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from resolver.telemetry.log import Log

_QUIET = 10.0  # seconds until the same complaint is written again
_MOST = 100  # complaints that are remembered


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
