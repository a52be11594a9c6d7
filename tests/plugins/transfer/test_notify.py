"""Telling others of changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rdatatype
import pytest

from resolver.plugins.transfer.notify import PAUSES, Notifier
from resolver.plugins.transfer.settings import Stanza
from resolver.wire.names import from_text
from resolver.wire.tsig import Key
from tests.plugins.chains import World
from tests.runtime.serving import free_port, until
from tests.support.zones import HOST, KEY, KEY_NAME, SECRET, serving, write

ORIGIN = from_text("example.org")
QUICK = (0.05, 0.05, 0.05)


class Told(asyncio.DatagramProtocol):
    """A secondary that keeps what it is told, and answers with a code, or not."""

    def __init__(self, *rcodes: int | None) -> None:
        self.rcodes = list(rcodes)
        self.messages: list[Any] = []
        self.peers: list[tuple[str, int]] = []
        self.port = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = dns.message.from_wire(data, keyring=KEY)
        self.messages.append(message)
        self.peers.append(addr)
        rcode = self.rcodes.pop(0) if self.rcodes else 0
        if rcode is not None:
            reply = dns.message.make_response(message)
            reply.set_rcode(rcode)  # type: ignore[arg-type]
            self._transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def told(*rcodes: int | None) -> AsyncIterator[Told]:
    """A secondary on loopback."""
    transport, one = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Told(*rcodes), local_addr=(HOST, 0)
    )
    try:
        yield one
    finally:
        transport.close()


@asynccontextmanager
async def notifier(world: World) -> AsyncIterator[Notifier]:
    one = Notifier(world.host.log, pauses=QUICK)
    try:
        yield one
    finally:
        await one.stop()


def stanza(*ports: int, **more: Any) -> Stanza:
    return Stanza((ORIGIN,), None, tuple((HOST, port) for port in ports), **more)


async def test_a_notify_is_what_others_expect() -> None:
    async with told() as secondary, notifier(World()) as one:
        one.tell(ORIGIN, stanza(secondary.port))
        await until(lambda: bool(secondary.messages))
    (message,) = secondary.messages
    assert message.opcode() == dns.opcode.NOTIFY
    assert message.flags & dns.flags.AA
    assert message.question[0].to_text() == "example.org. IN SOA"
    assert not message.had_tsig


async def test_a_notify_that_was_taken_is_not_sent_again() -> None:
    world = World()
    async with told() as secondary, notifier(world) as one:
        one.tell(ORIGIN, stanza(secondary.port))
        await until(lambda: not one._under_way)
        assert len(secondary.messages) == 1
    assert world.lines == []


async def test_a_notify_is_sent_again_until_it_is_taken() -> None:
    async with told(None, 5) as secondary, notifier(World()) as one:
        one.tell(ORIGIN, stanza(secondary.port))
        await until(lambda: not one._under_way)
        assert len(secondary.messages) == 3
        assert len({message.id for message in secondary.messages}) == 3


async def test_nobody_is_told_for_ever() -> None:
    world = World()
    async with told(*[None] * 9) as secondary, notifier(world) as one:
        one.tell(ORIGIN, stanza(secondary.port))
        await until(lambda: not one._under_way)
        assert len(secondary.messages) == len(QUICK)
    assert f"127.0.0.1:{secondary.port} did not take the NOTIFY for example.org.: no answer" in world.lines[-1]
    assert len(PAUSES) == 5


async def test_a_change_while_one_is_told_is_told_afterwards_and_once() -> None:
    async with told(None) as secondary, notifier(World()) as one:
        for _ in range(5):
            one.tell(ORIGIN, stanza(secondary.port))
        await until(lambda: not one._under_way)
        assert len(secondary.messages) == 2


async def test_one_that_is_gone_does_not_keep_others_waiting() -> None:
    async with told() as secondary, notifier(World()) as one:
        begun = time.monotonic()
        one.tell(ORIGIN, stanza(free_port(), secondary.port))
        await until(lambda: bool(secondary.messages))
        assert time.monotonic() - begun < sum(QUICK)


async def test_answers_of_others_are_not_believed() -> None:
    world = World()
    one = Notifier(world.host.log)
    packet = b"\0\7\x24\0\0\1\0\0\0\0\0\0" + ORIGIN + b"\0\6\0\1"
    answer = b"\0\7\xa4\0" + packet[4:]
    assert one._read(answer, packet, None) == 0
    assert one._read(b"\0\6" + answer[2:], packet, None) is None
    assert one._read(packet, packet, None) is None
    assert one._read(answer[:2] + b"\x84\0" + answer[4:], packet, None) is None
    assert one._read(answer.replace(b"org", b"net"), packet, None) is None
    assert one._read(b"x", packet, None) is None
    assert one._read(answer, packet, (Key(from_text(KEY_NAME), b"secret"), b"x" * 32)) is None


async def test_a_notify_is_signed_where_a_key_is_given() -> None:
    async with told() as secondary:
        text = f"""example.org:{free_port()} {{
            bind {HOST}
            tsig {{
                secret {KEY_NAME} {SECRET}
            }}
            secondary {{
                transfer from 127.0.0.1:1
            }}
            transfer {{
                to 127.0.0.1:{secondary.port}
                key {KEY_NAME}
                source 127.0.0.7
            }}
        }}"""
        async with serving(text) as server:
            server.part("transfer")._tell(ORIGIN)
            await until(lambda: bool(secondary.messages))
            await until(lambda: not server.part("transfer")._notifier._under_way)
        assert secondary.messages[0].had_tsig
        assert secondary.peers[0][0] == "127.0.0.7"
        assert len(secondary.messages) == 1


async def test_all_are_told_when_a_zone_is_loaded_and_when_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, 7)
    async with told() as one, told() as other:
        text = f"""example.org:{free_port()} {{
            bind {HOST}
            file {path} {{
                reload 200ms
            }}
            transfer {{
                to 127.0.0.1:{one.port} * 127.0.0.1:{other.port}
            }}
        }}"""
        async with serving(text):
            await until(lambda: len(one.messages) == len(other.messages) == 1)
            write(tmp_path, 8, "new A 192.0.2.9")
            await until(lambda: len(one.messages) == len(other.messages) == 2)


@pytest.mark.parametrize("worker", [1, 2])
async def test_one_worker_tells_for_all(worker: int) -> None:
    world = World()
    world.host.worker = worker
    async with told() as secondary:
        part = world.build(f"example.org {{\n transfer {{\n to 127.0.0.1:{secondary.port}\n }}\n}}").parts[0]
        await part.start()
        part._tell(ORIGIN)  # type: ignore[attr-defined]
        assert not part._notifier._under_way  # type: ignore[attr-defined]
        await part.stop()
