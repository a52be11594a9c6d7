"""rrl: names without number that one wildcard answers for have one account."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from resolver.chain.reply import Reply, from_records
from resolver.chain.setup import Block
from resolver.plugins.rrl import Rrl
from resolver.plugins.rrl.account import account_of
from resolver.wire.constants import RRSIG, A
from resolver.wire.names import from_text
from resolver.wire.records import Body, Record, record
from tests.plugins.chains import World, answering, question
from tests.runtime.clients import HOST
from tests.runtime.clients import question as packet
from tests.runtime.serving import free_port, serving

ZONE: Final = """$ORIGIN example.org.
$TTL 60
@ SOA ns hm 1 60 60 60 60
@ NS ns
ns A 192.0.2.53
*.wild A 192.0.2.1
own.wild A 192.0.2.2
alias.wild CNAME some.wild
*.alias CNAME www.elsewhere.test.
moved DNAME wild
outer CNAME www.elsewhere.test.
"""
RATES: Final = "rrl {\n responses-per-second 2\n nodata-per-second 2\n }"
TEMPLATE: Final = 'template IN A elsewhere.test {\n answer "{{ .Name }} 60 IN A 192.0.2.9"\n }'


@asynccontextmanager
async def _running(tmp_path: Path, *lines: str) -> AsyncIterator[Block]:
    path = tmp_path / "db.example.org"
    path.write_text(ZONE)
    world = World(clock=lambda: 1000.0)
    block = world.build("\n".join([". {", RATES, *lines, f"file {path} example.org", "}"]))
    for part in block.parts:
        await part.start()
    try:
        yield block
    finally:
        for part in block.parts:
            await part.stop()


async def _passed(block: Block, names: list[str], qtype: str = "A", client: str = "192.0.2.1") -> int:
    """How many of these questions one network has answers to."""
    asked = [question(name, qtype, client=(client, 7), transport="udp") for name in names]
    replies = [await block.resolve(query) for query in asked]
    return sum([not reply.silent for reply in replies])


def _made_up(below: str) -> list[str]:
    return [f"n{number}.{below}" for number in range(8)]


ORG, WWW = from_text("example.org"), from_text("www.example.org")
BELOW: Final = ["wild.example.org", "deep.wild.example.org", "moved.example.org", "alias.example.org"]


@pytest.mark.parametrize("below", BELOW)
async def test_names_made_from_a_wildcard_or_a_dname_are_counted_together(tmp_path: Path, below: str) -> None:
    async with _running(tmp_path, TEMPLATE) as block:
        assert await _passed(block, _made_up(below)) == 2


async def test_names_without_such_records_below_a_wildcard_are_counted_together(tmp_path: Path) -> None:
    async with _running(tmp_path) as block:
        assert await _passed(block, _made_up("wild.example.org"), "TXT") == 2


async def test_a_name_of_its_own_has_its_own_account(tmp_path: Path) -> None:
    async with _running(tmp_path, TEMPLATE) as block:
        await _passed(block, _made_up("wild.example.org"))
        await _passed(block, _made_up("elsewhere.test"))
        for name in ("own.wild.example.org", "alias.wild.example.org", "outer.example.org"):
            assert await _passed(block, [name] * 8) == 2


@pytest.mark.parametrize("cached", ["", "cache 30"])
async def test_wildcards_of_hosts_count_as_one_out_of_a_cache_too(tmp_path: Path, cached: str) -> None:
    hosts = "hosts {\n 192.0.2.7 *.web.test own.web.test\n }"
    async with _running(tmp_path, cached, hosts) as block:
        names = _made_up("web.test")
        assert await _passed(block, names) == 2
        assert await _passed(block, names, client="198.51.100.1") == 2
        assert await _passed(block, ["own.web.test"] * 8) == 2


@pytest.mark.parametrize("cached", ["", "cache 30"])
async def test_what_a_template_answers_below_a_zone_counts_as_one(tmp_path: Path, cached: str) -> None:
    async with _running(tmp_path, cached, TEMPLATE) as block:
        assert await _passed(block, _made_up("elsewhere.test")) == 2
        assert await _passed(block, _made_up("elsewhere.test")) == 0


@pytest.mark.parametrize(("labels", "passed"), [(2, 2), (3, 8)])
async def test_a_signature_says_that_an_answer_was_made_from_a_wildcard(labels: int, passed: int) -> None:
    """As it comes from an upstream: an owner with more labels than were signed (RFC 4034 section 3.1.3)."""
    world = World(clock=lambda: 1000.0)
    block = world.build(f". {{\n{RATES}\n}}")
    part = next(part for part in block.parts if isinstance(part, Rrl))

    async def ask(name: str, *, do: bool) -> bool:
        owner = from_text(name)
        signature = b"\0\1\x08" + bytes((labels,)) + bytes(14) + from_text("example.org") + bytes(64)
        records: list[Record] = [record(owner, A, 60, bytes(4))]
        if do:
            records.append(record(owner, RRSIG, 60, signature))
        query = question(name, do=do, client=("192.0.2.1", 7), transport="udp")
        return not (await part.resolve(query, answering(lambda query: from_records(query, "forward", records)))).silent

    assert sum([await ask(name, do=True) for name in _made_up("example.org")]) == passed
    assert sum([await ask(name, do=False) for name in _made_up("example.net")]) == 8


@pytest.mark.parametrize(
    ("owner", "rdata", "expected"),
    [
        (b"\xc0\x0c", b"\0\1\x08\2" + bytes(40), b"\1*" + ORG),
        (WWW, b"\0\1\x08\2" + bytes(14) + b"\0" + bytes(20), b"\1*" + ORG),
        (b"\xc0\x0c", b"\0\1\x08\3" + bytes(40), WWW),
        (b"\xc0\x0c", b"\0\1\x08\xff" + bytes(40), WWW),
        (b"\xc0\x0c", b"", WWW),
        (b"\xc0\x0c", b"\0\1\x08", WWW),
        (ORG, b"\0\1\x08\2" + bytes(14) + b"\0" + bytes(20), WWW),
    ],
)
def test_a_signature_is_read_whatever_it_looks_like(owner: bytes, rdata: bytes, expected: bytes) -> None:
    fixed = RRSIG.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" + len(rdata).to_bytes(2, "big")
    body = Body(1, 0, 0, owner + fixed + rdata, (len(owner) + 4,))
    query = question("www.example.org", do=True)
    assert account_of(query, Reply(query.question, octets=body)) == ("response", (expected, A))


async def test_what_is_remembered_of_names_is_bounded(tmp_path: Path) -> None:
    hosts = "hosts {\n 192.0.2.7 *.web.test\n }"
    path = tmp_path / "db.example.org"
    path.write_text(ZONE)
    world = World(clock=lambda: 1000.0)
    block = world.build(f". {{\nrrl {{\n responses-per-second 1\n max-table-size 5\n }}\n{hosts}\n}}")
    rrl = next(part for part in block.parts if isinstance(part, Rrl))
    await _passed(block, _made_up("web.test"))
    assert len(rrl._made) == 5


async def test_a_flood_of_made_up_names_reaches_nobody(tmp_path: Path) -> None:
    """A whole server, asked over a socket: replays and answers that are worked out draw on one account."""
    (tmp_path / "db").write_text(ZONE)
    port = free_port()
    lines = "\n ".join([f"bind {HOST}", RATES, "cache 30", "file db example.org"])
    async with serving(tmp_path, f".:{port} {{\n {lines}\n}}\n", port=port):
        names = [name for name in _made_up("wild.example.org") for _ in range(3)]
        assert await asyncio.to_thread(_answers, port, names) == 2


def _answers(port: int, names: list[str]) -> int:
    """How many answers come to one client; the last question is one that is always answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((HOST, port))
        for number, name in enumerate(names, 1):
            sock.send(packet(name, message_id=number))
        sock.send(packet("ns.example.org", message_id=9999))
        found = 0
        while int.from_bytes(sock.recv(4096)[:2], "big") != 9999:
            found += 1
        return found
