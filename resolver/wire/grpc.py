"""DNS messages in gRPC: a frame of five octets, and in it Protocol Buffers, ``DnsPacket { bytes msg = 1; }``."""

from __future__ import annotations

from typing import Final

from resolver.errors import WireError
from resolver.wire.constants import MAX_MESSAGE

PATH: Final = "/coredns.dns.DnsService/Query"
FRAME: Final = 5  # octets in front of each message: whether it is compressed, and its length
LARGEST: Final = MAX_MESSAGE + 4  # octets of a packet: the field's tag, three octets of length, a DNS message
_MSG: Final = 0x0A  # field 1, octets
_LONGEST_NUMBER: Final = 10  # octets

# How a field is laid out, by the last three bits of its tag.
_NUMBER, _FIXED64, _OCTETS, _FIXED32 = 0, 1, 2, 5


def write_packet(message: bytes) -> bytes:
    """The framed packet with a message of at most 65,535 octets."""
    length = _number(len(message))
    return b"\x00%b\x0a%b%b" % ((1 + len(length) + len(message)).to_bytes(4, "big"), length, message)


def read_packet(packet: bytes | bytearray) -> bytes:
    """The DNS message in a packet without its frame; fields that nobody knows are passed over.

    Raises WireError. As Protocol Buffers want it, the last of several counts, and none is an empty one.
    """
    message, at = b"", 0
    while at < len(packet):
        tag, at = _read_number(packet, at)
        kind = tag & 7
        if tag >> 3 == 0:
            raise WireError("a field has the number 0")
        if kind == _NUMBER:
            _, at = _read_number(packet, at)
            continue
        if kind == _OCTETS:
            size, at = _read_number(packet, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise WireError(f"a field is of the unknown kind {kind}")
        if at + size > len(packet):
            raise WireError("a field is longer than its packet")
        if tag == _MSG:
            message = bytes(packet[at : at + size])
        at += size
    return message


def _number(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _read_number(packet: bytes | bytearray, at: int) -> tuple[int, int]:
    """A number of seven bits an octet, and the place behind it."""
    value = 0
    for step, octet in enumerate(packet[at : at + _LONGEST_NUMBER]):
        value |= (octet & 0x7F) << 7 * step
        if octet < 0x80:
            return value, at + step + 1
    raise WireError("a number has no end")
