"""A policy holds for every name that a query leads to, in front of every memory, on every transport."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.wire.constants import CNAME, RCODES, A
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record
from tests.runtime.clients import addresses, question
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


@pytest.mark.parametrize("inside", ["10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.0.1"])
@EVERY
async def test_answers_from_outside_do_not_lead_inside(tmp_path: Path, transport: str, inside: str) -> None:
    """Rebinding: a name of an attacker's that has an address within the cluster."""
    behind = Upstream(answers(inside))
    async with behind, everywhere(tmp_path, POLICY, "cache 30", f"forward . {behind.to}") as server:
        for _ in range(2):
            assert (await _outcome(server, transport, FREE))[1] == []


async def test_addresses_of_ones_own_may_be_inside(tmp_path: Path) -> None:
    """What answers here is no stranger."""
    own = "hosts {\n 10.9.9.9 inside.example\n fallthrough\n }"
    behind = Upstream(answers("10.1.1.1"))
    async with behind, everywhere(tmp_path, "policy", "cache 30", own, f"forward . {behind.to}") as server:
        for _ in range(3):
            assert await _outcome(server, "udp", "inside.example") == ("NOERROR", ["10.9.9.9"])
            assert (await _outcome(server, "udp", "outside.example"))[1] == []


@EVERY
async def test_policy_is_checked_where_an_alias_of_ones_own_leads(tmp_path: Path, transport: str) -> None:
    """CoreDNS 8290: names that the server asked itself went past the rules."""
    path = tmp_path / "db.zone.test"
    path.write_text("$TTL 60\n@ SOA ns hm 1 60 60 60 60\n NS ns\nns A 192.0.2.2\nalias CNAME www.other.example.\n")
    lines = "policy {\n default deny\n allow .zone.test\n }"
    behind = Upstream(answers("203.0.113.1"))
    async with behind, everywhere(tmp_path, lines, f"file {path} zone.test", f"forward . {behind.to}") as server:
        for _ in range(2):
            assert (await _outcome(server, transport, "alias.zone.test"))[1] == []
        assert not behind.seen


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
