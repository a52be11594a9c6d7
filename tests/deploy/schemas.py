"""Whether manifests are what a Kubernetes API server would take, found out offline.

The built-in kinds are held against the schemas of the ``kubernetes-validate`` package, unknown fields refused; the
custom kinds against ``crds.py``. What schemas cannot say (names, label values) is checked here as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.deploy.crds import CUSTOM

Document = dict[str, Any]

NEWEST = "1.37"  # what the newest field of our manifests is checked against
OLDEST = "1.30"  # the oldest version in which every manifest must still be valid

# RFC 1123 names, as the API server checks them; a Service is a label of RFC 1035.
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_QUALIFIED = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def validate(documents: Iterable[Document], version: str = NEWEST) -> list[str]:
    """Every reason why a document would be refused, as ``Kind/name: where: why``; empty where all are right."""
    found: list[str] = []
    seen: set[tuple[str, str, str, str]] = set()
    for document in documents:
        title = _title(document)
        found.extend(f"{title}: {problem}" for problem in _problems(document, version))
        identity = _identity(document)
        if identity in seen:
            found.append(f"{title}: stands twice")
        seen.add(identity)
    return found


def _problems(document: Document, version: str) -> Iterator[str]:
    if not isinstance(document.get("apiVersion"), str) or not isinstance(document.get("kind"), str):
        yield "apiVersion and kind are needed"
        return
    validator = _validator(document["apiVersion"], document["kind"], version)
    if validator is None:
        yield f"no schema for {document['kind']} of {document['apiVersion']} in Kubernetes {version}"
        return
    for error in validator.iter_errors(document):
        where = ".".join(str(step) for step in error.absolute_path)
        yield f"{where or '(top)'}: {error.message}"
    yield from _bad_names(document)
    yield from _bad_labels(document)


@cache
def _validator(api_version: str, kind: str, version: str) -> Any:
    custom = CUSTOM.get((api_version, kind))
    if custom is not None:
        return Draft202012Validator(custom)
    # rbac.authorization.k8s.io/v1 is rbac-v1 there, apps/v1 is apps-v1, v1 stays.
    suffix = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    path = _folder(version) / f"{kind.lower()}-{suffix}.json"
    if not path.is_file():
        return None
    schema = json.loads(path.read_text())
    return Draft202012Validator(
        schema, registry=_definitions(version).with_resource("", Resource.from_contents(schema))
    )


def _folder(version: str) -> Any:
    return files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"


@cache
def _definitions(version: str) -> Any:
    contents = json.loads((_folder(version) / "_definitions.json").read_text())
    registry: Any = Registry()
    return Resource.from_contents(contents) @ registry


def _bad_names(document: Document) -> Iterator[str]:
    metadata = document.get("metadata") or {}
    name = metadata.get("name", "")
    shape = {"Service": _SERVICE, "Namespace": _LABEL}.get(document["kind"], _SUBDOMAIN)
    # RBAC objects alone may have names such as system:coredns.
    if not document["apiVersion"].startswith("rbac.") and (len(name) > 253 or not shape.fullmatch(name)):
        yield f"metadata.name: {name!r} is no name for a {document['kind']}"
    namespace = metadata.get("namespace")
    if namespace is not None and not _LABEL.fullmatch(namespace):
        yield f"metadata.namespace: {namespace!r} is no name for a namespace"


def _bad_labels(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _bad_labels(item, f"{path}.{index}")
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        where = f"{path}.{key}".removeprefix(".")
        if key in {"labels", "matchLabels", "nodeSelector"} and isinstance(item, dict):
            yield from (f"{where}: {name!r} is no label name" for name in item if not _QUALIFIED.fullmatch(str(name)))
            # A PrometheusRule's labels are those of alerts, which may be templates.
            yield from (
                f"{where}.{name}: {text!r} is no label value"
                for name, text in item.items()
                if not _VALUE.fullmatch(str(text)) and "{{" not in str(text)
            )
        else:
            yield from _bad_labels(item, where)


def _identity(document: Document) -> tuple[str, str, str, str]:
    metadata = document.get("metadata") or {}
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    return group, str(document.get("kind")), str(metadata.get("namespace", "")), str(metadata.get("name"))


def _title(document: Document) -> str:
    return f"{document.get('kind', 'nothing')}/{(document.get('metadata') or {}).get('name', '?')}"
