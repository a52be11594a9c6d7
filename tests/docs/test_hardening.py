"""The hardening guide can be followed: each configuration can be served, and each link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resolver.cli.check import run
from resolver.config.load import load_text

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "hardening.md"
TEXT = GUIDE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```corefile\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
LINKS = re.findall(r"\]\(([^)]+)\)", TEXT)
CERTIFICATES = ROOT / "tests" / "plugins" / "tls" / "page"


def anchors(path: Path) -> set[str]:
    """What headings of a page are called in links to them."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("corefile", EXAMPLES)
def test_each_configuration_passes_check(
    corefile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_NAME", "worker-1")
    path = tmp_path / "Corefile"
    path.write_text(corefile.replace("/etc/resolver-tls", str(CERTIFICATES)))
    (tmp_path / "rules.txt").write_text("allow api.example.com namespace shop\n")
    assert run([str(path)]) == 0, capsys.readouterr().err


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
