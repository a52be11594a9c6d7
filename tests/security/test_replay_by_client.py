"""What one client may have is not given to another from any memory, whichever way they come."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from resolver.wire.constants import RCODES
from resolver.wire.message import scan
from tests.runtime.clients import HOST, addresses, question
from tests.security.transports import EVERY, TRANSPORTS, Everywhere, everywhere
from tests.support.upstreams import Upstream, answers

NAME = "www.example.org"
OTHER = "127.0.0.2"
RULES: Final = {
    "policy": f"policy {{\n deny {NAME} net {OTHER}/32\n }}",
    "policy with a default": f"policy {{\n default deny\n allow {NAME} net {HOST}/32\n }}",
    "acl": f"acl {{\n block net {OTHER}/32\n }}",
}
KINDS: Final = pytest.mark.parametrize("rules", list(RULES.values()), ids=list(RULES))


async def _outcome(server: Everywhere, transport: str, source: str) -> tuple[str, list[str]]:
    answer = await server.ask(transport, question(NAME), source=source)
    assert answer is not None
    message = scan(answer)
    return RCODES[message.rcode], addresses(message)


@EVERY
@KINDS
async def test_an_answer_is_not_replayed_to_a_client_that_may_not_have_it(
    tmp_path: Path, transport: str, rules: str
) -> None:
    """CoreDNS 8289, CVE-2024-0874: the group of the client is a part of every key."""
    behind = Upstream(answers("203.0.113.1"))
    async with behind, everywhere(tmp_path, rules, "cache 30", f"forward . {behind.to}") as server:
        for _ in range(4):
            assert await _outcome(server, transport, HOST) == ("NOERROR", ["203.0.113.1"])
            assert await _outcome(server, transport, OTHER) == ("REFUSED", [])


@KINDS
async def test_what_came_by_one_transport_is_not_given_away_by_another(tmp_path: Path, rules: str) -> None:
    """All listeners answer from the same cache."""
    behind = Upstream(answers("203.0.113.1"))
    async with behind, everywhere(tmp_path, rules, "cache 30", f"forward . {behind.to}") as server:
        for _ in range(2):
            for transport in TRANSPORTS:
                assert await _outcome(server, transport, HOST) == ("NOERROR", ["203.0.113.1"])
            for transport in TRANSPORTS:
                assert await _outcome(server, transport, OTHER) == ("REFUSED", [])


@EVERY
async def test_answers_that_differ_by_client_are_replayed_to_their_own_only(tmp_path: Path, transport: str) -> None:
    """Two blocks for the same names, chosen by the address of the client."""
    view = f"view other {{\n expr client_ip() == '{OTHER}'\n }}"
    first, second = Upstream(answers("203.0.113.1")), Upstream(answers("203.0.113.2"))
    async with first, second:
        lines = ("cache 30", f"forward . {first.to}")
        async with everywhere(tmp_path, *lines, before=(view, "cache 30", f"forward . {second.to}")) as server:
            for _ in range(4):
                assert await _outcome(server, transport, HOST) == ("NOERROR", ["203.0.113.1"])
                assert await _outcome(server, transport, OTHER) == ("NOERROR", ["203.0.113.2"])
