"""SipHash-2-4 (Aumasson and Bernstein), the keyed hash of DNS Cookies; some nine microseconds for twenty octets."""

from __future__ import annotations

from typing import Final

_MASK: Final = (1 << 64) - 1
_START: Final = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_END: Final = 0xFF
KEY_SIZE: Final = 16  # octets


def siphash24(key: bytes, data: bytes) -> bytes:
    """Eight octets, in the order in which the authors print them; the key has sixteen."""
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    state = low ^ _START[0], high ^ _START[1], low ^ _START[2], high ^ _START[3]
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 0xFF,))
    for offset in range(0, len(padded), 8):
        word = int.from_bytes(padded[offset : offset + 8], "little")
        first, second, third, fourth = _rounds(2, (*state[:3], state[3] ^ word))
        state = first ^ word, second, third, fourth
    first, second, third, fourth = _rounds(4, (state[0], state[1], state[2] ^ _END, state[3]))
    return (first ^ second ^ third ^ fourth).to_bytes(8, "little")


def _rounds(count: int, state: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a, b, c, d = state
    for _ in range(count):
        a, c = a + b & _MASK, c + d & _MASK
        b, d = (b << 13 | b >> 51) & _MASK ^ a, (d << 16 | d >> 48) & _MASK ^ c
        a = (a << 32 | a >> 32) & _MASK
        c, a = c + b & _MASK, a + d & _MASK
        b, d = (b << 17 | b >> 47) & _MASK ^ c, (d << 21 | d >> 43) & _MASK ^ a
        c = (c << 32 | c >> 32) & _MASK
    return a, b, c, d
