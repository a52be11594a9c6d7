"""A policy holds for every name that a query leads to, in front of every memory, on every transport."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from resolver.wire.constants import CNAME, RCODES, A
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record
from tests.runtime.clients import HOST, addresses, question
from tests.runtime.serving import free_port, serving
from tests.security.transports import EVERY, Everywhere, everywhere
from tests.support.upstreams import Asked, Step, Upstream, answers, reply

DENIED = "secret.example.org"
FREE = "www.example.org"
POLICY = f"policy {{\n deny {DENIED}\n }}"


async def _outcome(server: Everywhere, transport: str, name: str) -> tuple[str, list[str]]:
    answer = await server.ask(transport, question(name))
    assert answer is not None
    message = scan(answer)
    return RCODES[message.rcode], addresses(message)


@EVERY
async def test_policy_is_checked_on_the_name_as_asked_and_as_rewritten(tmp_path: Path, transport: str) -> None:
    """CVE-2026-26017: the check came before the rewriting, so that another name led to what was blocked."""
    rewrites = f"rewrite name exact alias.example.org {DENIED}\n rewrite name exact {DENIED} {FREE}"
    behind = Upstream(answers("203.0.113.1"))
    async with behind, everywhere(tmp_path, POLICY, rewrites, f"forward . {behind.to}") as server:
        assert await _outcome(server, transport, FREE) == ("NOERROR", ["203.0.113.1"])
        assert await _outcome(server, transport, "alias.example.org") == ("REFUSED", [])
        assert await _outcome(server, transport, DENIED) == ("REFUSED", [])
        assert f"{DENIED}." not in behind.names


@EVERY
async def test_policy_is_checked_on_the_targets_of_aliases(tmp_path: Path, transport: str) -> None:
    """CVE-2026-26017, from the other side: the answer leads to what is blocked."""
    behind = Upstream(_alias)
    async with behind, everywhere(tmp_path, POLICY, "cache 30", f"forward . {behind.to}") as server:
        for _ in range(3):
            assert await _outcome(server, transport, "alias.example.org") == ("REFUSED", [])


@EVERY
async def test_policy_is_checked_before_the_cache(tmp_path: Path, transport: str) -> None:
    """CoreDNS 8289: what was in the cache was given to everybody."""
    behind = Upstream(answers("203.0.113.1"))
    async with behind, everywhere(tmp_path, _by_type(), "cache 30", f"forward . {behind.to}") as server:
        for _ in range(3):
            assert await _outcome(server, transport, FREE) == ("NOERROR", ["203.0.113.1"])
            denied = await server.ask(transport, question(FREE, "AAAA"))
            assert denied is not None
            assert RCODES[scan(denied).rcode] == "REFUSED"


async def test_a_client_that_may_does_not_open_the_way_for_one_that_may_not(tmp_path: Path) -> None:
    """CoreDNS 8289, with answers that are replayed: the groups of clients have a memory each."""
    denied = f"policy {{\n deny {FREE} net 127.0.0.2/32\n }}"
    port = free_port()
    async with Upstream(answers("203.0.113.1")) as behind:
        lines = "\n ".join([f"bind {HOST}", denied, "cache 30", f"forward . {behind.to}"])
        async with serving(tmp_path, f".:{port} {{\n {lines}\n}}\n", port=port):
            for _ in range(4):
                assert addresses(scan(await asyncio.to_thread(_ask_from, HOST, port))) == ["203.0.113.1"]
                assert RCODES[scan(await asyncio.to_thread(_ask_from, "127.0.0.2", port)).rcode] == "REFUSED"


def _ask_from(host: str, port: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((host, 0))
        sock.connect((HOST, port))
        sock.send(question(FREE))
        return sock.recv(4096)


@pytest.mark.parametrize("inside", ["10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.0.1"])
@EVERY
async def test_answers_from_outside_do_not_lead_inside(tmp_path: Path, transport: str, inside: str) -> None:
    """Rebinding: a name of an attacker's that has an address within the cluster."""
    behind = Upstream(answers(inside))
    async with behind, everywhere(tmp_path, POLICY, "cache 30", f"forward . {behind.to}") as server:
        for _ in range(2):
            assert (await _outcome(server, transport, FREE))[1] == []


def _by_type() -> str:
    return f"policy {{\n deny {FREE} type AAAA\n }}"


def _alias(asked: Asked) -> list[Step]:
    """An alias of what is denied, with its address."""
    whole = reply(asked)
    target = from_text(DENIED)
    records = [Record(asked.message.qname, CNAME, 1, 60, target), Record(target, A, 1, 60, bytes((203, 0, 113, 9)))]
    octets = b"".join(
        record.owner + bytes((0, record.type, 0, 1)) + (60).to_bytes(4, "big") + len(record.rdata).to_bytes(2, "big")
        + record.rdata
        for record in records
    )  # fmt: skip
    return [whole[:6] + b"\0\2" + whole[8:] + octets]
