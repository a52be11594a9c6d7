"""The rules of policy cannot be walked around: by rewriting, the cache, an alias or another transport."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from resolver.wire.constants import RCODES
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode, record
from tests.runtime.clients import addresses, question
from tests.runtime.serving import free_port, serving
from tests.security.transports import EVERY, Everywhere, everywhere
from tests.support.upstreams import Asked, Upstream, answers
from tests.support.zones import HOST

BLOCK = "policy {\n deny .blocked.example\n rebinding off\n }"


async def rcode(server: Everywhere, name: str, transport: str = "udp") -> str:
    answer = await server.ask(transport, question(name))
    assert answer is not None
    return RCODES[scan(answer).rcode]


@EVERY
async def test_policy_is_evaluated_on_the_name_as_received_and_on_the_final_name(
    tmp_path: Path, transport: str
) -> None:
    """CVE-2026-26017: rules were asked about the name before it was rewritten, or after, but not both."""
    rewriting = (
        "rewrite name exact innocent.example www.blocked.example\n rewrite name exact x.blocked.example good.example"
    )
    async with Upstream(answers("192.0.2.1")) as behind:
        async with everywhere(tmp_path, rewriting, BLOCK, f"forward . {behind.to}") as server:
            for _ in range(2):
                assert await rcode(server, "innocent.example", transport) == "REFUSED"
                assert await rcode(server, "x.blocked.example", transport) == "REFUSED"
                assert await rcode(server, "fine.example", transport) == "NOERROR"
        assert {asked.name for asked in behind.seen} == {"fine.example."}


@EVERY
async def test_policy_comes_before_the_cache(tmp_path: Path, transport: str) -> None:
    """CoreDNS 8289: what one client had put into the cache was given to those who may not have it."""
    lines = "policy {\n deny .example type AAAA\n rebinding off\n }"
    async with (
        Upstream(answers("192.0.2.1")) as behind,
        everywhere(tmp_path, lines, "cache 30", f"forward . {behind.to}") as server,
    ):
        for _ in range(3):
            assert await rcode(server, "www.example", transport) == "NOERROR"
            answer = await server.ask(transport, question("www.example", "AAAA"))
            assert answer is not None
            assert RCODES[scan(answer).rcode] == "REFUSED"


async def test_policy_is_evaluated_on_every_sub_query(tmp_path: Path) -> None:
    """CoreDNS 8290: names that the server asked itself went past the rules."""
    path = tmp_path / "db.zone.test"
    path.write_text("$TTL 60\n@ SOA ns hm 1 60 60 60 60\n NS ns\nns A 192.0.2.2\nalias CNAME www.other.example.\n")
    lines = "policy {\n default deny\n allow .zone.test\n }"
    async with Upstream(answers("192.0.2.1")) as behind:
        async with everywhere(tmp_path, lines, f"file {path} zone.test", f"forward . {behind.to}") as server:
            for _ in range(2):
                answer = await server.ask("udp", question("alias.zone.test"))
                assert answer is not None
                assert not addresses(scan(answer))
        assert not behind.seen


async def test_the_targets_of_aliases_are_checked_again(tmp_path: Path) -> None:
    """An allowed name that is an alias of a denied one is a denied name, from the cache as well."""

    def alias(asked: Asked) -> list[bytes]:
        message = asked.message
        target = from_text("www.blocked.example")
        found: list[Record] = [record(message.qname, 5, 60, target), record(target, 1, 60, bytes((192, 0, 2, 1)))]
        body = encode(message.qname, found)
        head = asked.packet[:2] + b"\x81\x80\0\1\0\2\0\0\0\0"
        return [head + message.question + body.data]

    async with (
        Upstream(alias) as behind,
        everywhere(tmp_path, BLOCK, "cache 30", f"forward . {behind.to}") as server,
    ):
        for _ in range(3):
            assert await rcode(server, "innocent.example") == "REFUSED"


@pytest.mark.parametrize("cached", ["", "cache 30"])
async def test_answers_from_outside_do_not_lead_inside(tmp_path: Path, cached: str) -> None:
    """DNS rebinding: a name of a stranger must not be an address behind the firewall."""
    async with (
        Upstream(answers("169.254.169.254")) as behind,
        everywhere(tmp_path, "policy", cached, f"forward . {behind.to}") as server,
    ):
        for _ in range(3):
            assert await rcode(server, "metadata.example") == "REFUSED"


@pytest.mark.parametrize("cached", ["", "cache 30"])
async def test_what_one_client_may_have_is_not_replayed_to_another(tmp_path: Path, cached: str) -> None:
    """Answers are replayed to clients for whom the same rules hold, and to nobody else."""
    port = free_port()
    async with Upstream(answers("192.0.2.1")) as behind:
        rules = "policy {\n default deny\n allow .example net 127.0.0.1/32\n }"
        corefile = f".:{port} {{\n bind {HOST}\n {rules}\n {cached}\n forward . {behind.to}\n}}"
        async with serving(tmp_path, corefile, port=port):
            for _ in range(5):
                for host, expected in ((HOST, "NOERROR"), ("127.0.0.2", "REFUSED")):
                    found = await asyncio.to_thread(ask_from, host, port, question("www.example"))
                    assert RCODES[scan(found).rcode] == expected


def ask_from(host: str, port: int, packet: bytes) -> bytes:
    """The answer to a client with that address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((host, 0))
        sock.connect((HOST, port))
        sock.send(packet)
        return sock.recv(4096)


@pytest.mark.parametrize("cache", ["", "cache 30"])
async def test_private_addresses_are_kept_out_of_forwarded_answers_and_not_of_our_own(
    tmp_path: Path, cache: str
) -> None:
    own = "hosts {\n 10.9.9.9 inside.example\n fallthrough\n }"
    port = free_port()
    async with Upstream(answers("10.1.1.1")) as behind:
        text = f".:{port} {{\n bind {HOST}\n policy\n {cache}\n {own}\n forward . {behind.to}\n}}\n"
        async with serving(tmp_path, text, port=port):
            for _ in range(3):
                inside = await asyncio.to_thread(ask_from, HOST, port, question("inside.example"))
                outside = await asyncio.to_thread(ask_from, HOST, port, question("outside.example"))
                assert addresses(scan(inside)) == ["10.9.9.9"]
                assert addresses(scan(outside)) == []
