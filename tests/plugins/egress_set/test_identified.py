"""Pods that the server knows by the Kubernetes API, and a firewall that lets each pass where its namespace may go."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.node.namespaces import Program, missing, until
from tests.plugins.egress_set.ways import Way, laid
from tests.plugins.identity.pods import pod

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

SHOP, BANK, NOBODY = "10.0.1.2", "10.0.1.3", "10.0.1.4"
WHO, OTHER = "192.0.2.1", "192.0.2.2"
FIREWALL: Final = """table inet egress {
    set shop4 { type ipv4_addr; flags timeout; size 1000; }
    set bank4 { type ipv4_addr; flags timeout; size 1000; }
    set others4 { type ipv4_addr; flags timeout; size 1000; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        iifname "uplink" accept
        ip saddr 10.0.1.2 ip daddr @shop4 accept
        ip saddr 10.0.1.3 ip daddr @bank4 accept
        ip saddr 10.0.1.4 ip daddr @others4 accept
    }
}
"""
COREFILE: Final = """.:53 {
    errors
    audit
    identity {
        endpoint http://127.0.0.1:7080
        scope cluster
        wait 100ms
    }
    egress_set {
        table inet egress
        set4 others4
        namespace shop shop4
        namespace bank bank4
    }
    cache 30
    hosts {
        192.0.2.1 who.test
        192.0.2.2 other.test
        192.0.2.3 probe.test
        ttl 30
    }
}
"""
API: Final = """
import asyncio, json, sys
from tests.support.kubeapi.server import FakeApi

async def main():
    api = FakeApi(port=7080)
    await api.start()
    print("api is there", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        gone, item = json.loads(line)
        if gone:
            api.store.delete("pods", gone)
        if item:
            api.store.apply("pods", item)
        print("so it is", flush=True)

asyncio.run(main())
"""


class Cluster:
    """The API, on the node."""

    def __init__(self, way: Way) -> None:
        self._told = 0
        self._program = way.start(way.node, sys.executable, "-c", API)
        self._program.says("api is there")

    def tell(self, item: dict[str, Any] | None, *, gone: str = "") -> None:
        """A Pod that there is now, and the key of one that there is no more."""
        pipe = self._program.process.stdin
        assert pipe is not None
        pipe.write(json.dumps([gone, item]).encode() + b"\n")
        pipe.flush()
        self._told += 1
        self._program.says("so it is", self._told)


class Scene:
    """A node with a firewall, a server and a cluster, and Pods of two namespaces and a stranger behind it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        for address in (BANK, NOBODY):
            way.ok(way.pod, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
        way.ok(way.node, "nft", "-f", "-", given=FIREWALL)
        self.cluster = Cluster(way)
        self.cluster.tell(pod("web", SHOP, namespace="shop"))
        self.cluster.tell(pod("till", BANK, namespace="bank"))
        self.server: Program = way.serve(COREFILE)
        for source, namespace in ((SHOP, "shop"), (BANK, "bank")):
            self.wait_until_known(source, namespace)

    def ask(self, source: str, name: str = "who.test") -> str:
        """What the Pod with this address is told; the same octets ask each time, but for the ID."""
        return self.way.dig(name, "A", "+nocookie", "-b", source)

    def passes(self, source: str, address: str = WHO) -> bool:
        """Whether a packet of the Pod gets there, and one back."""
        return self.way.passes(address, 2.0 if address in self.open_to(source) else 0.3, source)

    def open_to(self, source: str) -> str:
        """What the set of the Pod's address holds."""
        return self.way.elements({SHOP: "shop4", BANK: "bank4", NOBODY: "others4"}[source])

    def wait_until_known(self, source: str, namespace: str) -> None:
        """Wait until the server takes the client for a Pod of the namespace, as its audit lines tell."""

        def known() -> bool:
            self.ask(source, "probe.test")
            lines = [json.loads(line) for line in self.server.said.splitlines() if line.startswith('{"time"')]
            own = [line for line in lines if line["client"] == source]
            return bool(own) and own[-1].get("namespace") == namespace

        until(known)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with laid(tmp_path) as way:
        yield Scene(way)


def test_what_a_pod_resolves_opens_the_way_for_its_namespace_alone(scene: Scene) -> None:
    assert scene.ask(SHOP) == WHO
    assert scene.passes(SHOP)
    assert not scene.passes(BANK)
    assert not scene.passes(NOBODY)
    assert scene.ask(NOBODY) == WHO
    assert scene.passes(NOBODY)
    assert not scene.passes(BANK)


def test_an_answer_that_is_replayed_to_one_namespace_is_not_replayed_to_another(scene: Scene) -> None:
    """However often the one has asked, the first answer to the other finds the way open."""
    for _ in range(4):
        assert scene.ask(SHOP) == WHO
    assert WHO not in scene.open_to(BANK)
    assert scene.ask(BANK) == WHO
    assert scene.passes(BANK)
    assert scene.ask(NOBODY) == WHO
    assert scene.passes(NOBODY)


def test_an_address_that_changes_hands_opens_the_way_for_its_new_namespace(scene: Scene) -> None:
    for _ in range(4):
        assert scene.ask(SHOP, "other.test") == OTHER
    assert OTHER in scene.open_to(SHOP)
    assert OTHER not in scene.open_to(BANK)
    scene.cluster.tell(pod("till-2", SHOP, namespace="bank"), gone="shop/web")
    scene.wait_until_known(SHOP, "bank")
    assert scene.ask(SHOP, "other.test") == OTHER
    assert OTHER in scene.open_to(BANK)
    assert scene.passes(BANK, OTHER)
