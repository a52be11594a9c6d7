"""The rdata of frequent types from their words; others are read with dnspython."""

from __future__ import annotations

import base64
import binascii
import calendar
import re
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from struct import Struct
from typing import Final

from resolver.errors import WireError
from resolver.wire.constants import (
    AAAA,
    CAA,
    CNAME,
    DNAME,
    DNSKEY,
    DS,
    HINFO,
    MAX_TTL,
    MX,
    NAPTR,
    NS,
    NSEC,
    NSEC3,
    PTR,
    RRSIG,
    SOA,
    SRV,
    TXT,
    TYPE_NUMBERS,
    A,
)
from resolver.zone.data import NSEC3PARAM
from resolver.zone.text_tokens import plain, wire_name

Words = Sequence[bytes]
Reader = Callable[[Words, bytes], bytes]
"""From the words of rdata and the origin for names in it to its octets. Raises WireError, ValueError, IndexError."""

_TTL: Final = re.compile(rb"(?:[0-9]+[smhdwSMHDW]?)+")
_TTL_PART: Final = re.compile(rb"([0-9]+)([smhdw]?)")
_SECONDS: Final = {b"": 1, b"s": 1, b"m": 60, b"h": 3600, b"d": 86400, b"w": 604800}
_THREE_NUMBERS = Struct("!HHH")
_TIMERS = Struct("!IIIII")
_SIGNATURE = Struct("!HBBIIIH")
_TO_STANDARD: Final = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_MAX_STRING: Final = 255


def ttl(word: bytes) -> int:
    """Seconds of a TTL in digits or with units (``1h30m``). Raises WireError."""
    if word.isdigit():
        seconds = number(word)
    elif _TTL.fullmatch(word):
        seconds = sum(int(number) * _SECONDS[unit] for number, unit in _TTL_PART.findall(word.lower()))
    else:
        raise WireError(f"{_text(word)} is not a TTL")
    if seconds > MAX_TTL:
        raise WireError(f"{_text(word)} is longer than {MAX_TTL} seconds")
    return seconds


def number(word: bytes) -> int:
    """A number in digits and nothing else. Raises WireError."""
    if not word.isdigit():
        raise WireError(f"{_text(word)} is not a number")
    return int(word)


@lru_cache(1024)
def type_number(word: bytes) -> int:
    """The number of a type by its name or as ``TYPE65280``. Raises WireError."""
    name = _text(word).upper()
    known = TYPE_NUMBERS.get(name)
    if known is None and name.startswith("TYPE") and name[4:].isdigit() and int(name[4:]) <= 0xFFFF:
        known = int(name[4:])
    if known is None:
        raise WireError(f"{_text(word)} is not a record type")
    return known


# --- types that make up most of all zones


def _a(words: Words, origin: bytes) -> bytes:
    (word,) = words
    return inet_pton(AF_INET, word.decode("ascii"))


def _aaaa(words: Words, origin: bytes) -> bytes:
    (word,) = words
    return inet_pton(AF_INET6, word.decode("ascii"))


def _name(words: Words, origin: bytes) -> bytes:
    (word,) = words
    return wire_name(word, origin)


def _mx(words: Words, origin: bytes) -> bytes:
    preference, host = words
    return number(preference).to_bytes(2, "big") + wire_name(host, origin)


def _srv(words: Words, origin: bytes) -> bytes:
    priority, weight, port, host = words
    return _THREE_NUMBERS.pack(number(priority), number(weight), number(port)) + wire_name(host, origin)


def _soa(words: Words, origin: bytes) -> bytes:
    primary, mailbox, serial, *timers = words
    refresh, retry, expire, minimum = [ttl(word) for word in timers]
    numbers = _TIMERS.pack(number(serial), refresh, retry, expire, minimum)
    return wire_name(primary, origin) + wire_name(mailbox, origin) + numbers


def _txt(words: Words, origin: bytes) -> bytes:
    if not words:
        raise WireError("a text is missing")
    parts = []
    for word in words:
        text = plain(word)
        while len(text) > _MAX_STRING:  # as others who read such files do: one string is written, several are meant
            parts.append(b"\xff" + text[:_MAX_STRING])
            text = text[_MAX_STRING:]
        parts.append(bytes((len(text),)) + text)
    return b"".join(parts)


def _rrsig(words: Words, origin: bytes) -> bytes:
    covered, algorithm, labels, original, end, begin, tag, signer, *signature = words
    fixed = _SIGNATURE.pack(
        type_number(covered),
        number(algorithm),
        number(labels),
        ttl(original),
        _moment(end),
        _moment(begin),
        number(tag),
    )
    return fixed + wire_name(signer, origin) + _base64(signature)


def _nsec(words: Words, origin: bytes) -> bytes:
    return wire_name(words[0], origin) + _bitmap(tuple(words[1:]))


def _nsec3(words: Words, origin: bytes) -> bytes:
    *_, following = words[:5]
    digits = following.upper()
    hashed = base64.b32decode(digits.translate(_TO_STANDARD) + b"=" * (-len(digits) % 8))
    return _nsec3param(words[:4], origin) + bytes((len(hashed),)) + hashed + _bitmap(tuple(words[5:]))


def _nsec3param(words: Words, origin: bytes) -> bytes:
    algorithm, flags, iterations, salt = words
    octets = b"" if salt == b"-" else binascii.unhexlify(salt)
    return (
        bytes((number(algorithm), number(flags)))
        + number(iterations).to_bytes(2, "big")
        + bytes((len(octets),))
        + octets
    )


# --- types that are a row of fields


def _octet(word: bytes) -> bytes:
    return bytes((number(word),))


def _short(word: bytes) -> bytes:
    return number(word).to_bytes(2, "big")


def _string(word: bytes) -> bytes:
    text = plain(word)
    return bytes((len(text),)) + text


def _base64(words: Words) -> bytes:
    if not words:
        raise WireError("the base64 at the end is missing")
    return base64.b64decode(b"".join(words), validate=True)


def _hex(words: Words) -> bytes:
    if not words:
        raise WireError("the hexadecimal digits at the end are missing")
    return binascii.unhexlify(b"".join(words))


def _row(*fields: Callable[[bytes], bytes], tail: Callable[[Words], bytes] | None = None) -> Reader:
    """The reader of fields of one word each, and of ``tail`` that takes all words behind them."""

    def read(words: Words, origin: bytes) -> bytes:
        if len(words) < len(fields) or (tail is None and len(words) > len(fields)):
            raise WireError(f"{len(fields)} fields are needed, there are {len(words)}")
        octets = b"".join([field(word) for field, word in zip(fields, words, strict=False)])
        return octets if tail is None else octets + tail(words[len(fields) :])

    return read


def _naptr(words: Words, origin: bytes) -> bytes:
    order, preference, flags, service, pattern, replacement = words
    strings = _string(flags) + _string(service) + _string(pattern)
    return _short(order) + _short(preference) + strings + wire_name(replacement, origin)


def _caa(words: Words, origin: bytes) -> bytes:
    flags, tag, value = words
    return _octet(flags) + _string(tag) + plain(value)


@lru_cache(4096)
def _bitmap(types: tuple[bytes, ...]) -> bytes:
    """The types of NSEC and NSEC3 records (RFC 4034 section 4.1.2)."""
    windows: dict[int, bytearray] = {}
    for rtype in sorted({type_number(word) for word in types}):
        window = windows.setdefault(rtype >> 8, bytearray())
        at = (rtype & 0xFF) >> 3
        window.extend(bytes(at + 1 - len(window)))
        window[at] |= 0x80 >> (rtype & 7)
    return b"".join([bytes((block, len(window))) + window for block, window in windows.items()])


@lru_cache(64)
def _moment(word: bytes) -> int:
    """Seconds since 1970 modulo 2**32, from such a number or YYYYMMDDHHmmSS (RFC 4034 section 3.2)."""
    if len(word) != 14:
        return number(word)
    return calendar.timegm(time.strptime(word.decode("ascii"), "%Y%m%d%H%M%S")) & 0xFFFFFFFF


def _text(word: bytes) -> str:
    return word[:80].decode("ascii", "backslashreplace")


_DIGEST: Final = _row(_short, lambda word: _octet(_algorithm(word)), _octet, tail=_hex)
_KEY: Final = _row(_short, _octet, lambda word: _octet(_algorithm(word)), tail=_base64)
_ALGORITHMS: Final = {
    b"RSASHA1": b"5", b"NSEC3RSASHA1": b"7", b"RSASHA256": b"8", b"RSASHA512": b"10", b"ECDSAP256SHA256": b"13",
    b"ECDSAP384SHA384": b"14", b"ED25519": b"15", b"ED448": b"16",
}  # fmt: skip


def _algorithm(word: bytes) -> bytes:
    return _ALGORITHMS.get(word.upper(), word)


READERS: Final[dict[int, Reader]] = {
    A: _a, AAAA: _aaaa, NS: _name, CNAME: _name, PTR: _name, DNAME: _name, MX: _mx, SRV: _srv, SOA: _soa, TXT: _txt,
    99: _txt, RRSIG: _rrsig, NSEC: _nsec, NSEC3: _nsec3, NSEC3PARAM: _nsec3param, NAPTR: _naptr, CAA: _caa,
    DS: _DIGEST, 59: _DIGEST, DNSKEY: _KEY, 60: _KEY, HINFO: _row(_string, _string),
    52: _row(_octet, _octet, _octet, tail=_hex), 53: _row(_octet, _octet, _octet, tail=_hex),
    44: _row(_octet, _octet, tail=_hex),
}  # fmt: skip
