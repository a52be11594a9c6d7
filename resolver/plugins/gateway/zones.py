"""The zones that are served: their own records, and denials as ready octets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from resolver.kube.start import Start
from resolver.wire.constants import IN, NS
from resolver.wire.names import ROOT
from resolver.wire.records import Body, Record, encode

_NAMESERVER: Final = b"\3ns1"


class Zone:
    """A zone: ``apex`` is the name below which its name server and mailbox are; ``ttl`` is in seconds.

    The root is never served as a zone: there each name is one of its own, without anything around it.
    """

    def __init__(self, name: bytes, apex: bytes, hostmaster: bytes, ttl: int) -> None:
        self.name = name
        self.apex = apex + name
        self.nameserver = _NAMESERVER + self.apex
        self.is_root = name == ROOT
        self.ttl = ttl
        self._start = Start(_NAMESERVER + apex, hostmaster + apex, ttl, ttl)

    def authority(self, name: bytes, serial: int) -> Body:
        """The SOA record as authority section behind a question for a name of the zone."""
        return self._start.authority(self._begins(name), serial)

    def soa(self, serial: int) -> Body:
        """The SOA record as the answer to a question for it."""
        return self._start.answer(self._begins(self.name), serial)

    def _begins(self, name: bytes) -> int | None:
        if name == ROOT:
            return None
        return 0 if self.is_root else len(name) - len(self.name)

    def ns(self, qname: bytes, glue: Sequence[Record]) -> Body:
        """The NS record as the answer to a question for it, with the addresses of the name server."""
        return encode(qname, [Record(qname, NS, IN, self.ttl, self.nameserver)], additional=glue)
