"""Messages on a stream: two octets of length, then the message (RFC 1035 section 4.2.2)."""

from __future__ import annotations

from resolver.errors import WireError
from resolver.wire.constants import HEADER_SIZE, MAX_MESSAGE


def frame(message: bytes) -> bytes:
    """The message with its length in front. Raises WireError when it is longer than 65535 octets."""
    if len(message) > MAX_MESSAGE:
        raise WireError("message is too long for a stream")
    return len(message).to_bytes(2, "big") + message


class Deframer:
    """Collects octets and gives out whole messages; holds at most one unfinished message."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes.

        Raises WireError for a length below a header's, in the call after the one that gave out what came before it.
        """
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        start = 0
        while len(buffer) - start >= 2:
            length = buffer[start] << 8 | buffer[start + 1]
            if length < HEADER_SIZE:
                if messages:
                    break
                raise WireError("frame is shorter than a header")
            end = start + 2 + length
            if end > len(buffer):
                break
            messages.append(bytes(buffer[start + 2 : end]))
            start = end
        del buffer[:start]
        return messages
