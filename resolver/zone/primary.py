"""Asking a primary for a zone, over TCP."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Final

from resolver.errors import UpstreamError, WireError, ZoneError
from resolver.wire.constants import AXFR, HEADER_SIZE, IXFR, SOA
from resolver.wire.framing import frame
from resolver.wire.message import Message, scan
from resolver.wire.records import Record
from resolver.wire.tsig import Key, Signer, Verifier
from resolver.zone.data import Zone
from resolver.zone.serial import is_newer, serial_of
from resolver.zone.transfer_in import Incoming, check_answer, question, request

CONNECT_TIME: Final = 5.0
MESSAGE_TIME: Final = 10.0
"""Seconds that a primary has to accept, and to send each message."""

WHOLE_TIME: Final = 900.0
"""Seconds that all of it may take."""

Address = tuple[str, int]


class Primary:
    """A server that has zones which are served here too. Everything that it is asked is signed with ``key``."""

    def __init__(self, address: Address, key: Key | None = None, wall: Callable[[], float] = time.time) -> None:
        self.address = address
        self.key = key
        self._wall = wall

    @property
    def shown(self) -> str:
        """Its address as people write it."""
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def newer(self, origin: bytes, base: Zone | None) -> Zone | None:
        """A newer version of a zone than this one, None where there is none.

        Raises OSError, WireError, ZoneError and UpstreamError where the primary is of no use.
        """
        try:
            async with asyncio.timeout(WHOLE_TIME):
                if base is not None and not is_newer(serial_of(await self._soa(origin)), base.serial):
                    return None
                if base is not None:
                    try:
                        return await self._transfer(origin, base)
                    except (WireError, ZoneError, asyncio.IncompleteReadError):
                        pass  # not every primary knows IXFR, and its differences may not fit: take all of it
                return await self._transfer(origin, None)
        except TimeoutError:
            raise UpstreamError("it does not answer in time") from None
        except asyncio.IncompleteReadError:
            raise UpstreamError("it closed the connection in the midst of its answer") from None

    async def _soa(self, origin: bytes) -> Record:
        """The SOA record that the primary has. TCP, so that nobody else can answer."""
        message_id = secrets.randbits(16)
        packet = message_id.to_bytes(2, "big") + b"\0\0\0\1\0\0\0\0\0\0" + question(origin, SOA)
        async with _Conversation(self.address) as conversation:
            verifier = conversation.ask(packet, self.key, self._wall)
            message = scan(await conversation.read())
        if verifier is not None:
            verifier.take(message, int(self._wall()))
        check_answer(message, message_id, question(origin, SOA))
        for record in message.sections().answer:
            if record.type == SOA and record.owner.lower() == origin and len(record.rdata) > HEADER_SIZE + 10:
                return record
        raise ZoneError("it does not have the zone")

    async def _transfer(self, origin: bytes, base: Zone | None) -> Zone | None:
        """The zone; None where an IXFR finds nothing newer."""
        loop = asyncio.get_running_loop()
        message_id = secrets.randbits(16)
        asked = question(origin, AXFR if base is None else IXFR)
        incoming = Incoming(origin, base)
        async with _Conversation(self.address) as conversation:
            verifier = conversation.ask(request(message_id, origin, base), self.key, self._wall)

            def take(octets: bytes) -> bool:
                message: Message = scan(octets)
                if verifier is not None:
                    verifier.take(message, int(self._wall()))
                check_answer(message, message_id, asked)
                return incoming.take(message)

            # in a thread: all queries would wait while a large message is taken apart
            while not await loop.run_in_executor(None, take, await conversation.read()):
                pass
        if verifier is not None and not verifier.is_complete:
            raise WireError("the end of the transfer is not signed")
        return None if incoming.is_current else await loop.run_in_executor(None, incoming.zone)


class _Conversation:
    """One connection to a primary."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> _Conversation:
        async with asyncio.timeout(CONNECT_TIME):
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()

    def ask(self, packet: bytes, key: Key | None, wall: Callable[[], float]) -> Verifier | None:
        """Send a question; what verifies the answers to it where it is signed."""
        verifier = None
        if key is not None:
            signer = Signer(key)
            packet = signer.sign(packet, int(wall()))
            verifier = Verifier(key, signer.mac)
        self._writer.write(frame(packet))
        return verifier

    async def read(self) -> bytes:
        """The next message."""
        async with asyncio.timeout(MESSAGE_TIME):
            length = int.from_bytes(await self._reader.readexactly(2), "big")
            return await self._reader.readexactly(length)
