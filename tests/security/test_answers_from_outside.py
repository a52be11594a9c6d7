"""What upstreams, and those who pretend to be one, must not achieve."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from resolver.wire.constants import NXDOMAIN, RA
from resolver.wire.message import scan
from tests.runtime.clients import HOST, addresses, ask, question, stub
from tests.runtime.serving import free_port, serving
from tests.security.transports import EVERY, everywhere
from tests.support.upstreams import Asked, Pause, Step, Upstream, answers, drops, reply

NAME = "www.example.org"
GOOD = ["192.0.2.1"]


def _corefile(port: int, behind: Upstream, *lines: str) -> str:
    return "\n ".join([f".:{port} {{", f"bind {HOST}", *lines, f"forward . {behind.to}"]) + "\n}\n"


def _forged(asked: Asked) -> list[bytes]:
    """Datagrams that come before the good one, each wrong in one way."""
    bad = ["192.0.2.66"]
    whole = reply(asked, bad)
    return [
        b"", b"\0", whole[:11], whole[:20], whole[:2] + b"\0\0" + whole[4:], bytes(600),
        reply(asked, bad, message_id=asked.id ^ 1), reply(asked, bad, name="other.example.org"),
        reply(asked, bad, message_id=asked.id ^ 1, rcode=NXDOMAIN),
        whole[:4] + b"\0\2" + whole[6:],
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(10))
async def test_a_forged_answer_does_not_end_the_wait_for_the_good_one(tmp_path: Path, number: int) -> None:
    """CVE-2023-28452 (TuDoor): one malformed packet at the right port made the server drop the answer behind it."""

    def lies_first(asked: Asked) -> list[Step]:
        return [_forged(asked)[number], reply(asked, GOOD)]

    port = free_port()
    async with Upstream(lies_first) as behind, serving(tmp_path, _corefile(port, behind), port=port):
        assert addresses(await ask(port, NAME, timeout=5)) == GOOD


async def test_identical_questions_under_way_are_asked_once(tmp_path: Path) -> None:
    """CVE-2023-30464: many identical queries at once give a forger many chances (birthday attack)."""
    port = free_port()

    def slowly(asked: Asked) -> list[Step]:
        return [Pause(0.5), reply(asked, GOOD)]

    async with Upstream(slowly) as behind, serving(tmp_path, _corefile(port, behind), port=port):
        found = await asyncio.gather(*[ask(port, NAME, timeout=5) for _ in range(50)])
        assert all(addresses(message) == GOOD for message in found)
        assert len(behind.seen) == 1


async def test_ports_and_numbers_of_questions_cannot_be_guessed(tmp_path: Path) -> None:
    """GHSA-gv9j-4w24-q7vx: numbers came from a generator whose next one can be computed."""
    port = free_port()
    async with Upstream(answers(*GOOD)) as behind, serving(tmp_path, _corefile(port, behind), port=port):
        async with stub(port) as client:
            for number in range(60):
                await client.ask(f"n{number}.example.org")
        pairs = [(asked.id, asked.peer[1]) for asked in behind.seen]
        steps = {(after - before) % 65536 for (before, _), (after, _) in pairwise(pairs)}
        assert len({number for number, _ in pairs}) > 55
        assert len(steps) > 50
        assert len({source for _, source in pairs}) > 1


@EVERY
@pytest.mark.parametrize(("ttl", "given"), [(1 << 31, 5), ((1 << 32) - 1, 5), (60, 60), (7 * 86400 * 52, 3600)])
async def test_ttls_are_clamped_on_every_transport(tmp_path: Path, transport: str, ttl: int, given: int) -> None:
    """CVE-2025-58063: a number that was no TTL pinned names for years.

    With the top bit it is 0 (RFC 2181 section 8), which *cache* lifts to its least.
    """
    behind = Upstream(answers(*GOOD, ttl=ttl))
    async with behind, everywhere(tmp_path, "cache 3600", f"forward . {behind.to}") as server:
        answer = await server.ask(transport, question(NAME))
        assert answer is not None
        (record,) = scan(answer).sections().answer
        assert record.ttl in (given, given - 1)


async def test_no_answer_and_no_question_ends_the_server(tmp_path: Path) -> None:
    """CVE-2026-26018: a packet with the right name in it made the server exit."""
    port = free_port()

    def nonsense(asked: Asked) -> list[Step]:
        return [*_forged(asked), reply(asked, GOOD, flags=RA)]

    async with Upstream(nonsense) as behind, serving(tmp_path, _corefile(port, behind, "loop"), port=port) as server:
        async with stub(port, timeout=0.5) as client:
            for size in range(0, 300, 3):
                client.send(bytes([size % 256]) * size)
            for _ in range(5):
                for zone in ("", ".example.org"):
                    client.send(question(f"{'1' * 19}.{'2' * 19}{zone}", "HINFO"))
        assert addresses(await ask(port, NAME, timeout=5)) == GOOD
        assert server.process.poll() is None


async def test_names_by_which_loops_are_found_cannot_be_guessed(tmp_path: Path) -> None:
    """CVE-2026-26018: who could foresee the name could make a server believe that it was in a loop."""
    found: set[str] = set()
    async with Upstream(drops) as behind:
        for number in range(3):
            port, folder = free_port(), tmp_path / str(number)
            folder.mkdir()
            async with serving(folder, _corefile(port, behind, "loop"), port=port):
                await _until_asked(behind, len(found))
            found |= {name for name in behind.names if name.count(".") > 1}
        labels = [label for name in found for label in name.split(".")[:2]]
        assert len(found) >= 3
        assert all(len(label) >= 15 for label in labels)
        assert len({label[:6] for label in labels}) > len(labels) // 2


async def _until_asked(behind: Upstream, before: int) -> None:
    async with asyncio.timeout(10):
        while len(set(behind.names)) <= before:
            await asyncio.sleep(0.01)
