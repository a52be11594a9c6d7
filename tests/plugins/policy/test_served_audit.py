"""A server whose Pods are known and which has rules writes down which Pod asked, of replayed answers too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.plugins.identity.pods import pod
from tests.plugins.policy.test_served_configmaps import BANK, NOERROR, REFUSED, SHOP, rcode
from tests.runtime.serving import block, free_port, hosts, serving, until
from tests.support.kubeapi.server import FakeApi

ASKED = 4


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def test_each_line_names_the_pod_the_decision_and_its_rule(api: FakeApi, tmp_path: Path) -> None:
    for name, address in (("shop", SHOP), ("bank", BANK)):
        api.store.apply("pods", pod("web", address, namespace=name))
    port, http = free_port(), free_port()
    file = tmp_path / "audit.log"
    identity = f"identity {{\n endpoint {api.url}\n scope cluster\n }}"
    policy = "policy {\n default deny\n allow .example.org namespace shop as partners\n }"
    audit = f"audit {{\n file {file}\n }}"
    text = block(port, identity, audit, policy, "cache 30", hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, port=port, http=http) as server:
        await until(server.ready)
        for _ in range(ASKED):
            assert await rcode(port, SHOP) == NOERROR
            assert await rcode(port, BANK) == REFUSED
        await until(lambda: len(lines(file)) == 2 * ASKED)
    told = [(line["namespace"], line["pod"], line["decision"], line["rule"], line["rcode"]) for line in lines(file)]
    assert (
        told
        == [
            ("shop", "web", "allow", "partners", "NOERROR"),
            ("bank", "web", "deny", "default", "REFUSED"),
        ]
        * ASKED
    )
