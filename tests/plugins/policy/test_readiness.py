"""When a server with rules from elsewhere says that it is ready."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.capabilities import Ready
from tests.plugins.policy.scenes import Scene
from tests.runtime.clients import get
from tests.runtime.serving import block, free_port, hosts, serving, until
from tests.support import zones
from tests.support.kubeapi.server import FakeApi

ZONE = "$TTL 60\n@ SOA ns. hm. 1 60 60 60 60\n NS ns.\nnx.example CNAME .\n"


@pytest.mark.parametrize("lines", ["policy", "policy {\n default deny\n allow a.example net 192.0.2.0/24\n}"])
def test_rules_of_the_configuration_alone_are_ready_at_once(lines: str) -> None:
    part = Scene(lines).part
    assert isinstance(part, Ready)
    assert part.is_ready()


async def test_files_are_ready_when_they_were_read(tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("deny bad.example\n")
    (tmp_path / "rpz.db").write_text(ZONE)
    learn = f"learn {tmp_path / 'learnt.json'}"
    scene = Scene(f"policy {{\n rules rules.txt\n rpz rpz.test file rpz.db\n {learn}\n}}", root=tmp_path)
    assert not scene.part.is_ready()
    await scene.part.start()
    assert scene.part.is_ready()
    (tmp_path / "rules.txt").write_text("deny all of it\n")  # what it said before stays
    assert scene.part.is_ready()
    await scene.part.stop()


async def only_policy(http: int) -> bool:
    """Whether /ready says that only policy is waited for."""
    return await get(http, "/ready") == (503, "policy")


async def test_ready_waits_for_a_transferred_zone_and_for_the_lists_of_the_api(api: FakeApi, tmp_path: Path) -> None:
    port, http, primary = free_port(), free_port(), free_port()
    (tmp_path / "rpz.db").write_text(ZONE)
    policy = f"""policy {{
        default deny
        allow .public.example namespace shop
        rpz rpz.test transfer from {zones.HOST}:{primary}
        configmaps
        delegate * .public.example
    }}"""
    identity = f"identity {{\n endpoint {api.url}\n scope cluster\n startup_timeout 0s\n }}"
    api.forbidden.add("configmaps")
    api.hanging = True
    text = block(port, identity, policy, hosts("192.0.2.1", "www.public.example"), http=http)
    async with serving(tmp_path, text, port=port, http=http) as server:
        await server.says("serving before all ConfigMaps with rules are known: ")
        assert await get(http, "/ready") == (503, "identity,policy")
        api.hanging = False
        await until(lambda: only_policy(http))
        api.forbidden.clear()
        await server.says("rpz.test. cannot be had from")
        assert await get(http, "/ready") == (503, "policy")
        source = (
            f"rpz.test:{primary} {{\n bind {zones.HOST}\n file {tmp_path / 'rpz.db'}\n transfer {{\n to *\n }}\n}}\n"
        )
        async with zones.serving(source):
            await until(server.ready, 30)
        assert await server.ready()
