"""Frames of HTTP/2 (RFC 9113), as far as a server of small answers needs them."""

from __future__ import annotations

from struct import Struct
from typing import Final

from resolver.errors import WireError

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD: Final = Struct("!HBBBI")
HEAD: Final = 9  # octets in front of each frame
MAX_FRAME: Final = 16_384  # octets of payload, where nobody has said otherwise (section 6.5.2)
MAX_WINDOW: Final = (1 << 31) - 1
USUAL_WINDOW: Final = 65_535

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 3, 4, 5, 6

NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR = 0, 1, 3, 6
REFUSED_STREAM, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 9, 11


def frame(kind: int, flags: int, stream: int, payload: bytes | memoryview = b"") -> bytes:
    """A frame as octets."""
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def settings(values: dict[int, int]) -> bytes:
    """The frame with these settings."""
    payload = b"".join([key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values.items()])
    return frame(SETTINGS, 0, 0, payload)


def unpadded(payload: bytes, flags: int) -> bytes:
    """The payload of DATA or HEADERS without padding and priority. Raises WireError."""
    if flags & PADDED:
        if not payload or payload[0] >= len(payload):
            raise WireError("there is more padding than frame")
        payload = payload[1 : len(payload) - payload[0]]
    if flags & WITH_PRIORITY:
        if len(payload) < 5:
            raise WireError("a priority is cut off")
        payload = payload[5:]
    return payload
