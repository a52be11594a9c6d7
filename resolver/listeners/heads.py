"""Heads of HTTP/2 requests. Those of one client differ in their path, or not at all: the rest is read once."""

from __future__ import annotations

from typing import Final

from resolver.listeners.exchange import Head, head_of
from resolver.listeners.fields import Blocks, check_request, check_value, unfold

_PATH: Final = 0x04  # how a path begins that is written out and is not to be kept (RFC 7541 section 6.2.2)
_FOLDED: Final = 0x80
_LONGEST: Final = 0x7E  # octets of a path whose length is one octet
_KNOWN: Final = 64  # what was read on one connection
_LONGEST_KNOWN: Final = 512  # octets of one of these


class Heads:
    """Reads the requests of one connection.

    What stands around a path means the same as before for as long as the table is the same.
    """

    def __init__(self) -> None:
        self.blocks = Blocks()
        self._known: dict[tuple[bytes, bytes], Head] = {}
        self._version = 0  # of the table, when these were read
        self._at = 0  # where paths begin

    def read(self, block: bytes) -> Head:
        """The head of a request. Raises WireError for a block that is malformed, or that no request may have."""
        at = self._at
        if len(block) > at + 2 and block[at] == _PATH and self._version == self.blocks.version:
            size = block[at + 1]
            end = at + 2 + (size & ~_FOLDED)
            known = self._known.get((block[:at], block[end:]))
            if known is not None and size & ~_FOLDED <= _LONGEST and end <= len(block):
                target = _target(block[at + 2 : end], bool(size & _FOLDED))
                return Head(known.method, target, known.media_type, known.length)
        return self._decode(block)

    def _decode(self, block: bytes) -> Head:
        blocks = self.blocks
        before = blocks.version
        headers = blocks.read(block)
        check_request(headers)
        fields = dict(headers[:4])
        head = head_of(fields[b":method"].decode("latin-1"), fields[b":path"].decode("latin-1"), headers)
        if self._version != blocks.version:
            self._known.clear()
            self._version = blocks.version
        at = blocks.path_at
        if (
            at >= 0
            and before == blocks.version
            and len(block) <= _LONGEST_KNOWN
            and block[at + 1] & ~_FOLDED <= _LONGEST
        ):
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._at = at
            self._known[block[:at], block[at + 2 + (block[at + 1] & ~_FOLDED) :]] = head
        return head


def _target(octets: bytes, folded: bool) -> str:
    target = unfold(octets) if folded else octets
    check_value(target)
    return target.decode("latin-1")
