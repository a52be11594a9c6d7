"""The workers as their supervisor sees them: a place in the crew, and the process that fills it at present."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from resolver.runtime.channel import Channel, ChannelClosed, Handle
from resolver.runtime.options import Options
from resolver.runtime.plan import Plan
from resolver.runtime.sockets import SocketKey, open_socket, socket_keys
from resolver.telemetry.snapshot import Snapshot, settled


class Child:
    """One worker process and the channel to it. ``latest`` are the last figures that it told."""

    def __init__(self, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self.process = process
        self.channel = channel
        self.latest: Snapshot = []
        self.answered = False

    @property
    def figures(self) -> Snapshot:
        """What it adds to the metrics: of one that does not answer only what stays true."""
        return self.latest if self.answered else settled(self.latest)

    def kill(self) -> None:
        """End the process at once."""
        self.channel.close()
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)  # Process.kill() may snatch the exit code from asyncio


class Crew:
    """The place of one worker: its number, its sockets, and who fills it.

    ``pause`` is how long the last restart waited, in seconds. The sockets are the supervisor's, so that queries that
    wait in them outlive the process.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.child: Child | None = None
        self.sockets: dict[SocketKey, socket.socket] = {}
        self.pause = 0.0

    async def ask(self, what: str, payload: object = None, *, within: float, descriptors: Sequence[int] = ()) -> Any:
        """What the worker answers. Raises ChannelClosed, TimeoutError or RuntimeError."""
        if self.child is None:
            raise ChannelClosed
        return await self.child.channel.ask(what, payload, within=within, descriptors=descriptors)

    async def start(self, options: Options, handle: Handle, closed: Callable[[], None]) -> None:
        """Fill the place with a new process. Raises OSError."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "resolver", "worker", str(theirs.fileno()), str(self.number)]
        command += [str(options.port), options.log.form, options.log.level]
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, env=dict(options.environ)
                )
            except BaseException:
                ours.close()
                raise
        self.child = Child(process, Channel(ours, handle, closed))

    def kill(self) -> None:
        """End the process that fills the place, if there is one."""
        if self.child is not None:
            self.child.kill()

    def open(self, plan: Plan) -> list[SocketKey]:
        """Open the sockets that the plan needs and are not open yet; which ones they are. Raises ResolverError."""
        new: list[SocketKey] = []
        try:
            for key in wanted(plan):
                if key not in self.sockets:
                    self.sockets[key] = open_socket(*key)
                    new.append(key)
        except BaseException:
            self.forget(new)
            raise
        return new

    def forget(self, keys: Sequence[SocketKey]) -> None:
        """Close sockets, those that are open."""
        for key in keys:
            if key in self.sockets:
                self.sockets.pop(key).close()


def wanted(plan: Plan) -> list[SocketKey]:
    """The sockets that a plan needs."""
    return [key for endpoint in plan.services for key in socket_keys(endpoint.scheme, endpoint.host, endpoint.port)]
