"""The right to write to a node's packet filter: only where it is asked for, and enough for egress_set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from resolver.cli.main import main
from tests.deploy.rendering import DEPLOY, Document, kustomize, needs_kubectl, of_kind
from tests.deploy.schemas import NEWEST, validate
from tests.node.namespaces import Node, Program, missing, node, resolver, until

COMPONENT = "kustomize/components/egress-set"
COREFILE = """.:53 {
    bind 127.0.0.1
    egress_set {
        table inet egress
        set4 allowed4
        create
    }
    hosts {
        192.0.2.7 api.example.com
    }
}
"""
needs_a_node = pytest.mark.skipif(bool(missing("setpriv", "nft")), reason=missing("setpriv", "nft"))


def with_component(folder: Path) -> list[Document]:
    """The cache on every node with the component."""
    above = os.path.relpath(DEPLOY, folder)
    (folder / "kustomization.yaml").write_text(
        f"resources: [{above}/kustomize/bases/node-local]\ncomponents: [{above}/{COMPONENT}]\n"
    )
    return kustomize(folder)


def containers(documents: list[Document]) -> dict[str, Document]:
    (daemon_set,) = of_kind(documents, "DaemonSet")
    spec = daemon_set["spec"]["template"]["spec"]
    return {one["name"]: one for one in (*spec["initContainers"], *spec["containers"])}


def plain() -> dict[str, Document]:
    """The containers of the cache on every node as it is."""
    return containers([yaml.safe_load((DEPLOY / "kustomize/bases/node-local/daemonset.yaml").read_text())])


@needs_kubectl
def test_the_component_gives_the_server_one_right_more_and_changes_nothing_else(tmp_path: Path) -> None:
    documents = with_component(tmp_path)
    assert validate(documents, NEWEST) == []
    found, before = containers(documents), plain()
    assert found["resolver"]["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["NET_BIND_SERVICE", "NET_ADMIN"],
    }
    before["resolver"]["securityContext"]["capabilities"]["add"].append("NET_ADMIN")
    assert found == before


def test_the_command_gives_the_same_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["manifests", "node-local"]
    assert main([*command, "--egress-set", "-o", str(tmp_path)]) == 0
    assert main(command) == 0
    without = containers([one for one in yaml.safe_load_all(capsys.readouterr().out) if one])
    found = containers([yaml.safe_load((tmp_path / "daemonset.yaml").read_text())])
    assert without["resolver"]["securityContext"]["capabilities"]["add"] == ["NET_BIND_SERVICE"]
    assert found["resolver"]["securityContext"]["capabilities"]["add"] == ["NET_BIND_SERVICE", "NET_ADMIN"]
    assert {name: found[name] for name in ("setup", "guard")} == {name: without[name] for name in ("setup", "guard")}
    assert "writes to sets of its packet filter" in (tmp_path / "daemonset.yaml").read_text()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as made:
        yield made


def serve(here: Node, context: dict[str, Any]) -> Program:
    """The server with the user and the capabilities of a container, and no others."""
    rights = ",".join(f"+{each.lower()}" for each in context["capabilities"]["add"])
    (here.folder / "Corefile").write_text(COREFILE)
    limits = [
        f"--reuid={context['runAsUser']}",
        f"--regid={context['runAsGroup']}",
        "--clear-groups",
        "--no-new-privs",
        f"--bounding-set=-all,{rights}",
    ]
    return here.start("setpriv", *limits, *resolver("-conf", str(here.folder / "Corefile")))


@needs_a_node
@needs_kubectl
def test_with_it_addresses_get_into_the_set_before_they_are_answered(here: Node, tmp_path: Path) -> None:
    (folder := tmp_path / "overlay").mkdir()
    server = serve(here, containers(with_component(folder))["resolver"]["securityContext"])
    until(lambda: asked(here) == "192.0.2.7", lambda: server.said)
    found = here.ok(["ip", "netns", "exec", here.names["node"], "nft", "list", "set", "inet", "egress", "allowed4"])
    assert re.search(r"192\.0\.2\.7 timeout", found)
    assert server.end() == 0


@needs_a_node
def test_without_it_the_server_says_what_it_lacks(here: Node) -> None:
    server = serve(here, plain()["resolver"]["securityContext"])
    assert server.wait() != 0
    assert "NET_ADMIN" in server.said


def asked(here: Node) -> str:
    return here.run("dig", "+short", "+tries=1", "+time=1", "@127.0.0.1", "api.example.com").stdout.strip()
