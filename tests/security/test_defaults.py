"""Questions of the server's own pass the same checks as those of its clients."""

from __future__ import annotations

from pathlib import Path

from resolver.wire.constants import NXDOMAIN
from resolver.wire.message import scan
from tests.runtime.clients import addresses, question
from tests.security.transports import EVERY, everywhere
from tests.support.upstreams import Asked, Step, Upstream, reply


@EVERY
async def test_policy_is_checked_on_every_question_of_the_servers_own(tmp_path: Path, transport: str) -> None:
    """CoreDNS 8290: names that *autopath* made up went past *acl*."""
    policy = "policy {\n deny secret.example.com\n }"
    path = "searchpath cluster.local {\n search\n }"
    behind = Upstream(_outside)
    async with behind, everywhere(tmp_path, policy, path, "cache 30", f"forward . {behind.to}") as server:
        for _ in range(2):
            free = await server.ask(transport, question("www.example.com.prod.svc.cluster.local"))
            denied = await server.ask(transport, question("secret.example.com.prod.svc.cluster.local"))
            assert free is not None
            assert denied is not None
            assert addresses(scan(free)) == ["203.0.113.1"]
            assert not addresses(scan(denied))
        assert "www.example.com." in behind.names
        assert "secret.example.com." not in behind.names


def _outside(asked: Asked) -> list[Step]:
    """Of the cluster nothing is known but a namespace."""
    if asked.name == "prod.svc.cluster.local.":
        return [reply(asked)]
    return [reply(asked, rcode=NXDOMAIN) if "cluster.local" in asked.name else reply(asked, ["203.0.113.1"])]
