"""What supervisor and worker say to each other: pickled tuples over a socket pair that only they hold.

Neither ever waits for the other to read: a configuration with ten thousand blocks, or the metrics that come of it, is
far larger than what the kernel takes at once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

Handle = Callable[[str, Any, list[int]], Awaitable[Any]]

MAX_WAITING = 256 << 20  # octets that the other side has not read yet, or of one message
_MOST_DESCRIPTORS = 250  # that the kernel takes along with one octet or more (unix(7): 253)
_READ_AT_ONCE = 256 << 10
_HEAD = 8  # octets of the length in front of each message


class ChannelClosed(Exception):
    """The other side is gone."""


class Channel:
    """Requests with answers in both directions, in the running loop.

    ``handle`` is awaited with (what, payload, received file descriptors) for each request of the other side; what it
    returns or the text of what it raises goes back. ``closed`` is called once when the other side is gone.
    """

    def __init__(self, sock: socket.socket, handle: Handle, closed: Callable[[], None]) -> None:
        self._sock = sock
        self._handle = handle
        self._closed = closed
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._outgoing: deque[tuple[memoryview, list[int]]] = deque()
        self._unsent = 0
        self._incoming = bytearray()
        self._descriptors: list[int] = []
        sock.setblocking(False)
        self._loop.add_reader(sock, self._readable)

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
            self._say(("ask", number, what, payload), descriptors)
            async with asyncio.timeout(within):
                return await answer
        finally:
            self._waiting.pop(number, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # nobody else will look at it where the time was over or the question did not leave

    def close(self) -> None:
        """Say no more; everybody who waits for an answer gets ChannelClosed."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        _close(itertools.chain(self._descriptors, *(descriptors for _, descriptors in self._outgoing)))
        self._outgoing.clear()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ChannelClosed())

    # --- sending

    def _say(self, message: tuple[str, int, Any, Any], descriptors: Sequence[int] = ()) -> None:
        """Send as much as goes and keep the rest for later. Raises ChannelClosed."""
        if not self._open:
            raise ChannelClosed
        octets = pickle.dumps((*message, len(descriptors)))
        if self._unsent + len(octets) > MAX_WAITING:
            raise ChannelClosed
        whole = memoryview(len(octets).to_bytes(_HEAD, "big") + octets)
        copies = [os.dup(descriptor) for descriptor in descriptors]  # the caller may close its own before they are sent
        while len(copies) > _MOST_DESCRIPTORS and len(whole) > 1:
            self._queue(whole[:1], copies[:_MOST_DESCRIPTORS])
            whole, copies = whole[1:], copies[_MOST_DESCRIPTORS:]
        self._queue(whole, copies)
        self._write()
        if not self._open:
            raise ChannelClosed

    def _queue(self, octets: memoryview, descriptors: list[int]) -> None:
        self._outgoing.append((octets, descriptors))
        self._unsent += len(octets)

    def _write(self) -> None:
        try:
            while self._outgoing:
                octets, descriptors = self._outgoing[0]
                sent = socket.send_fds(self._sock, [octets], descriptors) if descriptors else self._sock.send(octets)
                self._unsent -= sent
                _close(descriptors)
                if sent < len(octets):
                    self._outgoing[0] = octets[sent:], []
                else:
                    self._outgoing.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._sock, self._write)
        except OSError:
            self._lost()
        else:
            self._loop.remove_writer(self._sock)

    # --- receiving

    def _readable(self) -> None:
        try:
            octets, descriptors, _, _ = socket.recv_fds(
                self._sock, _READ_AT_ONCE, _MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            octets, descriptors = b"", []
        self._descriptors += descriptors
        self._incoming += octets
        if not octets or self._length() > MAX_WAITING:
            self._lost()
            return
        while self._open and len(self._incoming) >= _HEAD + self._length():
            self._take(self._next())

    def _length(self) -> int:
        return int.from_bytes(self._incoming[:_HEAD], "big") if len(self._incoming) >= _HEAD else MAX_WAITING

    def _next(self) -> tuple[str, int, Any, Any, int]:
        end = _HEAD + self._length()
        with memoryview(self._incoming) as view, view[_HEAD:end] as octets:
            message: tuple[str, int, Any, Any, int] = pickle.loads(octets)  # noqa: S301  only we hold the other end
        del self._incoming[:end]
        return message

    def _take(self, message: tuple[str, int, Any, Any, int]) -> None:
        kind, number, first, second, count = message
        descriptors, self._descriptors = self._descriptors[:count], self._descriptors[count:]
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
        with suppress(ChannelClosed):
            self._say(result)

    def _lost(self) -> None:
        if self._open:
            self.close()
            self._closed()


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
