"""Zones that are kept in master files: reading them, and noticing that they have changed."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final, TypeVar

from resolver.chain.turns import Turns
from resolver.errors import ZoneError
from resolver.telemetry.log import Log
from resolver.wire.constants import SOA
from resolver.wire.names import is_below, to_text
from resolver.wire.records import Record
from resolver.zone.data import Node, Zone, building
from resolver.zone.text import NO_FILE, MasterFile, Stamp, stamp_of

T = TypeVar("T")

_STEP: Final = 100
_YOUNG: Final = 2.0


class ZoneFile:
    """A master file that is served for an origin, and how it was when it was read last.

    ``by_time`` takes over what the file says whenever it was changed, not only when the serial was too.
    """

    def __init__(self, path: Path, origin: bytes, log: Log, *, by_time: bool = False) -> None:
        self.path = path
        self.origin = origin
        self.by_time = by_time
        self._log = log
        self._stamps: dict[Path, Stamp] = {}
        self._was_young = False

    def is_changed(self) -> bool:
        """Whether the file, or one that it includes, is another than at the last reading. Looks at the disk."""
        if not self._stamps:
            return True
        return any(_stamp(path) != stamp for path, stamp in self._stamps.items())

    def resume(self, other: ZoneFile) -> None:
        """Go on from where another reader of the same file is."""
        self._stamps, self._was_young = other._stamps, other._was_young

    def move(self, path: Path) -> None:
        """The zone is in another file from now on, which is read when its serial is another one."""
        self.path = path
        self._stamps = {}

    async def read(self, previous: Zone | None, *, anyway: bool = False) -> Zone | None:
        """The zone that the file has now; None where it is the previous one. Raises ZoneError.

        What the event loop has to do meanwhile is done in between. With ``anyway`` the serial need not be another one.
        """
        stamps: dict[Path, Stamp] = {}
        anyway = anyway or self.by_time or self._was_young
        try:
            return await Turns().all(unseen(self._reading(previous, stamps, anyway)))
        finally:
            self._stamps = stamps

    def _reading(
        self, previous: Zone | None, stamps: dict[Path, Stamp], anyway: bool
    ) -> Generator[None, None, Zone | None]:
        begun = time.time()
        head = MasterFile(self.path, self.origin, stamps)
        soa = yield from self._first_soa(head.records())
        if previous is not None and not anyway and _serial(soa) == previous.serial:
            self._log.warning(f"{self.path} was changed and its serial was not: it is not read")
            return None
        origin = self._origin_of(soa)
        left_out = _LeftOut()
        records = MasterFile(self.path, self.origin, stamps).records()
        zone = yield from building(origin, records, previous, left_out.add)
        left_out.tell(self._log, self.path, origin)
        if any(_stamp(path) != stamp for path, stamp in stamps.items()):
            stamps.clear()
            raise ZoneError(f"{self.path} changed while it was read")
        newest = max(changed for changed, _, _ in stamps.values()) / 1e9
        self._was_young = begun - newest < _YOUNG  # whoever writes it may not be done
        return zone

    def _first_soa(self, records: Iterator[Record]) -> Generator[None, None, Record]:
        for number, record in enumerate(records):
            if record.type == SOA:
                return record
            if number % _STEP == 0:
                yield
        raise ZoneError(f"{self.path} has no SOA record for {to_text(self.origin)}")

    def _origin_of(self, soa: Record) -> bytes:
        """The origin, or that of the only zone in the file where it is one below."""
        if soa.owner == self.origin:
            return self.origin
        if not is_below(soa.owner, self.origin):
            raise ZoneError(
                f"{self.path} has no SOA record for {to_text(self.origin)}, but one for {to_text(soa.owner)}"
            )
        self._log.warning(f"{self.path} is the zone {to_text(soa.owner)}, not {to_text(self.origin)}; served as that")
        return soa.owner


Remains = tuple[list[bytes], list[Node]]


def remains(zone: Zone) -> Remains:
    """What is to be released of a zone once nobody holds it any more."""
    return list(zone.nodes), list(zone.nodes.values())


async def release(remains: Remains) -> None:
    """Free a zone that was served until now.

    To free a million records takes a good part of a second, so what the event loop has to do is done in between. Where
    somebody still holds the zone, nothing happens to it.
    """
    turns = Turns()
    names, nodes = remains
    while names:
        del names[-_STEP:], nodes[-_STEP:]
        await turns.give()


def unseen(steps: Generator[None, None, T]) -> Generator[None, None, T]:
    """The same steps; the garbage collector passes over what they make, or it would stop the loop to look at it all."""
    number = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        number += 1
        if number % _STEP == 0:
            gc.freeze()
        yield


class _LeftOut:
    """Counts records that are outside of their zone."""

    def __init__(self) -> None:
        self.count = 0
        self.first = b""

    def add(self, owner: bytes) -> None:
        self.first = self.first or owner
        self.count += 1

    def tell(self, log: Log, path: Path, origin: bytes) -> None:
        if self.count:
            where = f"{self.count} names outside of {to_text(origin)}, the first is {to_text(self.first)}"
            log.warning(f"{path} has {where}: they are left out")


def _serial(soa: Record) -> int:
    return int.from_bytes(soa.rdata[-20:-16], "big")


def _stamp(path: Path) -> Stamp:
    try:
        return stamp_of(path.stat())
    except OSError:
        return NO_FILE
