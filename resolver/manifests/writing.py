"""A bundle as text: one stream for ``kubectl apply -f -``, or the files of a kustomize folder."""

from __future__ import annotations

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.text import Document, comment, render


def stream(bundle: Bundle, command: str) -> str:
    """All documents in one text, the configuration files as ConfigMaps."""
    documents = [document for documents in bundle.manifests.values() for document in documents]
    # The namespace has to be there before anything in it, and a configuration before what mounts it.
    first = [document for document in documents if document["kind"] == "Namespace"]
    rest = [document for document in documents if document["kind"] != "Namespace"]
    patch = [bundle.patch] if bundle.patch else []
    parts = [render(document) for document in (*first, *map(_config_map, bundle.configs), *rest, *patch)]
    head = _head(bundle, command)
    tail = [_commented(name, text) for name, text in bundle.others.items()]
    return "---\n".join([f"{head}{parts[0]}", *parts[1:]]) + "".join(tail)


def folder(bundle: Bundle, command: str) -> dict[str, str]:
    """The text of each file of the folder, ``kustomization.yaml`` first."""
    files = {"kustomization.yaml": _head(bundle, command) + render(_kustomization(bundle))}
    for name, documents in bundle.manifests.items():
        files[name] = "---\n".join(render(document) for document in documents)
    for config in bundle.configs:
        files.update(config.files)
    if bundle.patch:
        files["patch.yaml"] = render(bundle.patch)
    return files | dict(bundle.others)


def _head(bundle: Bundle, command: str) -> str:
    lines = [f"# {command}"]
    for text in bundle.remarks:
        lines += ["#", *comment(text)]
    for text in bundle.warnings:
        lines += ["#", *comment(f"Warning: {text}")]
    return "\n".join(lines) + "\n"


def _commented(name: str, text: str) -> str:
    """A file that is not for the cluster, so that nobody applies it by mistake."""
    lines = "".join(f"#   {line}".rstrip() + "\n" for line in text.splitlines())
    return f"---\n# {name}\n{lines}"


def _config_map(config: ConfigFiles) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": config.name, "namespace": config.namespace},
        "data": dict(config.files),
    }


def _kustomization(bundle: Bundle) -> Document:
    is_component = bundle.patch is not None
    document: dict[str, object] = {
        "apiVersion": f"kustomize.config.k8s.io/{'v1alpha1' if is_component else 'v1beta1'}",
        "kind": "Component" if is_component else "Kustomization",
    }
    if bundle.manifests:
        document["resources"] = list(bundle.manifests)
    if bundle.configs:
        document["configMapGenerator"] = [
            {
                "name": config.name,
                "namespace": config.namespace,
                "files": list(config.files),
                "options": {"disableNameSuffixHash": True},
            }
            for config in bundle.configs
        ]
    if bundle.patch:
        document["patches"] = [_patch(bundle.patch)]
    return document


def _patch(patch: Document) -> Document:
    metadata = patch["metadata"]
    return {"path": "patch.yaml", "target": {"kind": patch["kind"], "name": metadata["name"]}}
