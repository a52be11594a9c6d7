"""Who may not have an answer does not get it from any memory either."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from resolver.wire.constants import RCODES
from resolver.wire.message import scan
from tests.runtime.clients import HOST, addresses, question
from tests.runtime.serving import free_port, serving
from tests.security.transports import EVERY, everywhere
from tests.support.upstreams import Upstream, answers

NAME = "www.example.org"


def _ask_from(host: str, port: int, packet: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((host, 0))
        sock.connect((HOST, port))
        sock.send(packet)
        return sock.recv(4096)


@pytest.mark.parametrize("cached", ["cache 30", "cache 30\n loadbalance"])
async def test_what_is_blocked_is_not_answered_from_the_cache(tmp_path: Path, cached: str) -> None:
    """CoreDNS 8289: what one client had put into the cache was given to clients that were blocked."""
    port = free_port()
    async with Upstream(answers("192.0.2.1")) as behind:
        blocked = f"acl {{\n block net 127.0.0.2/32\n }}\n {cached}\n forward . {behind.to}"
        async with serving(tmp_path, f".:{port} {{\n bind {HOST}\n {blocked}\n}}", port=port):
            for _ in range(4):
                good = await asyncio.to_thread(_ask_from, HOST, port, question(NAME))
                bad = await asyncio.to_thread(_ask_from, "127.0.0.2", port, question(NAME))
                assert addresses(scan(good)) == ["192.0.2.1"]
                assert RCODES[scan(bad).rcode] == "REFUSED"
                assert not addresses(scan(bad))


@EVERY
async def test_what_is_blocked_is_blocked_on_every_transport(tmp_path: Path, transport: str) -> None:
    """A client of one transport must not profit from what another one left behind."""
    async with Upstream(answers("192.0.2.1")) as behind:
        blocked = "acl {\n block type AAAA net 127.0.0.0/8\n }"
        async with everywhere(tmp_path, blocked, "cache 30", f"forward . {behind.to}") as server:
            for _ in range(2):
                good = await server.ask(transport, question(NAME))
                bad = await server.ask(transport, question(NAME, "AAAA"))
                assert good is not None
                assert bad is not None
                assert addresses(scan(good)) == ["192.0.2.1"]
                assert RCODES[scan(bad).rcode] == "REFUSED"
