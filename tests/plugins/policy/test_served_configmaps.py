"""A server whose Pods are known and whose namespaces make rules, as clients see it, over a reload too."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from tests.plugins.identity.pods import pod
from tests.plugins.policy.scenes import config_map
from tests.runtime.clients import HOST, question
from tests.runtime.serving import block, free_port, hosts, serving, until
from tests.support.kubeapi.server import FakeApi

SHOP, BANK = "127.0.0.5", "127.0.0.6"
REFUSED, NOERROR = 5, 0


async def rcode(port: int, client: str, name: str = "www.example.org") -> int:
    """What a client with this address is told."""

    def ask() -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((client, 0))
            sock.settimeout(3)
            sock.sendto(question(name), (HOST, port))
            return sock.recv(4096)[3] & 15

    return await asyncio.to_thread(ask)


async def test_clients_get_what_their_namespace_opened_and_a_reload_keeps_it(api: FakeApi, tmp_path: Path) -> None:
    for name, address in (("shop", SHOP), ("bank", BANK)):
        api.store.apply("pods", pod("web", address, namespace=name))
    api.store.apply("configmaps", config_map("rules", "allow www.example.org"))
    port, http = free_port(), free_port()
    identity = f"identity {{\n endpoint {api.url}\n scope cluster\n }}"
    policy = "policy {\n default deny\n configmaps\n delegate * .example.org\n }"
    text = block(port, identity, policy, "cache 30", hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, port=port, http=http) as server:
        await until(server.ready)
        for _ in range(3):  # from the chain, then as replays
            assert await rcode(port, SHOP) == NOERROR
            assert await rcode(port, BANK) == REFUSED
        api.store.apply("configmaps", config_map("rules", "allow www.example.org", "bank"))

        async def bank_may() -> bool:
            return await rcode(port, BANK) == NOERROR

        await until(bank_may)
        api.store.apply("configmaps", config_map("rules", "allow www.example.org and a mistake"))
        await server.says("ConfigMap shop/rules is ignored, what it said before stays")
        await server.reload(text + "# another\n")
        await until(lambda: server.said.count("ConfigMap shop/rules is ignored") == 2)
        assert await rcode(port, SHOP) == NOERROR
        assert await server.figure("coredns_policy_configmaps", 'state="outdated"') == 1
        assert await server.figure("coredns_policy_configmaps", 'state="in force"') == 1
        api.store.delete("configmaps", "shop/rules")

        async def shop_may_not() -> bool:
            return await rcode(port, SHOP) == REFUSED

        await until(shop_may_not)
        assert await rcode(port, BANK) == NOERROR
