"""Zones fetched from primaries that run beside."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.message
import dns.opcode
import dns.query
import pytest

from resolver.wire.names import from_text
from resolver.zone.follower import Follower
from resolver.zone.primary import Primary
from tests.runtime.serving import free_port, until
from tests.support.zones import HOST, KEY, KEY_NAME, SECRET, Serving, answer, serving, transferred, write

NAME = "www.example.org"
TSIG = f"tsig {{\n secret {KEY_NAME} {SECRET}\n }}"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def primary_port() -> int:
    return free_port()


def primary(port: int, path: Path, *lines: str) -> str:
    inner = "\n ".join(lines)
    file = f"file {path} example.org {{\n reload 100ms\n }}"
    return f"example.org:{port} {{\n bind {HOST}\n {inner}\n {file}\n transfer {{\n to *\n }}\n}}\n"


def secondary(port: int, *primaries: int, more: str = "", inner: str = "") -> str:
    sources = " ".join(f"{HOST}:{one}" for one in primaries)
    part = f"secondary {{\n transfer from {sources}\n {inner}\n }}"
    return f"example.org:{port} {{\n bind {HOST}\n errors\n {more}\n {part}\n}}\n"


def serial(server: Serving) -> int:
    zones = server.part("secondary").zones()
    return int(next(iter(zones.values())).serial) if zones else 0


async def has(server: Serving, number: int) -> None:
    await until(lambda: serial(server) == number)


async def test_a_zone_is_served_as_its_primary_has_it(port: int, primary_port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, "www A 192.0.2.1", "*.wild TXT x", "sub NS ns.sub", "ns.sub A 192.0.2.3")
    async with serving(primary(primary_port, path)), serving(secondary(port, primary_port)) as server:
        await has(server, 7)
        for name in (NAME, "gone.example.org", "a.wild.example.org", "x.sub.example.org", "example.org"):
            ours, theirs = await answer(port, name), await answer(primary_port, name)
            theirs.id = ours.id
            assert ours == theirs


async def test_queries_fail_until_the_zone_is_there(port: int, primary_port: int, tmp_path: Path) -> None:
    async with serving(secondary(port, primary_port)) as server:
        assert (await answer(port, NAME)).rcode() == 2
        async with serving(primary(primary_port, write(tmp_path, 7, "www A 192.0.2.1"))):
            await has(server, 7)
            assert (await answer(port, NAME)).rcode() == 0


async def test_the_next_primary_is_asked_where_one_is_dead(port: int, primary_port: int, tmp_path: Path) -> None:
    async with (
        serving(primary(primary_port, write(tmp_path, 7))),
        serving(secondary(port, free_port(), primary_port)) as server,
    ):
        await has(server, 7)


async def test_refresh_finds_what_is_newer(port: int, primary_port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, "www A 192.0.2.1", refresh=1)
    async with serving(primary(primary_port, path)) as one, serving(secondary(port, primary_port)) as server:
        await has(server, 7)
        write(tmp_path, 8, "www A 192.0.2.2", refresh=1)
        await has(server, 8)
        assert (await answer(port, NAME)).answer[0][0].to_text() == "192.0.2.2"
        assert "incremental transfer of example.org. with serial 8" in one.output.getvalue()


async def test_an_answer_that_was_replayed_is_withdrawn_with_its_zone(
    port: int, primary_port: int, tmp_path: Path
) -> None:
    path = write(tmp_path, 7, "www A 192.0.2.1", refresh=1)
    async with serving(primary(primary_port, path)), serving(secondary(port, primary_port)) as server:
        await has(server, 7)
        for _ in range(3):
            await answer(port, NAME)
        assert server.replayable
        write(tmp_path, 8, "www A 192.0.2.2", refresh=1)
        await has(server, 8)
        assert (await answer(port, NAME)).answer[0][0].to_text() == "192.0.2.2"


async def test_a_zone_expires_and_comes_back(port: int, primary_port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, "www A 192.0.2.1", refresh=1, retry=1, expire=2)
    async with serving(secondary(port, primary_port)) as server:
        async with serving(primary(primary_port, path)):
            await has(server, 7)
        await has(server, 0)
        assert (await answer(port, NAME)).rcode() == 2
        assert "expired" in server.output.getvalue()
        async with serving(primary(primary_port, path)):
            await has(server, 7)
            assert (await answer(port, NAME)).rcode() == 0


async def test_a_notify_brings_the_zone_at_once(port: int, primary_port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7)
    text = primary(primary_port, path).replace("to *", f"to * {HOST}:{port}")
    async with serving(secondary(port, primary_port)) as server, serving(text):
        await has(server, 7)
        write(tmp_path, 8)
        await has(server, 8)


async def notify(port: int, name: str = "example.org", source: str = HOST, key: Any = None) -> dns.message.Message:
    query = dns.message.make_query(name, "SOA")
    query.set_opcode(dns.opcode.NOTIFY)
    if key is not None:
        query.use_tsig(key)
    return await asyncio.to_thread(lambda: dns.query.udp(query, HOST, timeout=1, port=port, source=source))


async def test_a_notify_of_a_primary_is_answered(port: int) -> None:
    async with serving(secondary(port, free_port())):
        reply = await notify(port)
        assert (reply.rcode(), reply.opcode()) == (0, dns.opcode.NOTIFY)
        assert (await notify(port, "sub.example.org")).rcode() == 9


async def test_a_notify_of_a_stranger_is_not_answered_and_changes_nothing(port: int) -> None:
    async with serving(secondary(port, free_port())) as server:
        follower: Follower = next(iter(server.part("secondary")._followers.values()))
        seen: list[int] = []
        follower.notified = lambda: seen.append(1)  # type: ignore[method-assign]
        with pytest.raises(dns.exception.Timeout):
            await notify(port, source="127.0.0.9")
        assert not seen


async def test_a_notify_can_be_required_to_be_signed(port: int) -> None:
    more = TSIG.replace("\n }", "\n require_opcode NOTIFY\n }")
    async with serving(secondary(port, free_port(), more=more)):
        assert (await notify(port)).rcode() == 5
        reply = await notify(port, key=KEY)
        assert reply.rcode() == 0
        assert reply.had_tsig


async def test_no_other_block_takes_a_notify(port: int) -> None:
    other = f"example.net:{port} {{\n bind {HOST}\n whoami\n}}\n"
    async with serving(secondary(port, free_port()) + other):
        assert (await notify(port, "example.net")).rcode() == 4


async def test_a_notify_meets_acl_and_not_the_plugins_that_answer_queries(port: int) -> None:
    more = "acl {\n block net 127.0.0.1\n }\n template ANY ANY {\n rcode NXDOMAIN\n }"
    async with serving(secondary(port, free_port(), more=more)):
        assert (await notify(port)).rcode() == 5
    async with serving(secondary(port, free_port(), more=more.replace("127.0.0.1", "127.0.0.2"))):
        assert (await notify(port)).rcode() == 0


async def test_signed_zones_are_fetched_with_the_key(port: int, primary_port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, *(f"host{number} A 192.0.2.1" for number in range(3000)), refresh=1)
    signed_only = TSIG.replace("\n }", "\n require all\n }")
    async with (
        serving(primary(primary_port, path, signed_only)),
        serving(secondary(port, primary_port, more=TSIG, inner=f"key {KEY_NAME}")) as server,
    ):
        await has(server, 7)
        write(tmp_path, 8, refresh=1)
        await has(server, 8)


async def test_a_primary_with_another_key_is_of_no_use(port: int, primary_port: int, tmp_path: Path) -> None:
    other = f"tsig {{\n secret {KEY_NAME} {SECRET.swapcase()}\n }}"
    async with (
        serving(primary(primary_port, write(tmp_path, 7), other)),
        serving(secondary(port, primary_port, more=TSIG, inner=f"key {KEY_NAME}")) as server,
    ):
        await until(lambda: "BADSIG" in server.output.getvalue())
        assert serial(server) == 0


async def test_a_primary_that_does_not_sign_is_not_believed(port: int, primary_port: int, tmp_path: Path) -> None:
    async with (
        serving(primary(primary_port, write(tmp_path, 7))),
        serving(secondary(port, primary_port, more=TSIG, inner=f"key {KEY_NAME}")) as server,
    ):
        await until(lambda: "the answer is not signed" in server.output.getvalue())
        assert serial(server) == 0


async def test_zones_are_handed_on(port: int, primary_port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, "www A 192.0.2.1")
    async with (
        serving(primary(primary_port, path)),
        serving(secondary(port, primary_port, more="transfer {\n to *\n }")) as server,
    ):
        await has(server, 7)
        assert sorted(await transferred(port)) == sorted(await transferred(primary_port))


async def test_a_reload_keeps_the_zones_and_leaves_nothing_behind(port: int, primary_port: int, tmp_path: Path) -> None:
    async with serving(secondary(port, primary_port)) as server:
        async with serving(primary(primary_port, write(tmp_path, 7, "www A 192.0.2.1"))):
            await has(server, 7)
        await server.apply(secondary(port, primary_port))
        assert server.server.left_behind == 0
        assert (await answer(port, NAME)).rcode() == 0
        await server.apply(secondary(port, free_port()))
        assert (await answer(port, NAME)).rcode() == 2


async def test_names_that_are_not_there_may_fall_through(port: int, primary_port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, "www A 192.0.2.1")
    more = "hosts {\n 192.0.2.9 other.example.org\n fallthrough\n }"
    async with (
        serving(primary(primary_port, path)),
        serving(secondary(port, primary_port, more="whoami", inner="fallthrough").replace("whoami", more)) as server,
    ):
        await has(server, 7)
        assert (await answer(port, "other.example.org")).answer[0][0].to_text() == "192.0.2.9"
        assert (await answer(port, NAME)).rcode() == 0


class Misbehaving:
    """A primary that does one thing to every connection."""

    def __init__(self, act: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> None:
        self._act = act

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._act, HOST, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(2)
    writer.close()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    query = await reader.read(100)
    writer.write(b"\0\x20" + query[2:4] + b"\x84\0\0\1\xff\xff" + bytes(24))
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize(
    ("act", "why"), [(closing, "closed the connection"), (garbage, "cannot be had"), (silent, "not answer in time")]
)
async def test_a_primary_that_misbehaves_is_of_no_use(
    port: int, act: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.zone.primary.MESSAGE_TIME", 0.1)
    async with Misbehaving(act) as bad, serving(secondary(port, bad)) as server:
        await until(lambda: why in server.output.getvalue())
        assert (await answer(port, NAME)).rcode() == 2


async def test_a_primary_that_does_not_accept_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.zone.primary.CONNECT_TIME", 0.1)
    with socket.socket() as full:
        full.bind((HOST, 0))
        full.listen(0)
        address = full.getsockname()
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(address)
        with pytest.raises(Exception, match="in time"):
            await Primary(address).newer(from_text("example.org"), None)
        for other in others:
            other.close()
