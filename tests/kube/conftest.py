"""Clusters to list and watch: our fake API, and a real one where kube-apiserver and etcd are installed."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from resolver.kube import pauses
from resolver.kube.access import Access
from resolver.kube.kinds import Kind
from tests.support.kubeapi import real
from tests.support.kubeapi.real import ADMIN, CERTS, READER, RealApi
from tests.support.kubeapi.server import FakeApi
from tests.support.kubeapi.store import Json


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between two tries that a test has time for."""
    for name, seconds in (("FIRST", 0.01), ("MOST", 0.05), ("SLOW_FIRST", 0.02), ("SLOW_MOST", 0.05)):
        monkeypatch.setattr(pauses, name, seconds)


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    """The fake API over plain HTTP."""
    server = FakeApi()
    await server.start()
    yield server
    await server.stop()


@dataclass
class Cluster:
    """A cluster with TLS and two users: one who may everything and one who may only what ``allow`` has said.

    ``namespace`` belongs to one test.
    """

    server: FakeApi | RealApi
    namespace: str

    @property
    def access(self) -> Access:
        return Access(server=self.server.url, ca_file=str(CERTS / "ca.pem"), token=ADMIN)

    async def apply(self, kind: Kind, item: Json) -> None:
        item = item | {"metadata": item["metadata"] | ({"namespace": self.namespace} if kind.namespaced else {})}
        if isinstance(self.server, FakeApi):
            self.server.store.apply(kind.plural, item)
        else:
            await asyncio.to_thread(self.server.apply, kind.path(self.namespace), item)

    async def delete(self, kind: Kind, name: str) -> None:
        if isinstance(self.server, FakeApi):
            self.server.store.delete(kind.plural, f"{self.namespace}/{name}" if kind.namespaced else name)
        else:
            await asyncio.to_thread(self.server.delete, kind.path(self.namespace), name)

    async def install(self, kind: Kind, singular: str) -> None:
        """Serve a kind that is not served yet."""
        if isinstance(self.server, FakeApi):
            self.server.also_served.add(kind.plural)
            return
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        await asyncio.to_thread(self.server.apply, path, definition(kind, singular))

    async def allow(self, kind: Kind) -> None:
        """Let the reader list and watch a kind."""
        if isinstance(self.server, FakeApi):
            self.server.forbidden.discard(kind.plural)
            return
        root = "/apis/rbac.authorization.k8s.io/v1"
        name = f"{self.namespace}-{kind.plural}"
        rule = {"apiGroups": [kind.group], "resources": [kind.plural], "verbs": ["list", "watch"]}
        role = {"metadata": {"name": name}, "rules": [rule]}
        group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        binding = {"metadata": {"name": name}, "subjects": [group], "roleRef": reference}
        await asyncio.to_thread(self.server.apply, f"{root}/clusterroles", role)
        await asyncio.to_thread(self.server.apply, f"{root}/clusterrolebindings", binding)


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealApi]:
    """One real API server for all tests."""
    if absent := real.missing():
        pytest.skip(f"no real API server: {' and '.join(absent)} not on PATH")
    with real.running(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture(params=["fake", "real"])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """A cluster whose reader may list nothing but what a test allows."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    if request.param == "real":
        server = request.getfixturevalue("real_server")
        await asyncio.to_thread(server.apply, "/api/v1/namespaces", {"metadata": {"name": namespace}})
        yield Cluster(server, namespace)
        return
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTS / "server.pem", CERTS / "server.key")
    fake = FakeApi(tls=context, tokens={ADMIN, READER})
    await fake.start()
    yield Cluster(fake, namespace)
    await fake.stop()


def definition(kind: Kind, singular: str) -> Json:
    """A CustomResourceDefinition for a kind."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": kind.plural, "singular": singular.lower(), "kind": singular, "listKind": f"{singular}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{kind.group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": names,
            "versions": [{"name": kind.version, "served": True, "storage": True, "schema": schema}],
        },
    }


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Where a token lies."""
    return tmp_path / "token"
