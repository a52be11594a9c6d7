"""Frame Streams, the framing that dnstap travels in: data frames, and the control frames of a two-way conversation.

A writer says READY, the reader ACCEPT, the writer START; then data flows. The writer ends with STOP, the reader answers
FINISH. See https://farsightsec.github.io/fstrm/.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from resolver.errors import WireError

ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5
MAX_CONTROL: Final = 512  # octets of a control frame behind its length

_NUMBER = Struct("!I")
_PAIR = Struct("!II")
_TRIPLE = Struct("!III")
_CONTENT_TYPE: Final = 1


def data_frame(payload: bytes) -> bytes:
    """The payload, which must not be empty, with its length in front."""
    return _NUMBER.pack(len(payload)) + payload


def control_frame(kind: int, content_type: bytes = b"") -> bytes:
    """A control frame with its escape in front; READY, ACCEPT and START name a content type."""
    field = _PAIR.pack(_CONTENT_TYPE, len(content_type)) + content_type if content_type else b""
    return _TRIPLE.pack(0, 4 + len(field), kind) + field


def read_control(frame: bytes) -> tuple[int, tuple[bytes, ...]]:
    """Kind and content types of a control frame that came without escape and length. Raises WireError."""
    if len(frame) < 4:
        raise WireError("a control frame is too short")
    (kind,) = _NUMBER.unpack_from(frame)
    at, types = 4, []
    while at < len(frame):
        if at + 8 > len(frame):
            raise WireError("a control frame ends within a field")
        field, length = _PAIR.unpack_from(frame, at)
        at += 8 + length
        if field != _CONTENT_TYPE or at > len(frame):
            raise WireError("a control frame has a field that cannot be read")
        types.append(frame[at - length : at])
    return kind, tuple(types)
