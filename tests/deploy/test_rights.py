"""The rights in the manifests are those that the server uses, found out by what it asks an API server for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.rendering import DEPLOY, ROOT, Document, corefiles, kustomize, needs_kubectl, of_kind
from tests.node.namespaces import Node, missing, node, resolver, until

API = "http://127.0.0.1:8001"
ALL_RESOURCES = "ingress service nodeport httproute grpcroute tlsroute dnsendpoint"
Resource = tuple[str, str]

pytestmark = [needs_kubectl, pytest.mark.skipif(bool(missing("curl")), reason=missing("curl"))]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as made:
        yield made


def allowed(documents: list[Document]) -> set[Resource]:
    """What the roles allow; the verbs are the same everywhere."""
    rules = [rule for role in of_kind(documents, "ClusterRole", "Role") for rule in role["rules"]]
    assert all(rule["verbs"] == ["list", "watch"] for rule in rules)
    return {(group, resource) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"]}


def asked(here: Node) -> set[Resource]:
    """What the API server was asked for."""
    lines = here.run("curl", "-s", f"{API}/control/requests").stdout
    paths = re.findall(r"/apis?/[^?\s\"]+", lines)
    return {resource(path) for path in paths}


def resource(path: str) -> Resource:
    """Group and plural of a path such as /apis/discovery.k8s.io/v1/namespaces/default/endpointslices."""
    pieces = path.strip("/").split("/")
    return ("" if pieces[0] == "api" else pieces[1]), pieces[-1]


def serve(here: Node, corefile: str) -> None:
    """Start the server with this Corefile and an API server that knows next to nothing."""
    here.start(sys.executable, str(ROOT / "tests/parity/fake_kube_api.py"), "--port", "8001").says("serving")
    directive = re.compile(r"^( +)((?:kubernetes|gateway) [^{\n]*\{)$", re.MULTILINE)
    text, count = directive.subn(rf"\1\2\n\1    endpoint {API}", corefile)
    assert count
    path = here.folder / "Corefile"
    path.write_text(text)
    here.start(*resolver("-conf", str(path)))


def health(here: Node) -> str:
    """The status of /health; 000 while nobody listens yet."""
    return here.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:8080/health").stdout


def test_no_right_is_missing_and_none_too_many(here: Node, documents: list[Document]) -> None:
    (corefile,) = corefiles(documents).values()
    serve(here, corefile)
    until(lambda: asked(here) == allowed(documents), lambda: f"{asked(here)} but {allowed(documents)}")
    until(lambda: health(here) == "200", lambda: f"/health says {health(here)}")
    assert asked(here) == allowed(documents)


@pytest.fixture(
    params=[
        "kustomize/bases/cluster-dns",
        "kustomize/overlays/cluster-dns",
        "ways/2-forwarding",
        "ways/2-forwarding/article",
        "ways/3-externalname-ingress",
        "gateway",
        "policy",
    ]
)
def documents(request: pytest.FixtureRequest, tmp_path: Path) -> list[Document]:
    """What would be applied."""
    if request.param == "gateway":
        return kustomize(with_gateway(tmp_path / "overlay"))
    if request.param == "policy":
        return kustomize(with_policy(tmp_path / "overlay"))
    return kustomize(DEPLOY / request.param)


def with_gateway(folder: Path) -> Path:
    """An overlay of the cluster's DNS with everything that the gateway directive can read."""
    return overlay(folder, f"    gateway example.com {{\n        resources {ALL_RESOURCES}\n    }}\n", "gateway")


def with_policy(folder: Path) -> Path:
    """An overlay of the cluster's DNS that knows Pods and the rules of their namespaces."""
    policy = "    policy {\n        configmaps\n        delegate * .public.example\n    }\n"
    return overlay(folder, f"    identity {{\n        scope cluster\n    }}\n{policy}", "pods", "policy")


def overlay(folder: Path, lines: str, *components: str) -> Path:
    """An overlay of the cluster's DNS with these directives and components."""
    folder.mkdir()
    above = os.path.relpath(DEPLOY / "kustomize", folder)
    (folder / "Corefile").write_text(
        ".:53 {\n    errors\n    health\n    ready\n    prometheus :9153\n    reload\n"
        f"    kubernetes cluster.local {{\n    }}\n{lines}}}\n"
    )
    parts = ", ".join(f"{above}/components/{name}" for name in components)
    (folder / "kustomization.yaml").write_text(
        f"resources: [{above}/bases/cluster-dns]\ncomponents: [{parts}]\n"
        "configMapGenerator:\n- name: resolver\n  namespace: kube-system\n  behavior: replace\n  files: [Corefile]\n"
        "  options: {disableNameSuffixHash: true}\n"
    )
    return folder
