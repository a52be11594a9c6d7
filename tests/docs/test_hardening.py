"""The hardening guide can be followed: each configuration can be served, and each link leads somewhere."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from resolver.cli.check import run
from resolver.config.load import load_text
from resolver.node.pillar import Values, fill
from tests.support.audit_lines import encoded

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "hardening.md"
TEXT = GUIDE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```corefile\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
LINKS = re.findall(r"\]\(([^)]+)\)", TEXT)
FENCES = re.findall(r"^```(corefile|console)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
VALUES = Values((ip_address("169.254.20.10"),), cluster_dns="10.96.0.11")


def anchors(path: Path) -> set[str]:
    """What headings of a page are called in links to them."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("corefile", EXAMPLES)
def test_each_configuration_passes_check_on_the_machine_of_an_operator(
    corefile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NODE_NAME", raising=False)
    path = tmp_path / "Corefile"
    path.write_text(fill(corefile, VALUES))
    (tmp_path / "rules.txt").write_text("allow api.example.com namespace shop\n")
    assert run(["--elsewhere", str(path)]) == 0, capsys.readouterr().err


def test_its_commands_can_be_typed_one_after_the_other(tmp_path: Path) -> None:
    """Those that need a cluster or an editor are left out; the clone and what collectors kept are there."""
    (tmp_path / "deploy/kustomize/overlays/cluster-dns").mkdir(parents=True)
    (tmp_path / "deploy/kustomize/overlays/node-local").mkdir()
    lines = encoded(300)
    for name in ("day0.log", "learnt-resolver-1.json"):
        (tmp_path / name).write_bytes(lines)
    for month in ("september", "october"):
        (tmp_path / month).mkdir()
        (tmp_path / month / "a.gz").write_bytes(gzip.compress(lines))
    script = tmp_path / "typed"
    script.write_text("\n".join(["set -eu", f'resolver() {{ "{sys.executable}" -m resolver "$@"; }}', *typed()]))
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "CiliumNetworkPolicy" in (tmp_path / "egress.yaml").read_text()
    assert "port: 853" in (tmp_path / "deploy/kustomize/overlays/cluster-dns/networkpolicy.yaml").read_text()
    assert (tmp_path / "october.html").exists()


def typed() -> Iterator[str]:
    """The guide as lines of a shell: configurations are written where it says, commands are run that can be here."""
    for kind, text in FENCES:
        if kind == "corefile":
            yield "D=deploy/kustomize/overlays/cluster-dns; N=deploy/kustomize/overlays/node-local"
            yield f"cat > {'$N/Corefile.base' if '__PILLAR__' in text else '$D/Corefile'} <<'END'\n{text}END"
            continue
        for command in re.findall(r"^\$ (.*(?:\n    .*)*)$", text, re.MULTILINE):
            if re.match(r"resolver|sed|cp|[A-Z]=", command) and "--resolve" not in command and "git add" not in command:
                yield command


@pytest.mark.parametrize("corefile", EXAMPLES)
def test_each_configuration_is_complete(corefile: str) -> None:
    names = {directive.name.text for block in load_text(corefile, environ={}).blocks for directive in block.directives}
    assert {"errors", "health", "ready", "prometheus", "reload", "audit", "forward", "cache"} <= names


@pytest.mark.parametrize("link", LINKS)
def test_each_link_leads_somewhere(link: str) -> None:
    page, _, anchor = link.partition("#")
    path = (GUIDE.parent / page).resolve() if page else GUIDE
    assert path.exists()
    assert not anchor or anchor in anchors(path)


def test_each_step_can_be_looked_at_and_undone() -> None:
    steps = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    numbered = [step for step in steps if re.match(r"\d ", step)]
    assert [step[0] for step in numbered] == [*"012345678"]
    assert all("**Look" in step and "**Undo:**" in step for step in numbered)
