"""What a limit turns away has its place in the record, though it is replays that it turns away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from resolver.chain.query import Site
from resolver.chain.reply import Guard
from resolver.plugins.audit import limited
from resolver.wire.names import from_text
from tests.plugins.audit.scribe import Line, Scribe, read, scribe
from tests.plugins.chains import question, until

SITE = Site("dns://:53", ".")
PACKET = b"\0\1\1\0\0\1\0\0\0\0\0\0" + from_text("www.example.org.") + b"\0\1\0\1"
HOSTS = "hosts {\n 192.0.2.1 www.example.org\n }"
LIMITS = {
    "ratelimit": ("ratelimit 20", "coredns_ratelimit_limited_requests_total"),
    "rrl": ("rrl {\n responses-per-second 20\n slip-ratio 2\n }", "coredns_rrl_limited_total"),
}


def queries_of(lines: list[Line], decision: str) -> int:
    """How many queries lines with that decision stand for."""
    return sum(line.get("limited", 1) for line in lines if line.get("decision") == decision)


def counted(audit: Scribe, metric: str) -> float:
    """The sum of a metric over all of its labels."""
    families = audit.world.host.registry.families()
    total: float = sum(cell.value for family in families if family.name == metric for cell in family.cells.values())
    return total


async def flood(audit: Scribe, clients: int, queries: int) -> None:
    """So many queries of each client, replayed where a server would replay them."""
    reply = await audit.ask(question("www.example.org.", client=("10.0.0.1", 1), transport="udp"))
    assert reply.replay is not None
    for number in range(clients * queries):
        client = f"10.{number % clients % 250}.0.1", 1024 + number
        await _replayed(audit, reply.replay.guards, client)


async def _replayed(audit: Scribe, guards: Sequence[Guard], client: tuple[str, int]) -> None:
    for guard in guards:
        given = guard(client, PACKET, b"answer", audit.world.host.clock())
        if given is None:
            await audit.ask(question("www.example.org.", client=client, transport="udp"))
        if given != b"answer":
            return


@pytest.mark.parametrize("limit", LIMITS)
async def test_the_record_has_as_many_denials_as_the_metrics(tmp_path: Path, limit: str) -> None:
    directive, metric = LIMITS[limit]
    async with scribe(tmp_path, "", f"{directive}\n {HOSTS}") as audit:
        await flood(audit, clients=20, queries=60)
        limited_queries = counted(audit, metric)
        lines = await audit.written()
    assert limited_queries > 500
    assert queries_of(lines, "deny") == limited_queries
    assert len(lines) < 100
    assert {line["rule"] for line in lines if "limited" in line} == {limit}
    assert all("name" not in line and "port" not in line for line in lines if "limited" in line)


async def test_what_a_limit_would_turn_away_is_counted_too(tmp_path: Path) -> None:
    async with scribe(tmp_path, "", f"ratelimit 20 {{\n report_only\n }}\n {HOSTS}") as audit:
        await flood(audit, clients=1, queries=100)
        reported = counted(audit, LIMITS["ratelimit"][1])
        lines = await audit.written()
    assert reported > 50
    assert queries_of(lines, "audit-only") == reported


async def test_a_line_says_who_and_how_many(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        for _ in range(3):
            audit.part.limited(SITE, "10.0.0.9", PACKET, "ratelimit", "deny")
        audit.part.limited(SITE, "10.0.0.8", PACKET, "ratelimit", "deny")
        lines = await audit.written()
    for line in lines:
        del line["time"]
    same = {"server": "dns://:53", "zone": ".", "decision": "deny", "rule": "ratelimit"}
    assert lines == [{"client": "10.0.0.9", **same, "limited": 3}, {"client": "10.0.0.8", **same, "limited": 1}]


async def test_lines_come_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "SPAN", 0.01)
    async with scribe(tmp_path) as audit:
        for expected in (1, 2):
            audit.part.limited(SITE, "10.0.0.9", PACKET, "ratelimit", "deny")
            audit.part.limited(SITE, "10.0.0.9", PACKET, "ratelimit", "deny")
            await until(lambda number=expected: len(read(audit.path)) == number)  # type: ignore[misc]
            await asyncio.sleep(0)
        assert [line["limited"] for line in await audit.written()] == [2, 2]


async def test_a_flood_from_made_up_addresses_is_counted_and_not_told_apart(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        for number in range(limited.APART + 500):
            audit.part.limited(SITE, f"10.9.{number // 250}.{number % 250}", PACKET, "ratelimit", "deny")
        lines = await audit.written()
    (others,) = [line for line in lines if "client" not in line]
    assert (len(lines), others["limited"], queries_of(lines, "deny")) == (limited.APART + 1, 500, limited.APART + 500)


@pytest.mark.parametrize(
    ("options", "zones", "written"),
    [
        ("only type A", "", 1), ("only type AAAA", "", 0), ("except type A", "", 0),
        ("", "example.org", 1), ("", "example.net", 0),
        ("only decision deny", "", 1), ("only decision allow", "", 0), ("except class error", "", 0),
        ("only client 10.0.0.0/8", "", 1), ("except client 10.0.0.9", "", 0), ("sample 1000", "", 1),
    ],
)  # fmt: skip
async def test_filters_hold(tmp_path: Path, options: str, zones: str, written: int) -> None:
    async with scribe(tmp_path, options, zones=zones) as audit:
        audit.part.limited(SITE, "10.0.0.9", PACKET, "ratelimit", "deny")
        assert len(await audit.written()) == written


async def test_a_query_without_a_question_is_in_no_zone(tmp_path: Path) -> None:
    async with scribe(tmp_path, zones="example.org") as audit:
        audit.part.limited(SITE, "10.0.0.9", PACKET[:14], "ratelimit", "deny")
        assert await audit.written() == []


async def test_clients_are_hashed_or_left_out_here_too(tmp_path: Path) -> None:
    async with scribe(tmp_path, "hash client\n omit server") as audit:
        audit.part.limited(SITE, "10.0.0.9", PACKET, "ratelimit", "deny")
        (line,) = await audit.written()
    assert line["client"].startswith("h:")
    assert "server" not in line
