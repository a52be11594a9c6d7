"""What one client is denied behind an alias is kept for nobody else, whichever directive knows the alias."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.wire.constants import RCODES
from resolver.wire.message import scan
from tests.runtime.clients import addresses, question
from tests.security.transports import Everywhere, everywhere
from tests.support.upstreams import Upstream, answers

ALLOWED, DENIED = "127.0.0.1", "127.0.0.2"
TARGET, ALIAS = "target.example.net", "alias.example.org"
ZONE = f"""$ORIGIN example.org.
@ 60 SOA ns hostmaster 1 60 60 60 60
@ 60 NS ns
ns 60 A 192.0.2.53
alias 60 CNAME {TARGET}.
"""
KNOWN_BY = {
    "template": f'template IN A example.org {{\n answer "{{{{ .Name }}}} 60 IN CNAME {TARGET}."\n }}',
    "file": "file ZONE example.org",
    "rewrite": f"rewrite cname exact old.example.net. {TARGET}.\n"
    f'template IN A example.org {{\n answer "{{{{ .Name }}}} 60 IN CNAME old.example.net."\n }}',
}
ACTIONS = {
    "refused": ("REFUSED", []),
    "nxdomain": ("NXDOMAIN", []),
    "nodata": ("NOERROR", []),
    "sinkhole 192.0.2.80": ("NOERROR", ["192.0.2.80"]),
}


async def _outcome(server: Everywhere, client: str) -> tuple[str, list[str]]:
    answer = await server.ask("udp", question(ALIAS), source=client)
    assert answer is not None
    message = scan(answer)
    return RCODES[message.rcode], addresses(message)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("known_by", KNOWN_BY)
async def test_the_next_client_gets_its_own_answer(tmp_path: Path, known_by: str, action: str) -> None:
    (tmp_path / "zone").write_text(ZONE)
    policy = f"policy {{\n deny {TARGET} net {DENIED}/32 action {action}\n }}"
    behind = Upstream(answers("203.0.113.1"))
    # a rewritten alias stands in the answer that it was found in, whose code stays
    denied = ("NOERROR", []) if (known_by, action) == ("rewrite", "nxdomain") else ACTIONS[action]
    known = KNOWN_BY[known_by].replace("ZONE", str(tmp_path / "zone"))
    async with behind, everywhere(tmp_path, policy, "cache 30", known, f"forward . {behind.to}") as server:
        for _ in range(3):
            assert await _outcome(server, DENIED) == denied
            assert await _outcome(server, ALLOWED) == ("NOERROR", ["203.0.113.1"])
