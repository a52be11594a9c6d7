"""Names of Pods by address: nobody has them without asking, and who asks for the safe kind gets only real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from resolver.plugins.kubernetes.settings import DISABLED, Settings
from resolver.wire.constants import RCODES
from resolver.wire.message import scan
from tests.plugins.identity.pods import pod
from tests.runtime.clients import addresses, question
from tests.security.transports import EVERY, Everywhere, everywhere
from tests.support.kubeapi.server import FakeApi

POD: Final = "10-0-0-7.shop.pod.cluster.local"
FOREIGN: Final = (
    "203-0-113-9.shop.pod.cluster.local",
    "127-0-0-1.shop.pod.cluster.local",
    "10-0-0-7.other.pod.cluster.local",
)


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    """A cluster with one Pod."""
    server = FakeApi()
    for name in ("shop", "other"):
        server.store.apply("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    server.store.apply("pods", pod("web", "10.0.0.7"))
    await server.start()
    yield server
    await server.stop()


async def _outcome(server: Everywhere, transport: str, name: str) -> tuple[str, list[str]]:
    answer = await server.ask(transport, question(name))
    assert answer is not None
    message = scan(answer)
    return RCODES[message.rcode], addresses(message)


def _cluster(api: FakeApi, *options: str) -> str:
    lines = "\n ".join([f"endpoint {api.url}", *options])
    return f"kubernetes cluster.local {{\n {lines}\n }}"


def test_names_of_pods_are_off_by_default() -> None:
    """CVE-2022-2835, CVE-2022-2837: records for any address there is, in the zone of the cluster."""
    assert Settings.__dataclass_fields__["pods"].default == DISABLED


@EVERY
async def test_nobody_has_names_of_pods_who_did_not_ask_for_them(tmp_path: Path, api: FakeApi, transport: str) -> None:
    """CVE-2022-2835, CVE-2022-2837: whoever has a certificate for a wildcard of the zone has one for any address."""
    async with everywhere(tmp_path, _cluster(api)) as server:
        for name in (POD, *FOREIGN):
            assert await _outcome(server, transport, name) == ("NXDOMAIN", [])


@EVERY
async def test_verified_names_are_those_of_pods_that_there_are(tmp_path: Path, api: FakeApi, transport: str) -> None:
    """Neither an address outside the cluster nor that of a Pod in another namespace, from no memory either."""
    async with everywhere(tmp_path, "cache 30", _cluster(api, "pods verified")) as server:
        for _ in range(2):
            assert await _outcome(server, transport, POD) == ("NOERROR", ["10.0.0.7"])
            for name in FOREIGN:
                assert await _outcome(server, transport, name) == ("NXDOMAIN", [])


@EVERY
async def test_insecure_names_need_a_namespace_that_there_is(tmp_path: Path, api: FakeApi, transport: str) -> None:
    """What is asked for by its name is had, and no more: neither other namespaces nor what is no address."""
    async with everywhere(tmp_path, _cluster(api, "pods insecure")) as server:
        assert await _outcome(server, transport, FOREIGN[0]) == ("NOERROR", ["203.0.113.9"])
        for name in ("203-0-113-9.none", "203-0-113-999.shop", "web.shop", "203-0-113-9"):
            assert await _outcome(server, transport, f"{name}.pod.cluster.local") == ("NXDOMAIN", [])
