"""What goes out, what may come back, and how an exchange ends."""

from __future__ import annotations

from asyncio import Future
from typing import Final, TypeAlias

from resolver.errors import UpstreamError, WireError
from resolver.wire.constants import FORMERR, HEADER_SIZE, NOTIMP, REFUSED, SERVFAIL
from resolver.wire.message import Message, scan


class TimedOut(UpstreamError):
    """Nothing usable came in time."""


CLOSED: Final = "use of closed network connection"


class Busy(UpstreamError):
    """The bound on exchanges in flight is reached; says nothing about the upstream's health."""


class Request:
    """A question on its way out: the message without its ID, and the question in it.

    ``tail`` begins with the flags; ``question`` is wire name, type and class as sent.
    """

    __slots__ = ("question", "tail")

    def __init__(self, tail: bytes, question: bytes) -> None:
        self.tail = tail
        self.question = question


Outcome: TypeAlias = Message | UpstreamError
"""How an exchange ends. Errors are values here: nobody may be left to catch them."""

Waiting: TypeAlias = tuple["Future[Outcome]", Request, float]
"""An exchange in flight: who waits, what was asked, until when (monotonic seconds)."""

_BARE_RCODES: Final = frozenset((FORMERR, SERVFAIL, NOTIMP, REFUSED))


def read_answer(packet: bytes, request: Request) -> Message | None:
    """The message, if it is a well-formed answer to the request; its ID has been compared already.

    Name (in any case), type and class must be those that were asked (RFC 5452 section 9.1). A bare header with an
    error is taken too: servers that cannot read a question answer so.
    """
    if len(packet) < HEADER_SIZE or not packet[2] & 0x80 or (packet[2] ^ request.tail[0]) & 0x78:
        return None
    question = request.question
    if not packet.startswith(question, HEADER_SIZE) or packet[4:6] != b"\0\1":
        if packet[4:] == bytes(8):
            return scan(packet) if packet[3] & 15 in _BARE_RCODES else None
        if packet[4:6] != b"\0\1" or not _same_question(packet, question):
            return None
    try:
        return scan(packet)
    except WireError:
        return _cut_off(packet, question)


def _cut_off(packet: bytes, question: bytes) -> Message | None:
    """What is certain in an answer that its sender cut off in the middle of a record: that it is not whole (TC)."""
    if not packet[2] & 0x02:
        return None
    end = HEADER_SIZE + len(question)
    return scan(packet[:4] + b"\0\1\0\0\0\0\0\0" + packet[HEADER_SIZE:end])


def _same_question(packet: bytes, question: bytes) -> bool:
    end = HEADER_SIZE + len(question)
    same_kind = packet[end - 4 : end] == question[-4:]
    return same_kind and packet[HEADER_SIZE : end - 4].lower() == question[:-4].lower()


def finish(future: Future[Outcome], outcome: Outcome) -> None:
    """End an exchange, if somebody still waits for it."""
    if not future.done():
        future.set_result(outcome)


def expired(pending: dict[int, Waiting], now: float) -> list[int]:
    """The keys of the exchanges whose time is up, from the front; entries stand in the order of their deadlines."""
    keys = []
    for key, waiting in pending.items():
        if waiting[2] > now:
            break
        keys.append(key)
    return keys
