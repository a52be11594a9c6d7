"""Servers in this process that have zones or fetch them, and dnspython as their client."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rrset
import dns.tsig

from resolver.chain.setup import Host
from resolver.config.load import load_text
from resolver.replay.store import Stores
from resolver.runtime.server import Server
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry

HOST = "127.0.0.1"
SECRET = "2jBeTA3Hwqn4MDBrk66MJz1hB3O35LVpO+MA8EsnSjc="
KEY_NAME = "key.example.org."
KEY = dns.tsig.Key(dns.name.from_text(KEY_NAME), SECRET, "hmac-sha256")


class Serving:
    """A server that runs in this loop, and what it logged."""

    def __init__(self) -> None:
        self.output = StringIO()
        stores = Stores(1 << 20)
        log = Log(self.output)
        self.host = Host(clock=time.monotonic, registry=Registry(), log=log, withdraw=stores.withdraw)
        self.server = Server(self.host, stores)

    async def apply(self, corefile: str) -> None:
        """Serve this, in place of what was served."""
        await self.server.apply(load_text(corefile, environ={}))

    @property
    def replayable(self) -> int:
        """How many answers are kept for replay."""
        return sum(len(store) for store in self.server.stores.budget.stores)

    def part(self, name: str) -> Any:
        """The first part of that name."""
        assert self.server.plan is not None
        return next(part for part in self.server.plan.parts if part.name == name)


@asynccontextmanager
async def serving(corefile: str) -> AsyncIterator[Serving]:
    """A server of a Corefile; what stumbles within it is an error of the test."""
    one = Serving()
    try:
        await one.apply(corefile)
        yield one
    finally:
        await one.server.stop(drain=False)
    assert "recovered from" not in one.output.getvalue()


def zone_text(serial: int, *lines: str, refresh: int = 3600, retry: int = 600, expire: int = 86400) -> str:
    """A zone file for example.org."""
    head = f"$ORIGIN example.org.\n$TTL 300\n@ SOA ns host {serial} {refresh} {retry} {expire} 60\n@ NS ns\n"
    return head + "ns A 192.0.2.53\n" + "\n".join(lines) + "\n"


def write(folder: Path, serial: int, *lines: str, **times: int) -> Path:
    """A zone file in a folder."""
    path = folder / "db.example.org"
    path.write_text(zone_text(serial, *lines, **times))
    return path


async def answer(
    port: int, name: str, qtype: str = "A", *, over: str = "udp", change: Callable[[Any], None] | None = None
) -> dns.message.Message:
    """What the server answers; ``change`` may sign or otherwise alter the query."""
    query = dns.message.make_query(name, qtype)
    if change is not None:
        change(query)
    send = dns.query.udp if over == "udp" else dns.query.tcp
    return await asyncio.to_thread(lambda: send(query, HOST, timeout=5, port=port))


async def transferred(port: int, *, key: Any = None, serial: int | None = None, zone: str = "example.org") -> list[str]:
    """The records of a transfer in their order, as text; of an incremental one those of its first message.

    Raises AssertionError for a message that is refused, or not signed where it should be.
    """

    def fetch() -> list[str]:
        query = dns.message.make_query(zone, "AXFR" if serial is None else "IXFR")
        if serial is not None:
            soa = dns.rrset.from_text(zone + ".", 300, "IN", "SOA", f"ns. host. {serial} 1 1 1 1")
            query.authority.append(soa)
        if key is not None:
            query.use_tsig(key)
        return list(_records(query, port, serial is None))

    return await asyncio.to_thread(fetch)


def _records(query: Any, port: int, whole: bool) -> Iterator[str]:
    """Every record of every message, read off the connection without dnspython's idea of a transfer."""
    with socket.create_connection((HOST, port), timeout=5) as sock:
        wire = query.to_wire()
        sock.sendall(len(wire).to_bytes(2, "big") + wire)
        context, first, done = None, "", False
        with sock.makefile("rb") as stream:
            while not done:
                length = int.from_bytes(stream.read(2), "big")
                message = dns.message.from_wire(
                    stream.read(length),
                    keyring=query.keyring,
                    request_mac=query.mac,
                    xfr=True,
                    multi=True,
                    tsig_ctx=context,
                    one_rr_per_rrset=True,
                )
                assert query.keyring is None or message.had_tsig
                context = message.tsig_ctx
                assert message.rcode() == 0, dns.rcode.to_text(message.rcode())
                for rrset in message.answer:
                    line = rrset.to_text()
                    yield line
                    done = not whole or line == first
                    first = first or line
