"""The folders of the ways are what ``resolver manifests`` writes, and both forms say the same."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from resolver.cli.main import main
from tests.deploy.rendering import DEPLOY, Document, kustomize, named, needs_kubectl

HEAD = "# resolver manifests "
GENERATED = sorted(
    path.parent for path in DEPLOY.rglob("kustomization.yaml") if path.read_text(encoding="utf-8").startswith(HEAD)
)
generated = pytest.mark.parametrize("folder", GENERATED, ids=named)


def command(folder: Path) -> list[str]:
    """The command that stands in the first line of the folder."""
    first = (folder / "kustomization.yaml").read_text(encoding="utf-8").splitlines()[0]
    return shlex.split(first.removeprefix("# resolver "))


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}


def test_all_ways_and_bases_are_generated() -> None:
    assert [named(folder) for folder in GENERATED] == [
        "kustomize/bases/cluster-dns",
        "kustomize/bases/node-local",
        "kustomize/bases/shared",
        "ways/1-pod-dnsconfig",
        "ways/2-forwarding",
        "ways/2-forwarding/article",
        "ways/3-externalname-ingress",
        "ways/4-nodeport-loadbalancer",
    ]


@generated
def test_the_folder_is_what_its_command_writes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(folder), "-o", str(tmp_path)]) == 0
    assert files(tmp_path) == files(folder)
    head = (folder / "kustomization.yaml").read_text(encoding="utf-8").replace("\n# ", " ")
    for line in capsys.readouterr().err.splitlines():
        assert line.removeprefix("resolver manifests: warning: ") in head


@needs_kubectl
@generated
def test_one_text_and_the_folder_say_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(folder)) == 0
    stream = [document for document in yaml.safe_load_all(capsys.readouterr().out) if document]
    assert by_name(stream) == by_name(kustomize(folder))


def by_name(documents: list[Document]) -> dict[tuple[str, str], Document]:
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def test_the_sidecar_component_is_what_the_command_writes(tmp_path: Path) -> None:
    assert main(["manifests", "sidecar", "-o", str(tmp_path)]) == 0
    component = DEPLOY / "kustomize/components/sidecar"
    for name in ("Corefile", "patch.yaml"):
        assert (component / name).read_text() == (tmp_path / name).read_text()


def test_one_text_has_the_namespace_before_what_stands_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(DEPLOY / "ways/1-pod-dnsconfig")) == 0
    kinds = [document["kind"] for document in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds[:2] == ["Namespace", "ConfigMap"]
