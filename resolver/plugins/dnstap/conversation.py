"""One connection to a collector, whoever opened it: greeting, frames, farewell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from resolver.errors import ResolverError, WireError
from resolver.plugins.dnstap.queue import Queue
from resolver.telemetry.dnstap import CONTENT_TYPE
from resolver.telemetry.framestream import ACCEPT, MAX_CONTROL, READY, START, STOP, control_frame, read_control

GREETING: Final = 4.0  # seconds for the collector to say that it is listening
FAREWELL: Final = 1.0  # seconds for it to take the rest and say good-bye
CHUNK: Final = 256 << 10


class Refused(ResolverError):
    """The other side does not speak dnstap, or wants to hear no more."""


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Agree to send dnstap. Raises Refused, OSError or TimeoutError."""
    async with asyncio.timeout(GREETING):
        writer.write(control_frame(READY, CONTENT_TYPE))
        kind, types = await _read_control(reader)
        if kind != ACCEPT:
            raise Refused("it does not accept frames")
        if types and CONTENT_TYPE not in types:
            raise Refused("it accepts other contents than dnstap")
        writer.write(control_frame(START, CONTENT_TYPE))
        await writer.drain()


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, queue: Queue, sent: Callable[[int], None]
) -> None:
    """Send what comes until the queue is closed. Raises Refused or OSError; what was under way then is lost."""
    ended = asyncio.ensure_future(reader.read(1))
    try:
        while True:
            await asyncio.wait((queue.wait(), ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                ended.result()
                raise Refused("it closed the connection")
            frames = queue.take(CHUNK)
            if not frames:
                return
            await _send(writer, frames, queue)
            sent(len(frames))
    finally:
        ended.cancel()
        await asyncio.wait((ended,))


async def _send(writer: asyncio.StreamWriter, frames: list[bytes], queue: Queue) -> None:
    try:
        writer.write(b"".join(frames))
        await writer.drain()
    except (OSError, asyncio.CancelledError):
        queue.lost(len(frames))
        raise


async def part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say good-bye, and wait a moment for the other side to do so."""
    try:
        async with asyncio.timeout(FAREWELL):
            writer.write(control_frame(STOP))
            await writer.drain()
            await _read_control(reader)
    except (OSError, TimeoutError, ResolverError):
        return


async def _read_control(reader: asyncio.StreamReader) -> tuple[int, tuple[bytes, ...]]:
    try:
        head = await reader.readexactly(8)
        length = int.from_bytes(head[4:], "big")
        if head[:4] != bytes(4) or length > MAX_CONTROL:
            raise Refused("it does not speak Frame Streams")
        return read_control(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        raise Refused("it closed the connection") from None
    except WireError as error:
        raise Refused(str(error)) from None
