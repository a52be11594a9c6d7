"""A program that collects dnstap, as tests want it."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from resolver.telemetry.dnstap import CONTENT_TYPE
from resolver.telemetry.framestream import ACCEPT, FINISH, START, STOP, control_frame, read_control
from tests.support.protobuf import fields

CLIENT_QUERY, CLIENT_RESPONSE, FORWARDER_QUERY, FORWARDER_RESPONSE = 5, 6, 7, 8


class Collector:
    """Takes what it is sent. ``controls`` are the kinds of control frames that came, ``payloads`` the contents."""

    def __init__(self) -> None:
        self.controls: list[int] = []
        self.payloads: list[dict[int, Any]] = []
        self.connections = 0
        self.accepts: tuple[bytes, ...] = (CONTENT_TYPE,)
        self.reading = asyncio.Event()
        self.reading.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    @property
    def messages(self) -> list[dict[int, Any]]:
        return [fields(payload[14]) for payload in self.payloads]

    @property
    def kinds(self) -> list[int]:
        return [message[1] for message in self.messages]

    async def listen(self, path: str) -> None:
        self._server = await asyncio.start_unix_server(self.converse, path)

    async def listen_with_tls(self, context: ssl.SSLContext) -> int:
        self._server = await asyncio.start_server(self.converse, "127.0.0.1", 0, ssl=context)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                await self.reading.wait()
                await self._frame(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            writer.transport.abort()

    async def _frame(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(4), "big")
        if length:
            self.payloads.append(fields(await reader.readexactly(length)))
            return
        length = int.from_bytes(await reader.readexactly(4), "big")
        kind, types = read_control(await reader.readexactly(length))
        self.controls.append(kind)
        if kind == STOP:
            writer.write(control_frame(FINISH))
        elif kind != START:
            assert types == (CONTENT_TYPE,)
            writer.write(control_frame(ACCEPT, self.accepts[0]) if self.accepts else control_frame(FINISH))
