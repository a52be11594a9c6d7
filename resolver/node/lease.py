"""Who needs link and rules: leases that live in the network namespace, as link and rules do, and end with the process.

A lease is an abstract Unix socket (unix(7)). Everybody in the network namespace sees it, in whatever container; the
kernel takes it away when its process dies, however that happens. Nothing is left behind and nothing has to be mounted.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from resolver.telemetry.log import Log

LINK: Final = "link"
RULES: Final = "rules"
_LONGEST_LOCK: Final = 10.0  # seconds
_LOCK_PAUSE: Final = 0.02
_PROC: Final = Path("/proc/self/net/unix")


class Leases:
    """The leases on the things of one link, as this process holds and sees them."""

    def __init__(self, interface: str, log: Log, *, proc: Path = _PROC) -> None:
        self._prefix = f"k8s-resolver/node/{interface}"
        self._token = secrets.token_hex(8)
        self._log = log
        self._proc = proc
        self._held: dict[str, socket.socket] = {}

    def hold(self, kind: str) -> None:
        """Say that this process needs LINK or RULES, from now until ``release`` or its end."""
        if kind not in self._held:
            self._held[kind] = _bound(f"{self._prefix}/{kind}/{self._token}")

    def release(self, kind: str) -> None:
        """This process does not need it any more."""
        if kind in self._held:
            self._held.pop(kind).close()

    def others(self, kind: str) -> int:
        """How many other processes need it."""
        try:
            lines = self._proc.read_text(errors="replace").splitlines()
        except OSError:
            return 0
        start = f"@{self._prefix}/{kind}/"
        names = {line[line.index(start) :].rstrip("@") for line in lines if start in line}
        return len(names - {start + self._token})

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Only one process changes link and rules at a time; whoever holds this for too long is not waited for."""
        deadline = asyncio.get_running_loop().time() + _LONGEST_LOCK
        taken: socket.socket | None = None
        while taken is None:
            try:
                taken = _bound(f"{self._prefix}/lock")
            except OSError:
                if asyncio.get_running_loop().time() > deadline:
                    self._log.warning("another process changes link or rules for very long; going on beside it")
                    break
                await asyncio.sleep(_LOCK_PAUSE)
        try:
            yield
        finally:
            if taken is not None:
                taken.close()


def _bound(name: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.bind("\0" + name)
    except OSError:
        sock.close()
        raise
    return sock
