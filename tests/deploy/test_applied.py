"""The folders in front of a real API server: admission takes them, and what the cluster has already is not harmed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.kube import kinds
from tests.deploy.rendering import DEPLOY, Document, folders, kustomize, named, needs_kubectl, of_kind, pods
from tests.support.kubeapi import real
from tests.support.kubeapi.real import ADMIN, CERTS, RealApi

KUBE_DNS = kinds.SERVICES.path("kube-system")
# The Service as kubeadm makes it.
KUBEADM: Document = {
    "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
    "spec": {
        "clusterIP": "10.96.0.10",
        "selector": {"k8s-app": "kube-dns"},
        "ports": [
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
            {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
        ],
    },
}
APPLICABLE = [folder for folder in folders() if "monitoring" not in named(folder)]  # which takes the operator's kinds

pytestmark = [
    needs_kubectl,
    pytest.mark.skipif(bool(real.missing()), reason=f"no real API server: {' and '.join(real.missing())} not on PATH"),
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealApi]:
    with real.running(tmp_path_factory.mktemp("api")) as server:
        server.apply("/api/v1/namespaces", {"metadata": {"name": "my-app"}})
        _wait_for_priorities(server)
        yield server


def _wait_for_priorities(server: RealApi) -> None:
    """A server that has just begun makes them a moment later."""
    deadline = time.monotonic() + 30
    path = "/apis/scheduling.k8s.io/v1/priorityclasses/system-cluster-critical"
    while server.request("GET", path, right=(200, 404)).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kubectl(api: RealApi, *words: str, text: str = "") -> str:
    access = ["--server", api.url, "--token", ADMIN, "--certificate-authority", str(CERTS / "ca.pem")]
    done = subprocess.run(
        ["kubectl", "--kubeconfig", "/dev/null", *access, *words],
        input=text, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def kube_dns(folder: Path) -> Document:
    """The Service that the folder applies."""
    return next(each for each in of_kind(kustomize(folder), "Service") if each["metadata"]["name"] == "kube-dns")


@pytest.mark.parametrize("folder", APPLICABLE, ids=named)
def test_a_real_api_server_takes_every_object(api: RealApi, folder: Path) -> None:
    documents = kustomize(folder)
    namespaces = {each["metadata"]["name"] for each in of_kind(documents, "Namespace")}
    for name in namespaces:
        api.apply("/api/v1/namespaces", {"metadata": {"name": name}})
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    said = kubectl(api, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
    assert len(said.splitlines()) == len(documents)


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client", "server"])
@pytest.mark.parametrize("policy", ["SingleStack", "RequireDualStack"])
@pytest.mark.parametrize("folder", [DEPLOY / "ways/2-forwarding", DEPLOY / "kustomize/overlays/cluster-dns"], ids=named)
def test_the_service_of_the_cluster_stays_as_it_is(
    api: RealApi, folder: Path, policy: str, how: tuple[str, ...]
) -> None:
    """Ports that are told apart by number alone must not be mixed up, and no second address may be lost."""
    api.request("DELETE", f"{KUBE_DNS}/kube-dns", right=(200, 404))
    api.apply(KUBE_DNS, {**KUBEADM, "spec": {**KUBEADM["spec"], "ipFamilyPolicy": policy}})
    before = api.request("GET", f"{KUBE_DNS}/kube-dns").json()["spec"]
    assert len(before["clusterIPs"]) == (1 if policy == "SingleStack" else 2)
    kubectl(api, "apply", *how, "-f", "-", text=json.dumps(kube_dns(folder)))
    assert api.request("GET", f"{KUBE_DNS}/kube-dns").json()["spec"] == before


@pytest.mark.parametrize("folder", APPLICABLE, ids=named)
def test_pods_are_admitted_where_their_namespace_is_restricted(api: RealApi, folder: Path) -> None:
    """Nobody makes Pods of the templates here, so the templates are tried as Pods."""
    documents = kustomize(folder)
    for namespace in of_kind(documents, "Namespace"):
        api.apply("/api/v1/namespaces", namespace)
    for pod in pods(documents):
        metadata = {"generateName": "tried-", "namespace": pod.namespace, "labels": pod.labels}
        tried = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod.spec}
        said = kubectl(api, "create", "--dry-run=server", "-f", "-", text=json.dumps(tried))
        assert "created (server dry run)" in said
