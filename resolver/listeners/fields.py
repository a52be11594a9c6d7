"""Header blocks of HTTP/2 (RFC 7541): what clients write, with their table, and what we write, without one."""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import Final

from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from resolver.errors import WireError
from resolver.listeners.exchange import MAX_HEADER, Fields, Headers

_TABLE: Final = 4096  # octets of the dynamic table (section 4.2: 32 for each entry, and its name and value)
_OVERHEAD: Final = 32
PATH: Final = 0x04  # how a field begins whose name is :path and which is not to be kept (section 6.2.2)
_STATIC: Final = tuple([(bytes(name), bytes(value)) for name, value in HeaderTable.STATIC_TABLE])
_FORBIDDEN: Final = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)  # they are of HTTP/1.1 (RFC 9113 section 8.2.2)
_PSEUDO: Final = frozenset((b":method", b":scheme", b":authority", b":path"))
_SPLITTING: Final = re.compile(rb"[\0\r\n]").search
_NEEDED: Final = frozenset((b":method", b":scheme", b":path"))
_NAMES: Final = {  # of the static table
    b":status": 8, b"allow": 22, b"cache-control": 24, b"content-length": 28, b"content-type": 31, b"date": 33,
}  # fmt: skip


class Blocks:
    """Reads the header blocks of one connection.

    ``version`` is that of the table. ``path_at`` is where the path stood in the last block, if it was written out and
    not to be kept; else -1.
    """

    def __init__(self) -> None:
        self.version = 0
        self.path_at = -1
        self._entries: deque[tuple[bytes, bytes]] = deque()  # the newest one first
        self._size = 0
        self._most = _TABLE

    def read(self, block: bytes) -> Headers:
        """The fields; names are in lower case. Raises WireError for what is malformed, or too long."""
        fields: Headers = []
        at = total = 0
        self.path_at = -1
        try:
            while at < len(block):
                octet = block[at]
                if octet & 0x80:
                    index, at = (octet & 0x7F, at + 1) if octet != 0xFF else _read_integer(block, at, 0x7F)
                    field = self._field(index)
                elif octet & 0xE0 == 0x20:
                    if fields:
                        raise WireError("the size of the table changes within a block")
                    size, at = _read_integer(block, at, 0x1F)
                    self._resize(size)
                    continue
                else:
                    if octet == PATH:
                        self.path_at = at
                    keep = octet & 0x40
                    index, at = _read_integer(block, at, 0x3F if keep else 0x0F)
                    name, at = (self._field(index)[0], at) if index else _read_string(block, at)
                    value, at = _read_string(block, at)
                    field = name, value
                    if keep:
                        self._add(field)
                total += len(field[0]) + len(field[1]) + _OVERHEAD
                if total > MAX_HEADER:
                    raise WireError("the fields are too long")
                fields.append(field)
        except IndexError:
            raise WireError("a header block is cut off, or refers to what is not there") from None
        return fields

    def _field(self, index: int) -> tuple[bytes, bytes]:
        if not index:
            raise WireError("a header block refers to nothing")
        return _STATIC[index - 1] if index <= len(_STATIC) else self._entries[index - 1 - len(_STATIC)]

    def _add(self, field: tuple[bytes, bytes]) -> None:
        self._entries.appendleft(field)
        self._size += len(field[0]) + len(field[1]) + _OVERHEAD
        self._shrink()

    def _resize(self, size: int) -> None:
        if size > _TABLE:
            raise WireError("the table is larger than was allowed")
        self._most = size
        self._shrink()

    def _shrink(self) -> None:
        self.version += 1
        while self._size > self._most:
            name, value = self._entries.pop()
            self._size -= len(name) + len(value) + _OVERHEAD


def check_request(headers: Headers) -> None:
    """Raises WireError for fields that no request may have (RFC 9113 section 8)."""
    count = 0
    for name, value in headers:
        if name not in _PSEUDO:
            break
        count += 1
        check_value(value)
    pseudo = {name for name, _ in headers[:count]}
    if len(pseudo) != count or not pseudo >= _NEEDED:
        raise WireError("pseudo-header fields are missing or there twice")
    for name, value in headers[count:]:
        _check(name, value)


@lru_cache(1024)
def _check(name: bytes, value: bytes) -> None:
    if name in _FORBIDDEN or (name == b"te" and value != b"trailers"):
        raise WireError("a field is not for HTTP/2")
    if not name or name != name.lower() or b":" in name or not name.isascii():
        raise WireError("the name of a field is malformed")
    check_value(value)


def check_value(value: bytes) -> None:
    """Raises WireError for a value that could pass for more than one."""
    if _SPLITTING(value) is not None:
        raise WireError("the value of a field is malformed")


# --- the pieces of a block, as clients write them


def _read_integer(block: bytes, at: int, most: int) -> tuple[int, int]:
    """A number whose first octet has bits for ``most`` (section 5.1), and the place behind it."""
    value = block[at] & most
    if value < most:
        return value, at + 1
    for shift in range(0, 28, 7):
        at += 1
        octet = block[at]
        value += (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at + 1
    raise WireError("a number is too large")


def _read_string(block: bytes, at: int) -> tuple[bytes, int]:
    coded = block[at] & 0x80
    size, at = _read_integer(block, at, 0x7F)
    if at + size > len(block):
        raise WireError("a string is cut off")
    octets = block[at : at + size]
    return (unfold(octets) if coded else octets), at + size


class _Place(dict[int, tuple[bytes, "_Place"]]):
    """Where in the code a string has come to: by the next octet, what it adds to the text, and the next place.

    Filled as the steps are taken: at most 256 for each of some 250 places.
    """

    __slots__ = ("children", "is_padding", "symbol")

    def __init__(self) -> None:
        self.children: list[_Place | None] = [None, None]
        self.symbol = -1
        self.is_padding = False

    def __missing__(self, octet: int) -> tuple[bytes, _Place]:
        place, text = self, bytearray()
        for bit in range(7, -1, -1):
            child = place.children[octet >> bit & 1]
            if child is None or child.symbol == _END:
                raise WireError("a string has a symbol that there is none")
            if child.symbol >= 0:
                text.append(child.symbol)
                place = _ROOT
            else:
                place = child
        found = self[octet] = bytes(text), place
        return found


def _code() -> _Place:
    root = _Place()
    for symbol, (code, length) in enumerate(zip(REQUEST_CODES, REQUEST_CODES_LENGTH, strict=True)):
        place = root
        for at in range(length - 1, -1, -1):
            bit = code >> at & 1
            child = place.children[bit]
            if child is None:
                child = place.children[bit] = _Place()
            place = child
        place.symbol = symbol
    padding: _Place | None = root
    for _ in range(8):  # up to seven ones may stand behind the last symbol (section 5.2)
        if padding is not None:
            padding.is_padding = True
            padding = padding.children[1]
    return root


_ROOT: Final = _code()
_END: Final = 256  # the symbol that must not be in a string


def unfold(octets: bytes) -> bytes:
    """A string in the Huffman code of section 5.2. Raises WireError."""
    place = _ROOT
    out: list[bytes] = []
    for octet in octets:
        text, place = place[octet]
        out.append(text)
    if not place.is_padding:
        raise WireError("a string ends within a symbol")
    return b"".join(out)


# --- what we write


@lru_cache(4096)
def write_block(fields: Fields) -> bytes:
    """A header block that leaves the client's table as it is; one may follow another."""
    return b"".join([_literal(name, value) for name, value in fields])


@lru_cache(64)
def write_status(status: int) -> bytes:
    """The beginning of the header block of a response."""
    return b"\x88" if status == 200 else _literal(b":status", b"%d" % status)


def _literal(name: bytes, value: bytes) -> bytes:
    index = _NAMES.get(name)
    head = b"\x00" + _sized(name) if index is None else _integer(index, 0x0F)
    return head + _sized(value)


def _sized(octets: bytes) -> bytes:
    return _integer(len(octets), 0x7F) + octets


def _integer(value: int, most: int) -> bytes:
    """With the bits above it zero."""
    if value < most:
        return bytes((value,))
    octets, value = bytearray((most,)), value - most
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
