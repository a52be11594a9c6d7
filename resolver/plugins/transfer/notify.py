"""Telling other servers that a zone changed (RFC 1996)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

from resolver.errors import UpstreamError, WireError
from resolver.plugins.transfer.settings import Stanza
from resolver.telemetry.log import Log
from resolver.wire.constants import AA, IN, NOERROR, NOTIFY, OPCODE_MASK, QR, SOA, rcode_name
from resolver.wire.header import HEADER
from resolver.wire.message import scan
from resolver.wire.names import to_text
from resolver.wire.tsig import Signer, Verifier

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How many seconds each attempt waits for its answer; there are no more attempts."""

MOST_AT_ONCE: Final = 50

Address = tuple[str, int]


class Notifier:
    """Sends each change of a zone to every address, until it says that it knows or all attempts are used up.

    What changes while an address is being told is told again once that has ended; nothing else queues up.
    """

    def __init__(self, log: Log, *, pauses: tuple[float, ...] = PAUSES, wall: Callable[[], float] = time.time) -> None:
        self._log = log
        self._pauses = pauses
        self._wall = wall
        self._under_way: dict[tuple[bytes, Address], asyncio.Task[None]] = {}
        self._again: set[tuple[bytes, Address]] = set()
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)

    def tell(self, zone: bytes, stanza: Stanza) -> None:
        """The zone changed."""
        for address in stanza.told:
            place = (zone, address)
            if place in self._under_way:
                self._again.add(place)
            else:
                self._under_way[place] = asyncio.get_running_loop().create_task(self._tell(place, stanza))

    async def stop(self) -> None:
        """Tell nobody any more."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._under_way.clear()

    async def _tell(self, place: tuple[bytes, Address], stanza: Stanza) -> None:
        zone, address = place
        try:
            while True:
                self._again.discard(place)
                async with self._slots:
                    await self._attempt(zone, address, stanza)
                if place not in self._again:
                    return
        finally:
            self._under_way.pop(place, None)

    async def _attempt(self, zone: bytes, address: Address, stanza: Stanza) -> None:
        reason = ""
        for pause in self._pauses:
            try:
                rcode = await self._ask(zone, address, stanza, pause)
            except (OSError, UpstreamError) as error:
                reason = str(error)
                continue
            if rcode == NOERROR:
                self._log.debug(f"{_shown(address)} knows of the change of {to_text(zone)}")
                return
            reason = f"it answered {rcode_name(rcode)}"
        self._log.warning(f"{_shown(address)} did not take the NOTIFY for {to_text(zone)}: {reason}")

    async def _ask(self, zone: bytes, address: Address, stanza: Stanza, pause: float) -> int:
        """The code that a NOTIFY is answered with. Raises OSError, UpstreamError."""
        loop = asyncio.get_running_loop()
        packet = _message(zone)
        verifier = None
        if stanza.key is not None:
            signer = Signer(stanza.key)
            packet = signer.sign(packet, int(self._wall()))
            verifier = (stanza.key, signer.mac)
        answered: asyncio.Future[int] = loop.create_future()

        def take(octets: bytes) -> None:
            rcode = self._read(octets, packet, verifier)
            if rcode is not None and not answered.done():
                answered.set_result(rcode)

        local = local_address(stanza.source, address[0])
        transport, _ = await loop.create_datagram_endpoint(lambda: _Answers(take), local, address)
        try:
            begun = loop.time()
            transport.sendto(packet)
            done, _ = await asyncio.wait([answered], timeout=pause)
            if not done:
                raise UpstreamError("no answer")
            rcode = answered.result()
            if rcode != NOERROR:  # to ask the same at once would bring the same
                await asyncio.sleep(max(0.0, begun + pause - loop.time()))
            return rcode
        finally:
            transport.close()

    def _read(self, octets: bytes, packet: bytes, verifier: tuple[Any, bytes] | None) -> int | None:
        """The code of an answer to this very packet; None for anything else, after which the right one may follow."""
        try:
            message = scan(octets)
            if message.octets[:2] != packet[:2] or not message.flags & QR:
                return None
            if (message.flags & OPCODE_MASK) >> 11 != NOTIFY:
                return None
            if message.question and message.question.lower() != packet[12 : 12 + len(message.question)]:
                return None
            if verifier is not None:
                Verifier(*verifier).take(message, int(self._wall()))
            return message.rcode
        except WireError:
            return None


def local_address(source: str | None, remote: str) -> Address | None:
    """Where to send from to an address; None leaves it to the system, as for an address of the other family."""
    if source is None or ip_address(source).version != ip_address(remote).version:
        return None
    return source, 0


class _Answers(asyncio.DatagramProtocol):
    """What comes back on a connected socket."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data)


def _message(zone: bytes) -> bytes:
    flags = NOTIFY << 11 | AA
    question = zone + SOA.to_bytes(2, "big") + IN.to_bytes(2, "big")
    return HEADER.pack(secrets.randbits(16), flags, 1, 0, 0, 0) + question


def _shown(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
