"""What makes answers over UDP harder to forge than port and ID do: spelling at random, and DNS Cookies."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Final

from resolver.errors import EdnsError
from resolver.telemetry.metrics import Cell
from resolver.upstream.exchange import Request
from resolver.wire.constants import BADCOOKIE, MAX_MESSAGE, QR, RD, TC
from resolver.wire.cookie import CLIENT_SIZE, cookie_of, cookie_option
from resolver.wire.edns import write_opt
from resolver.wire.message import Message, scan

OVER_TCP_FOR: Final = 600.0  # seconds for which an upstream that gave no proof is asked over TCP
_SIZE: Final = 1232  # octets (DNS flag day 2020), for clients that speak no EDNS
_HEAD: Final = 10  # octets of a header behind the ID
_OPT_HEAD: Final = 11
_OPT_START: Final = b"\0\0\x29"
_CASE_BIT: Final = bytes([0x20 if chr(octet).isalpha() and octet < 0x80 else 0 for octet in range(256)])


class Dressed(Request):
    """A request that its answer has to fit more closely; ``original`` is what was asked, ``name`` as it was sent."""

    __slots__ = ("name", "original", "retried")

    def __init__(self, tail: bytes, question: bytes, original: Request, *, retried: bool = False) -> None:
        super().__init__(tail, question)
        self.original = original
        self.name = question[:-4]
        self.retried = retried


class Proof:
    """What is asked of the answers of one upstream over UDP, and what it has shown so far.

    An answer without proof is never used. The client is told to come by TCP (TC), and so the upstream is asked over TCP
    until ``tcp_until`` (seconds of the clock, 0 before that happens for the first time).
    """

    __slots__ = ("_client", "_cookies", "_draw", "_random_case", "_server", "_unproven", "tcp_until")

    def __init__(
        self, *, random_case: bool, cookies: bool, unproven: Cell, draw: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.tcp_until = 0.0
        self._random_case = random_case
        self._cookies = cookies
        self._unproven = unproven
        self._draw = draw
        self._client = secrets.token_bytes(CLIENT_SIZE)
        self._server = b""

    def dress(self, request: Request, *, retried: bool = False) -> Request:
        """The request as it is sent; itself where it is no question with at most OPT behind it."""
        tail, question = request.tail, request.question
        if self._random_case:
            name = random_case(question[:-4], self._draw)
            tail = tail[:_HEAD] + name + tail[_HEAD + len(name) :]
            question = name + question[-4:]
        if self._cookies:
            longer = with_option(tail, len(question), cookie_option(self._client, self._server))
            if longer is None:
                return request
            tail = longer
        return Dressed(tail, question, request, retried=retried)

    def judge(self, message: Message, request: Request, now: float) -> Message | Request | None:
        """The answer, a request to send in its place, or None to wait for the right answer.

        ``message`` fits the request but for the spelling of the name.
        """
        if not isinstance(request, Dressed):
            return message
        if self._random_case and message.question and message.question[:-4] != request.name:
            return self._distrust(request, now)
        if self._cookies:
            try:
                found = cookie_of(message.edns.options) if message.edns is not None else None
            except EdnsError:
                return None
            if found is None:
                if self._server:  # it speaks cookies, so this may be from somebody else (RFC 7873 section 5.3)
                    return self._distrust(request, now)
            elif found[0] != self._client:
                return None
            else:
                self._server = found[1]
                if message.rcode == BADCOOKIE:
                    return self._once_more(request, now)
        return _as_asked(message, request)

    def _once_more(self, request: Dressed, now: float) -> Message | Request:
        """The request with the cookie that just came, for once (RFC 7873 section 5.3)."""
        if request.retried or not self._server:
            return self._distrust(request, now)
        return self.dress(request.original, retried=True)

    def _distrust(self, request: Dressed, now: float) -> Message:
        self.tcp_until = now + OVER_TCP_FOR
        self._server = b""
        self._unproven.value += 1
        flags = (QR | TC | RD).to_bytes(2, "big")
        return scan(b"\0\0" + flags + b"\0\1\0\0\0\0\0\0" + request.original.question)


def random_case(name: bytes, draw: Callable[[int], bytes]) -> bytes:
    """The wire name with letters large or small as chance has it; lengths of labels are no letters."""
    letters = int.from_bytes(name.translate(_CASE_BIT), "big")
    flipped = int.from_bytes(draw(len(name)), "big") & letters
    return (int.from_bytes(name, "big") ^ flipped).to_bytes(len(name), "big")


def with_option(tail: bytes, question: int, option: bytes) -> bytes | None:
    """A message without its ID with one option more, in an OPT of its own where it has none.

    ``question`` is the length of the question in octets. None where there is something else than OPT behind it, or no
    room.
    """
    opt = _HEAD + question
    if tail[2:8] != b"\0\1\0\0\0\0":
        return None
    if tail[8:10] == b"\0\0" and len(tail) == opt:
        return tail[:8] + b"\0\1" + tail[10:] + write_opt(_SIZE, options=option)
    at = opt + _OPT_HEAD - 2
    length = int.from_bytes(tail[at : at + 2], "big")
    if tail[8:10] != b"\0\1" or tail[opt : opt + 3] != _OPT_START or len(tail) != opt + _OPT_HEAD + length:
        return None
    if length + len(option) > MAX_MESSAGE - len(tail):
        return None
    return tail[:at] + (length + len(option)).to_bytes(2, "big") + tail[at + 2 :] + option


def _as_asked(message: Message, request: Dressed) -> Message:
    """The answer with the client's spelling where owners are written out as they were sent."""
    sent, asked = request.name, request.original.question[:-4]
    if sent == asked or len(sent) == 1:
        return message
    octets = message.octets
    starts = [span.start for span in message.spans if octets.startswith(sent, span.start)]
    if not starts:
        return message
    spelled = bytearray(octets)
    for start in starts:
        spelled[start : start + len(asked)] = asked
    return scan(bytes(spelled))
