"""What supervisor and worker say to each other: pickled tuples over a socket pair that only they hold."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any

Handle = Callable[[str, Any, list[int]], Awaitable[Any]]


class ChannelClosed(Exception):
    """The other side is gone."""


class Channel:
    """Requests with answers in both directions, in the running loop.

    ``handle`` is awaited with (what, payload, received file descriptors) for each request of the other side; what it
    returns or the text of what it raises goes back. ``closed`` is called once when the other side is gone.
    """

    def __init__(self, connection: Connection, handle: Handle, closed: Callable[[], None]) -> None:
        self.connection = connection
        self._handle = handle
        self._closed = closed
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._loop.add_reader(connection.fileno(), self._readable)

    async def ask(
        self, what: str, payload: Any = None, *, within: float = 30.0, descriptors: Sequence[int] = ()
    ) -> Any:
        """The other side's answer; open ``descriptors`` are handed over.

        Raises ChannelClosed, TimeoutError after ``within`` seconds, or RuntimeError with what the other side raised.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting[number] = answer
        try:
            self._send(("ask", number, what, payload), descriptors)
            async with asyncio.timeout(within):
                return await answer
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Say no more; everybody who waits for an answer gets ChannelClosed."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self.connection.fileno())
        self.connection.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ChannelClosed())

    def _send(self, message: tuple[str, int, Any, Any], descriptors: Sequence[int] = ()) -> None:
        if not self._open:
            raise ChannelClosed
        try:
            self.connection.send((*message, len(descriptors)))
            for descriptor in descriptors:
                send_handle(self.connection, descriptor, None)
        except OSError:
            raise ChannelClosed from None

    def _readable(self) -> None:
        try:
            kind, number, first, second, count = self.connection.recv()
            descriptors = [recv_handle(self.connection) for _ in range(count)]
        except (EOFError, OSError):
            self.close()
            self._closed()
            return
        if kind == "ask":
            task = self._loop.create_task(self._answer(number, first, second, descriptors))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        answer = self._waiting.get(number)
        if answer is not None and not answer.done():
            if kind == "failed":
                answer.set_exception(RuntimeError(first))
            else:
                answer.set_result(first)

    async def _answer(self, number: int, what: str, payload: Any, descriptors: list[int]) -> None:
        try:
            result = ("answer", number, await self._handle(what, payload, descriptors), None)
        except Exception as error:  # the other side is told whatever went wrong
            result = ("failed", number, str(error) or type(error).__name__, None)
        try:
            self._send(result)
        except ChannelClosed:
            return
