"""Labels for the place of a client, from a database that is kept like its file."""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path
from typing import Final

from resolver.chain.capabilities import Collecting, offering
from resolver.chain.plugin import Part
from resolver.chain.query import Query, edns_option
from resolver.chain.setup import Block, Host
from resolver.errors import ResolverError
from resolver.plugins.geoip.database import Database, Labels, open_database, stamp_of
from resolver.wire.constants import OPTION_ECS

LOOK_EVERY: Final = 30.0  # seconds between two looks at the file
_MOST_KEPT: Final = 10_000  # addresses whose labels are kept
_SIZES: Final = {1: 4, 2: 16}  # octets of an address, by the family's number


class GeoIp(Part):
    """Tells of a client where it is."""

    name = "geoip"

    def __init__(self, path: Path, block: Block, host: Host, *, by_subnet: bool = False) -> None:
        self.path = path
        self.by_subnet = by_subnet
        self._block = block
        self._log = host.log.named(self.name)
        self._database: Database | None = None
        self._kept: dict[str, Labels] = {}
        self._watching: asyncio.Task[None] | None = None
        self._complaint = ""

    async def start(self) -> None:
        self._database = await asyncio.to_thread(open_database, self.path)
        if next(offering(self._block.parts, Collecting), None) is None:
            self._log.warning("geoip is of no use without metadata in the same server block")
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._database is not None:
            self._database.close()
            self._database = None
        self._kept.clear()

    def describe(self, query: Query, labels: dict[str, str]) -> None:
        """The labels for the client, or for the subnet that it asks for."""
        database = self._database
        if database is None:
            return
        address = (self.by_subnet and _subnet(query)) or query.client[0]
        known = self._kept.get(address)
        if known is None:
            known = self._look_up(database, address)
        labels.update(known)

    def _look_up(self, database: Database, address: str) -> Labels:
        try:
            found = database.labels(address)
        except ResolverError as error:
            self._complain(str(error))
            return {}
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[address] = found
        return found

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.refresh()

    async def refresh(self) -> None:
        """Take over the file where it has changed; the database stays as it is where that is not possible."""
        old = self._database
        try:
            if old is None or await asyncio.to_thread(stamp_of, self.path) == old.stamp:
                return
            new = await asyncio.to_thread(open_database, self.path)
        except OSError as error:
            self._complain(f"cannot read {self.path}: {error.strerror or error}")
        except ResolverError as error:
            self._complain(str(error))
        else:
            self._database, self._complaint = new, ""
            self._kept.clear()
            old.close()
            self._log.info(f"{self.path} was read again")

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:  # once, not at each look
            self._complaint = reason
            self._log.warning(reason)


def _subnet(query: Query) -> str:
    """The address of the client subnet option (RFC 7871 section 6), empty without a proper one."""
    payload = edns_option(query.edns, OPTION_ECS)
    if payload is None or len(payload) < 4:
        return ""
    size = _SIZES.get(int.from_bytes(payload[:2], "big"), 0)
    octets = payload[4:]
    return str(ipaddress.ip_address(octets.ljust(size, b"\0"))) if size and len(octets) <= size else ""
