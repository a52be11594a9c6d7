"""Heads of HTTP/2 requests. Those of one client differ in their path, or not at all: the rest is read once."""

from __future__ import annotations

from typing import Final

from resolver.listeners.exchange import Head, head_of
from resolver.listeners.fields import PATH, Blocks, check_request, check_value, unfold

_FOLDED: Final = 0x80
_LONGEST: Final = 0x7E  # octets of a path whose length is one octet
_KNOWN: Final = 64  # what was read on one connection, of each kind
_LONGEST_KNOWN: Final = 512  # octets of one of these


class Heads:
    """Reads the requests of one connection.

    What stands around a path that is written out, or a block without one, means the same as before for as long as the
    table is the same.
    """

    def __init__(self) -> None:
        self.blocks = Blocks()
        self._around: dict[tuple[bytes, bytes], Head] = {}  # by what stands before and behind the path
        self._whole: dict[bytes, Head] = {}
        self._version = 0  # of the table, when these were read
        self._at = 0  # where paths begin

    def read(self, block: bytes) -> Head:
        """The head of a request. Raises WireError for a block that is malformed, or that no request may have."""
        if self._version != self.blocks.version:
            return self._decode(block)
        at = self._at
        if len(block) > at + 2 and block[at] == PATH:
            size = block[at + 1]
            end = at + 2 + (size & ~_FOLDED)
            known = self._around.get((block[:at], block[end:]))
            if known is not None and size & ~_FOLDED <= _LONGEST and end <= len(block):
                target = _target(block[at + 2 : end], bool(size & _FOLDED))
                return Head(known.method, target, known.media_type, known.length)
        return self._whole.get(block) or self._decode(block)

    def _decode(self, block: bytes) -> Head:
        blocks = self.blocks
        before = blocks.version
        headers = blocks.read(block)
        check_request(headers)
        fields = dict(headers[:4])
        head = head_of(fields[b":method"].decode("latin-1"), fields[b":path"].decode("latin-1"), headers)
        if self._version != blocks.version:
            self._around.clear()
            self._whole.clear()
            self._version = blocks.version
        if before == blocks.version and len(block) <= _LONGEST_KNOWN:
            self._remember(block, blocks.path_at, head)
        return head

    def _remember(self, block: bytes, at: int, head: Head) -> None:
        if at < 0:
            if len(self._whole) >= _KNOWN:
                self._whole.clear()
            self._whole[block] = head
        elif block[at + 1] & ~_FOLDED <= _LONGEST:
            if len(self._around) >= _KNOWN:
                self._around.clear()
            self._at = at
            self._around[block[:at], block[at + 2 + (block[at + 1] & ~_FOLDED) :]] = head


def _target(octets: bytes, folded: bool) -> str:
    target = unfold(octets) if folded else octets
    check_value(target)
    return target.decode("latin-1")
