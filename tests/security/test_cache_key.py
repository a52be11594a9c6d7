"""Answers are remembered for all that they depend on."""

from __future__ import annotations

from pathlib import Path

from resolver.wire.constants import CD
from resolver.wire.edns import write_opt
from resolver.wire.message import scan
from tests.runtime.clients import addresses, question
from tests.security.transports import EVERY, everywhere
from tests.support.upstreams import Asked, Step, Upstream, answers, reply

NAME = "www.example.org"


def _with_flags(packet: bytes, flags: int) -> bytes:
    return packet[:2] + (int.from_bytes(packet[2:4], "big") | flags).to_bytes(2, "big") + packet[4:]


def _with_do(packet: bytes) -> bytes:
    return packet[:11] + b"\1" + packet[12:] + write_opt(1232, do=True)


def _by_flags(asked: Asked) -> list[Step]:
    """A validator: what does not validate is given to those only who want to check themselves."""
    return [reply(asked, ["192.0.2.66"] if asked.message.flags & CD else ["192.0.2.1"])]


@EVERY
async def test_cd_is_part_of_the_cache_key(tmp_path: Path, transport: str) -> None:
    """CVE-2024-0874: an answer that had been asked for with CD was given to who relies on validation."""
    async with Upstream(_by_flags) as behind, everywhere(tmp_path, "cache 30", f"forward . {behind.to}") as server:
        for _ in range(3):
            unchecked = await server.ask(transport, _with_flags(question(NAME), CD))
            checked = await server.ask(transport, question(NAME))
            assert unchecked is not None
            assert checked is not None
            assert addresses(scan(unchecked)) == ["192.0.2.66"]
            assert addresses(scan(checked)) == ["192.0.2.1"]


@EVERY
async def test_do_is_part_of_the_cache_key(tmp_path: Path, transport: str) -> None:
    """Who asks for signatures must not get an answer from which they were left out."""
    behind = Upstream(answers("192.0.2.1"))
    async with behind, everywhere(tmp_path, "cache 30", f"forward . {behind.to}") as server:
        await server.ask(transport, question(NAME))
        await server.ask(transport, _with_do(question(NAME)))
        assert [bool(asked.message.edns and asked.message.edns.do) for asked in behind.seen] == [False, True]


@EVERY
async def test_the_type_is_part_of_the_cache_key(tmp_path: Path, transport: str) -> None:
    behind = Upstream(answers("192.0.2.1"))
    async with behind, everywhere(tmp_path, "cache 30", f"forward . {behind.to}") as server:
        for qtype in ("A", "AAAA", "TXT", "A"):
            assert await server.ask(transport, question(NAME, qtype)) is not None
        assert [asked.message.qtype for asked in behind.seen] == [1, 28, 16]


def _subnet(network: int, scope: int = 0) -> bytes:
    """The option for 198.51.N.0/24 (RFC 7871 section 6)."""
    return b"\0\x08\0\x07\0\1\x18" + bytes((scope, 198, 51, network))


def _by_subnet(asked: Asked) -> list[Step]:
    """An authority with another answer for each network."""
    _, found, rest = asked.packet.partition(_subnet(0)[:-1])
    network = rest[0] if found else 0
    opt = write_opt(1232, options=_subnet(network, 24)) if found else b""
    return [reply(asked, [f"203.0.113.{network}"], opt=opt)]


@EVERY
async def test_the_subnet_is_part_of_the_cache_key_where_it_is_kept(tmp_path: Path, transport: str) -> None:
    """An answer for one network must not be given to another, however often each has asked before."""
    behind = Upstream(_by_subnet)
    async with behind, everywhere(tmp_path, "ecs keep", "cache 30", f"forward . {behind.to}") as server:
        for _ in range(3):
            for network in (7, 8, 9):
                packet = question(NAME)
                packet = packet[:11] + b"\1" + packet[12:] + write_opt(1232, options=_subnet(network))
                answer = await server.ask(transport, packet)
                assert answer is not None
                assert addresses(scan(answer)) == [f"203.0.113.{network}"]
