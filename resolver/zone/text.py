"""Reading master files (RFC 1035 section 5, RFC 2308 section 4, RFC 3597 section 5)."""

from __future__ import annotations

import os
import struct
from binascii import Error as BinasciiError
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from resolver.chain.changed import open_regular
from resolver.errors import Place, WireError, ZoneError
from resolver.wire.constants import IN, SOA
from resolver.wire.records import Record, soa_minimum
from resolver.zone.text_generate import generated
from resolver.zone.text_other import any_rdata, generic_rdata
from resolver.zone.text_rdata import READERS, ttl, type_number
from resolver.zone.text_tokens import MAX_ENTRY, column, wire_name, words

MAX_DEPTH: Final = 8
MAX_FILES: Final = 10_000

Stamp = tuple[int, int, int]
"""Time of change in nanoseconds, size in octets, number of the inode."""
NO_FILE: Final[Stamp] = (0, 0, 0)

_SPECIAL: Final = frozenset(b'";()\\')
_CLASSES: Final = {b"IN": True, b"CH": False, b"HS": False, b"CS": False, b"CLASS1": True}
_ERRORS: Final = (WireError, ValueError, IndexError, OverflowError, struct.error, BinasciiError, OSError)


class MasterFile:
    """One reading of a master file and of those that it includes.

    ``files`` are those that were read so far, with their stamps as they were opened, also where they are missing.
    """

    def __init__(self, path: Path, origin: bytes, files: dict[Path, Stamp] | None = None) -> None:
        self.files = {} if files is None else files
        self._path = path
        self._origin = origin
        self._default: int | None = None
        self._last: int | None = None

    def records(self) -> Iterator[Record]:
        """The records in file order. Raises ZoneError with the place of the first mistake (``db.example:7:12``)."""
        try:
            file = self._open(self._path)
        except WireError as error:
            raise ZoneError(str(error)) from None
        with file:
            yield from _Entries(self, self._path, self._origin, 1).read(file)

    def _open(self, path: Path) -> BinaryIO:
        try:
            file = open_regular(path)
        except OSError as error:
            self.files[path] = NO_FILE
            raise WireError(f"cannot read {path}: {error.strerror or error}") from None
        self.files[path] = stamp_of(os.fstat(file.fileno()))
        return file

    def include(self, entries: _Entries, found: Sequence[bytes]) -> Iterator[Record]:
        """What another file says; afterwards the origin is what it was (RFC 1035 section 5.1)."""
        if not 2 <= len(found) <= 3:
            raise WireError("$INCLUDE needs a file, and may have an origin")
        if entries.depth >= MAX_DEPTH:
            raise WireError(f"files are included more than {MAX_DEPTH} deep")
        if len(self.files) >= MAX_FILES:
            raise WireError(f"more than {MAX_FILES} files are included")
        name = os.fsdecode(found[1].strip(b'"'))
        origin = wire_name(found[2], entries.origin).lower() if len(found) == 3 else entries.origin
        path = entries.path.parent / name
        with self._open(path) as file:
            yield from _Entries(self, path, origin, entries.depth + 1).read(file)

    def ttl(self, rtype: int, rdata: bytes) -> int:
        """For a record that does not say: ``$TTL``, or that of the record before, or what a SOA says of denials."""
        if self._default is not None:
            return self._default
        if self._last is None:
            if rtype != SOA:
                raise WireError("the record has no TTL, and neither $TTL nor an earlier record tells it")
            self._last = soa_minimum(rdata)
        return self._last

    def stated(self, seconds: int) -> None:
        """A record has said its TTL."""
        self._last = seconds

    def set_default(self, seconds: int) -> None:
        """``$TTL``."""
        self._default = seconds


class _Entries:
    """The entries of one file."""

    def __init__(self, whole: MasterFile, path: Path, origin: bytes, depth: int) -> None:
        self.path = path
        self.origin = origin
        self.depth = depth
        self._whole = whole
        self._number = 0
        self._owner = b""
        self._at = 0

    def read(self, file: BinaryIO) -> Iterator[Record]:
        """The records of the file and of those that it includes. Raises ZoneError."""
        next_line: Callable[[], bytes] = partial(file.readline, MAX_ENTRY)
        line = b""
        number = 0
        try:
            while line := next_line():
                self._at = 0
                number = self._number = self._number + 1
                if _SPECIAL.isdisjoint(line):
                    found = line.split()
                else:
                    found = words(line, lambda: self._continued(next_line))
                if not found:
                    continue
                if found[0][0] == 0x24 and line[0] == 0x24:
                    yield from self._directive(found, line)
                else:
                    yield self._record(found, line[0] in b" \t")
        except _ERRORS as error:
            place = Place(str(self.path), number, column(line, self._at))
            raise ZoneError(_reason(error), place) from None

    def _continued(self, next_line: Callable[[], bytes]) -> bytes:
        self._number += 1
        return next_line()

    def _record(self, found: list[bytes], is_owner_left_out: bool) -> Record:
        at = 0
        if not is_owner_left_out:
            self._owner = wire_name(found[0], self.origin).lower()
            at = 1
        elif not self._owner:
            raise WireError("the first record has no owner")
        seconds: int | None = None
        word = found[at]
        reads = _TYPES.get(word)
        while reads is None:  # TTL and class in any order
            self._at = at
            if 0x30 <= word[0] <= 0x39 and seconds is None:
                seconds = ttl(word)
            elif not _is_class(word):
                reads = _type(word)
                break
            at += 1
            if at >= len(found):
                raise WireError("the record has no type")
            word = found[at]
            reads = _TYPES.get(word)
        self._at = at + 1
        rtype, reader = reads
        rdata = self._rdata(rtype, reader, found[at + 1 :])
        whole = self._whole
        if seconds is None:
            seconds = whole.ttl(rtype, rdata)
        else:
            whole.stated(seconds)
        return Record(self._owner, rtype, IN, seconds, rdata)

    def _rdata(self, rtype: int, reader: Callable[[Sequence[bytes], bytes], bytes] | None, rest: list[bytes]) -> bytes:
        if rest and rest[0] == b"\\#":
            return generic_rdata(rtype, rest[1:])
        if reader is None:
            return any_rdata(rtype, rest, self.origin)
        rdata = reader(rest, self.origin)
        if len(rdata) > 0xFFFF:
            raise WireError("the record is longer than 65535 octets")
        return rdata

    def _directive(self, found: list[bytes], line: bytes) -> Iterator[Record]:
        name = found[0].upper()
        if name == b"$INCLUDE":
            yield from self._whole.include(self, found)
        elif name == b"$GENERATE":
            for text in generated(line):
                yield self._record(words(text, bytes), is_owner_left_out=False)
        elif len(found) != 2:
            raise WireError(f"{name.decode('ascii', 'replace')} needs one argument")
        elif name == b"$ORIGIN":
            self.origin = wire_name(found[1], self.origin).lower()
        elif name == b"$TTL":
            self._whole.set_default(ttl(found[1]))
        else:
            raise WireError(f"{name[:80].decode('ascii', 'replace')} is not a directive of master files")


def _is_class(word: bytes) -> bool:
    is_ours = _CLASSES.get(word.upper())
    if is_ours is False:
        raise WireError("only records of class IN are served")
    return is_ours is True


def _type(word: bytes) -> tuple[int, Callable[[Sequence[bytes], bytes], bytes] | None]:
    rtype = type_number(word)
    if rtype == 0 or rtype == 41 or 128 <= rtype <= 255:
        raise WireError(f"{word.decode('ascii', 'replace')} is not a type of records that a zone can have")
    return rtype, READERS.get(rtype)


_TYPES: Final = {
    name: _type(name) for name in (b"A", b"AAAA", b"NS", b"CNAME", b"PTR", b"MX", b"TXT", b"SRV", b"RRSIG", b"NSEC")
}


def _reason(error: Exception) -> str:
    if isinstance(error, WireError):
        return str(error)
    if isinstance(error, struct.error | OverflowError):
        return "a number does not fit its field"
    if isinstance(error, IndexError) or "unpack" in str(error):
        return "the record has too few or too many fields"
    return f"the record cannot be read: {error}"


def stamp_of(status: os.stat_result) -> Stamp:
    """By what a change of a file is noticed."""
    return status.st_mtime_ns, status.st_size, status.st_ino
