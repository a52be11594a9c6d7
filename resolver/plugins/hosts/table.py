"""Hosts entries, encoded once when they are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from struct import Struct
from typing import Final

from resolver.errors import WireError
from resolver.wire.constants import AAAA, IN, PTR, A
from resolver.wire.names import ROOT, from_text, suffixes
from resolver.wire.records import Body, Record, encode

# What fits into a message of 64 KiB: more would only be built to be cut off again.
MAX_ADDRESSES: Final = 2000
MAX_POINTERS: Final = 500

_FIXED = Struct("!HHHIH")
_OWNER: Final = 0xC00C  # a pointer to the question's name
_TTL_OFFSET: Final = 6
_MAPPED: Final = bytes(10) + b"\xff\xff"
_WILDCARD: Final = b"\1*"


@dataclass(slots=True)
class Table:
    """Names and addresses; names are lower-case wire names, addresses ready-made records.

    ``entries`` counts addresses by name and names by address. ``rejected`` counts the lines that could not be read
    and ``first_rejected`` is the number of the first; ``cut`` counts entries beyond what an answer can hold.
    """

    ttl: int
    v4: dict[bytes, bytes] = field(default_factory=dict)
    v6: dict[bytes, bytes] = field(default_factory=dict)
    pointers: dict[bytes, list[bytes]] = field(default_factory=dict)
    wildcards: bool = False
    entries: int = 0
    rejected: int = 0
    first_rejected: int = 0
    cut: int = 0

    def addresses(self, name: bytes, rtype: int) -> Body | None:
        """The A or AAAA records of a name, None without any."""
        records, size = (self.v4, 16) if rtype == A else (self.v6, 28)
        data = records.get(name)
        if data is None:
            if not self.wildcards or name in self.v4 or name in self.v6:
                return None
            data = records.get(_pattern(name))
            if data is None:
                return None
        return Body(len(data) // size, 0, 0, data, _ttl_offsets(len(data), size))

    def names(self, reverse_name: bytes) -> Body | None:
        """The PTR records of a name below in-addr.arpa or ip6.arpa, None without any."""
        names = self.pointers.get(reverse_name)
        if names is None:
            return None
        return encode(reverse_name, [Record(reverse_name, PTR, IN, self.ttl, name) for name in names])

    def knows(self, name: bytes) -> bool:
        """Whether the name has any address."""
        if name in self.v4 or name in self.v6:
            return True
        if not self.wildcards:
            return False
        pattern = _pattern(name)
        return pattern in self.v4 or pattern in self.v6

    def wildcard_of(self, name: bytes) -> bytes:
        """The wildcard that a name has its addresses from; empty where it has its own, or none."""
        if not self.wildcards or name in self.v4 or name in self.v6:
            return b""
        return _pattern(name) if self.knows(name) else b""


def read_table(lines: Iterable[bytes], zones: Iterable[bytes], ttl: int, *, reverse: bool = True) -> Table:
    """The table of hosts(5) lines: an address, then names. Names outside of ``zones`` are left out."""
    table = Table(ttl)
    within = frozenset(zones)
    addresses: dict[bytes, _Address | None] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition(b"#")[0].split()
        if not words:
            continue
        text = words[0]
        if text not in addresses:
            addresses[text] = _Address.read(text, ttl)
        address = addresses[text]
        if address is None or not _add_line(table, address, words[1:], within, reverse):
            table.rejected += 1
            table.first_rejected = table.first_rejected or number
    return table


def read_address(text: bytes) -> bytes | None:
    """The octets of an address, IPv4 if it is one in IPv6 clothing; None for anything else."""
    text = text.partition(b"%")[0]
    try:
        packed = inet_pton(AF_INET6 if b":" in text else AF_INET, text.decode("ascii"))
    except (OSError, UnicodeError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) and len(packed) == 16 else packed


@dataclass(frozen=True, slots=True)
class _Address:
    """What all names of one address share."""

    record: bytes
    reverse: bytes
    is_v4: bool

    @classmethod
    def read(cls, text: bytes, ttl: int) -> _Address | None:
        packed = read_address(text)
        if packed is None:
            return None
        is_v4 = len(packed) == 4
        record = _FIXED.pack(_OWNER, A if is_v4 else AAAA, IN, ttl, len(packed)) + packed
        return cls(record, _reverse_v4(packed) if is_v4 else _reverse_v6(packed), is_v4)


def _add_line(table: Table, address: _Address, words: list[bytes], zones: frozenset[bytes], reverse: bool) -> bool:
    records = table.v4 if address.is_v4 else table.v6
    everything = ROOT in zones
    understood = True
    for word in words:
        try:
            name = from_text(word.decode("ascii")).lower()
        except (WireError, UnicodeError):
            understood = False
            continue
        if not everything and zones.isdisjoint(suffixes(name)):
            continue
        is_new = _add_record(table, records, name, address.record)
        if name.startswith(_WILDCARD):
            table.wildcards = True
        elif is_new and reverse:
            _add_pointer(table, address.reverse, name)
    return understood


def _add_record(table: Table, records: dict[bytes, bytes], name: bytes, record: bytes) -> bool:
    known = records.get(name)
    if known is None:
        records[name] = record
    elif len(known) >= MAX_ADDRESSES * len(record):
        table.cut += 1
        return False
    elif any(known.startswith(record, at) for at in range(0, len(known), len(record))):
        return False
    else:
        records[name] = known + record
    table.entries += 1
    return True


def _add_pointer(table: Table, reverse: bytes, name: bytes) -> None:
    names = table.pointers.setdefault(reverse, [])
    if len(names) >= MAX_POINTERS:
        table.cut += 1
        return
    names.append(name)
    table.entries += 1


def _pattern(name: bytes) -> bytes:
    """The wildcard that would cover the name: its first label only (RFC 4592 would let it cover several)."""
    return _WILDCARD + name[1 + name[0] :]


@lru_cache(maxsize=1024)
def _ttl_offsets(length: int, size: int) -> tuple[int, ...]:
    return tuple(range(_TTL_OFFSET, length, size))


def _reverse_v4(packed: bytes) -> bytes:
    labels = (str(octet).encode() for octet in reversed(packed))
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\7in-addr\4arpa\0"


def _reverse_v6(packed: bytes) -> bytes:
    return b"".join(b"\1" + bytes((nibble,)) for nibble in reversed(packed.hex().encode())) + b"\3ip6\4arpa\0"
