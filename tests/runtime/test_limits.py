"""Limits in a running server: what is replayed counts like what is worked out, for each client by itself."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest

from resolver.chain.setup import Host
from resolver.config.load import load_text
from resolver.config.model import Config
from resolver.replay.store import Stores
from resolver.runtime.server import Server
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import REFUSED, TC
from resolver.wire.cookie import cookie_of, cookie_option
from resolver.wire.edns import write_opt
from resolver.wire.message import Message, scan
from tests.runtime.clients import HOST, addresses, question, stream
from tests.runtime.serving import block, free_port, hosts, serving

WWW = "www.example.org"
SECONDS = 2.0


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server(Host(clock=time.monotonic, registry=Registry(), log=Log(StringIO())), Stores(1 << 20))
    yield server
    await server.stop(drain=False)


def limited(port: int, *lines: str) -> Config:
    return load_text(block(port, *lines, hosts("10.0.0.1", WWW)).replace("errors", ""), environ={})


async def ask(port: int, client: str, query: bytes, wait: float = SECONDS) -> Message | None:
    """The answer over UDP to a client at this address, None where none comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((client, 0))
        sock.connect((HOST, port))
        sock.send(query)
        reading = asyncio.get_running_loop().sock_recv(sock, 4096)
        try:
            return scan(await asyncio.wait_for(reading, wait))
        except TimeoutError:
            return None


async def test_each_client_has_its_own_limit_for_the_same_replayed_answer(server: Server) -> None:
    port = free_port()
    await server.apply(limited(port, "ratelimit 1 {\n burst 5\n slip 1\n}"))
    for client in ("127.0.0.2", "127.0.0.3"):
        found = [await ask(port, client, question(WWW)) for _ in range(12)]
        answered = [one for one in found if one is not None and addresses(one)]
        slipped = [one for one in found if one is not None and one.flags & TC]
        assert 5 <= len(answered) <= 8, "the burst, and what comes back while the test runs"
        assert len(answered) + len(slipped) == 12
    async with stream(port) as connection:
        codes = [(await connection.ask(WWW)).rcode for _ in range(12)]
        assert codes[:5] == [0] * 5
        assert codes.count(REFUSED) >= 4


async def test_answers_that_go_to_one_network_again_and_again_are_dropped(server: Server) -> None:
    port = free_port()
    await server.apply(limited(port, "rrl {\n responses-per-second 4\n slip-ratio 1\n}"))
    found = [await ask(port, f"127.0.0.{number}", question(WWW)) for number in range(2, 14)]
    assert sum(one is not None and bool(one.flags & TC) for one in found) >= 6
    assert await ask(port, "127.0.7.1", question(WWW)) is not None


def with_cookie(cookie: bytes) -> bytes:
    plain = question(WWW)
    return plain[:11] + b"\1" + plain[12:] + write_opt(1232, options=cookie)


async def test_a_cookie_is_of_use_to_its_client_alone_though_answers_are_replayed(server: Server) -> None:
    port = free_port()
    await server.apply(limited(port, "cookies"))
    first = await ask(port, "127.0.0.2", with_cookie(cookie_option(b"clients!")))
    given = cookie_of(first.edns.options) if first is not None and first.edns else None
    assert given is not None
    mine = with_cookie(cookie_option(*given))
    for client, same in [("127.0.0.2", True)] * 4 + [("127.0.0.3", False), ("127.0.0.2", True)]:
        found = await ask(port, client, mine)
        assert found is not None
        assert found.edns is not None
        assert (cookie_of(found.edns.options) == given) == same


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
async def test_dig_and_the_server_agree_on_cookies(tmp_path: Path) -> None:
    port = free_port()
    text = block(port, "cookies {\n require\n }", hosts("10.0.0.1", WWW))
    async with serving(tmp_path, text, port=port):
        said = {}
        for option in ("+cookie", "+nocookie"):
            process = await asyncio.create_subprocess_exec(
                "dig", f"@{HOST}", "-p", str(port), WWW, option, "+tries=1", "+time=5", stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
            said[option] = output.decode()
    assert "BADCOOKIE, retrying" in said["+cookie"]
    assert "(good)" in said["+cookie"]
    assert "(TCP)" in said["+nocookie"]
    assert all("10.0.0.1" in one for one in said.values())
