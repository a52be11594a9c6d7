"""The link with the local addresses: looked at here, changed by a process of its own (``linkwork``)."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from resolver.errors import ResolverError
from resolver.node.linkwork import IPVS
from resolver.node.settings import Address
from resolver.telemetry.log import Log

_WORK_TIME: Final = 20.0  # seconds
_ROOT: Final = str(Path(__file__).parents[2])
Work = Callable[[str, str, Sequence[Address]], Awaitable[dict[str, Any]]]


class LinkFailure(ResolverError):
    """The link could not be changed."""


class Link:
    """A link and the addresses that it is to have. ``ipvs`` are those that kube-proxy's IPVS link has instead."""

    def __init__(self, name: str, addresses: Sequence[Address], log: Log, *, work: Work | None = None) -> None:
        self.name = name
        self.addresses = tuple(addresses)
        self.ipvs: tuple[Address, ...] = ()
        self.log = log
        self._work = work or _in_another_process

    async def ensure(self) -> None:
        """Make what is missing. Raises LinkFailure."""
        done = await self._work("ensure", self.name, self.addresses)
        self.ipvs = tuple(ip_address(text) for text in done["ipvs"])
        for change in done["changes"]:
            self.log.info(change)

    async def look(self) -> None:
        """Learn which addresses kube-proxy's IPVS link has, and change nothing. Raises LinkFailure."""
        try:
            socket.if_nametoindex(IPVS)
        except OSError:
            return
        done = await self._work("look", self.name, self.addresses)
        self.ipvs = tuple(ip_address(text) for text in done["ipvs"])

    async def remove(self) -> None:
        """Take away what is ours. Raises LinkFailure."""
        for change in (await self._work("remove", self.name, self.addresses))["changes"]:
            self.log.info(change)

    def missing(self) -> list[str]:
        """What of link and addresses is not there now."""
        try:
            socket.if_nametoindex(self.name)
        except OSError:
            return [f"the link {self.name}"]
        return [str(address) for address in self.addresses if not _is_here(address)]


def _is_here(address: Address) -> bool:
    """Whether this machine has the address."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True


async def _in_another_process(task: str, name: str, addresses: Sequence[Address]) -> dict[str, Any]:
    # -P: what lies in the working directory is not imported with our rights
    words = [sys.executable, "-P", "-m", "resolver.node.linkwork", task, name, *map(str, addresses)]
    return await asyncio.to_thread(_run, words)


def _run(words: list[str]) -> dict[str, Any]:
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(  # noqa: S603
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WORK_TIME,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
    except OSError as error:
        raise LinkFailure(f"cannot start {words[0]}: {error.strerror or error}") from None
    except subprocess.TimeoutExpired:
        raise LinkFailure(f"changing the link took longer than {_WORK_TIME:g} seconds") from None
    return _read(done.stdout, done.stderr)


def _read(out: bytes, err: bytes) -> dict[str, Any]:
    try:
        done = json.loads(out)
    except ValueError:
        lines = err.decode("utf-8", "replace").strip().splitlines()
        raise LinkFailure(f"changing the link failed: {lines[-1] if lines else 'nothing was said'}") from None
    if "error" in done:
        raise LinkFailure(str(done["error"]))
    return dict(done)
