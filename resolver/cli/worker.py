"""``resolver worker``: how the supervisor starts a worker; not for people."""

from __future__ import annotations

from resolver.runtime.worker import work
from resolver.telemetry.log import Log


def run(arguments: list[str]) -> int:
    """Serve on a channel: file descriptor, number, port, form and level of the log."""
    fd, number, port, form, level = arguments
    return work(int(fd), int(number), Log(form=form, level=level), int(port))
