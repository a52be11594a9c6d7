"""Views and headers of proxies in a running server: every client gets its own answer, also when it asks again."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from io import StringIO

import pytest

from resolver.chain.setup import Host
from resolver.config.load import load_text
from resolver.config.model import Config
from resolver.replay.store import Stores
from resolver.runtime.server import Server
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.wire.message import scan
from resolver.wire.proxy import SIGNATURE
from tests.runtime.clients import HOST, addresses, question
from tests.runtime.serving import block, free_port, hosts

WWW = "www.example.org"
INSIDE, OUTSIDE = "127.0.0.2", "127.0.0.3"
FROM_INSIDE = SIGNATURE + b"\x21\x12\0\x0c" + bytes([127, 0, 0, 2, 127, 0, 0, 1, 0, 99, 0, 53])


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server(Host(clock=time.monotonic, registry=Registry(), log=Log(StringIO())), Stores(1 << 20))
    yield server
    await server.stop(drain=False)


def split(port: int, expression: str, *lines: str) -> Config:
    """A block for those of whom the expression is true, then one for all others."""
    view = f'view inside {{\n expr "{expression}"\n }}'
    text = block(port, *lines, view, hosts("10.0.0.1", WWW)) + block(port, hosts("203.0.113.1", WWW))
    return load_text(text, environ={})


async def answers(port: int, client: str, *, header: bytes = b"") -> str:
    """What address a client at this one is told, ``none`` where that is an error."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((client, 0))
        sock.connect((HOST, port))
        sock.send(header + question(WWW))
        octets = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 4096), 5)
    return next(iter(addresses(scan(octets))), "none")


async def test_the_same_question_is_answered_by_who_asks(server: Server) -> None:
    port = free_port()
    await server.apply(split(port, f"client_ip() == '{INSIDE}'"))
    clients = [INSIDE, OUTSIDE, INSIDE, OUTSIDE, OUTSIDE, INSIDE]
    found = [await answers(port, client) for client in clients]
    assert found == ["10.0.0.1" if client == INSIDE else "203.0.113.1" for client in clients]


@pytest.mark.parametrize(("expression", "replays"), [("type() == 'A'", True), (f"client_ip() != '{OUTSIDE}'", False)])
async def test_only_what_does_not_depend_on_the_client_is_replayed(
    server: Server, expression: str, replays: bool
) -> None:
    port = free_port()
    await server.apply(split(port, expression))
    assert {await answers(port, INSIDE) for _ in range(4)} == {"10.0.0.1"}
    assert any(len(store) for store in server.stores.budget.stores) is replays


async def test_clients_behind_a_proxy_are_told_apart_and_a_reload_ends_that(server: Server) -> None:
    port = free_port()
    proxied = "proxyproto {\n allow 127.0.0.1\n }"
    await server.apply(split(port, f"client_ip() == '{INSIDE}'", proxied))
    found = [await answers(port, HOST, header=FROM_INSIDE), await answers(port, HOST)]
    found.append(await answers(port, OUTSIDE, header=FROM_INSIDE))
    assert found == ["10.0.0.1", "203.0.113.1", "203.0.113.1"]
    await server.apply(split(port, f"client_ip() == '{INSIDE}'"))
    assert await answers(port, INSIDE) == "10.0.0.1"
    assert await answers(port, HOST, header=FROM_INSIDE) == "none"
