"""What ``kubectl kustomize`` makes of the folders in deploy/, and the parts of it that tests look at."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from resolver.config.load import load_text
from resolver.config.model import Config, Directive
from resolver.node.pillar import Values, fill
from resolver.node.settings import local_addresses

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_OLDEST_KUBECTL = 21  # the first whose kustomize knows components and generator options


def _why_no_kubectl() -> str:
    """Why nothing can be rendered here; empty where all is well."""
    if shutil.which("kubectl") is None:
        return "the program kubectl is not installed"
    words = ["kubectl", "version", "--client", "--output=json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r'"minor": "(\d+)', done.stdout)
    if found is None or int(found[1]) < _OLDEST_KUBECTL:
        return f"kubectl 1.{_OLDEST_KUBECTL} or newer is needed"
    return ""


needs_kubectl = pytest.mark.skipif(bool(_why_no_kubectl()), reason=_why_no_kubectl())

Document = dict[str, Any]


@dataclass(frozen=True)
class Pods:
    """The template of some Pods, or a Pod."""

    title: str
    namespace: str
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def resolver(self) -> dict[str, Any]:
        """The container that serves."""
        return next(each for each in self.containers if each["name"] == "resolver")

    @property
    def has_resolver(self) -> bool:
        return any(each["name"] == "resolver" for each in self.containers)

    @property
    def on_host(self) -> bool:
        return bool(self.spec.get("hostNetwork"))


def folders() -> list[Path]:
    """Every folder that a user may apply."""
    paths = sorted([*DEPLOY.glob("kustomize/**/kustomization.yaml"), *DEPLOY.glob("ways/**/kustomization.yaml")])
    return [path.parent for path in paths if yaml.safe_load(path.read_text())["kind"] == "Kustomization"]


def named(folder: Path) -> str:
    """The folder as a test says it."""
    return str(folder.relative_to(DEPLOY))


@cache
def kustomize(folder: Path) -> list[Document]:
    """What would be applied."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def pods(documents: list[Document]) -> Iterator[Pods]:
    """The Pods of all workloads."""
    for document in documents:
        metadata = document["metadata"]
        title, namespace = f"{document['kind']}/{metadata['name']}", metadata.get("namespace", "")
        if document["kind"] in {"Deployment", "DaemonSet", "StatefulSet"}:
            template = document["spec"]["template"]
            yield Pods(title, namespace, template["metadata"]["labels"], template["spec"])
        elif document["kind"] == "Pod":
            yield Pods(title, namespace, metadata["labels"], document["spec"])


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    return [document for document in documents if document["kind"] in kinds]


def corefiles(documents: list[Document]) -> dict[str, str]:
    """The Corefile in each ConfigMap, by the map's name; templates are filled in."""
    found = {}
    for document in of_kind(documents, "ConfigMap"):
        data = document["data"]
        if "Corefile" in data:
            found[document["metadata"]["name"]] = data["Corefile"]
        if "Corefile.base" in data:
            found[document["metadata"]["name"]] = filled(data["Corefile.base"])
    return found


def filled(template: str, local: str = "169.254.20.10,10.96.0.10") -> str:
    """A template of the node-local mode as a node would fill it in."""
    return fill(template, Values(local_addresses(local), "10.96.77.1", prometheus=":19153"))


def corefile_of(pod: Pods, documents: list[Document]) -> Config:
    """The configuration that the server in these Pods reads."""
    volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
    mount = next(each for each in pod.resolver["volumeMounts"] if each["mountPath"] == "/etc/resolver")
    name = volumes[mount["name"]]["configMap"]["name"]
    return load_text(corefiles(documents)[name], environ={})


def directives(config: Config, name: str) -> list[Directive]:
    """All directives of this name."""
    return [line for block in config.blocks for line in block.directives if line.name.text == name]


def listens(config: Config, name: str, default: int) -> int:
    """The port of ``health``, ``ready`` or ``prometheus``."""
    found = {int(line.args[0].text.rpartition(":")[2]) if line.args else default for line in directives(config, name)}
    assert len(found) == 1, f"{name} listens on {found}"
    return found.pop()


def seconds(text: str) -> int:
    """A duration in whole seconds."""
    found = re.fullmatch(r"(\d+)s", text)
    assert found is not None
    return int(found[1])


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether ``matchLabels``, or a Service's selector, choose what has these labels."""
    wanted = selector.get("matchLabels", selector)
    return all(labels.get(name) == value for name, value in wanted.items())
