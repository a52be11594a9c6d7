"""The pages about deploying: their links lead somewhere, their commands are commands, their Corefiles load."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from resolver.cli.main import main
from resolver.config.load import load_text
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host
from tests.deploy.rendering import DEPLOY, ROOT

PAGES = [DEPLOY / "README.md", *sorted((ROOT / "docs/ways").glob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def fences(page: Path, kind: str) -> list[str]:
    """The fenced blocks of a kind."""
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """What is typed, continued lines joined."""
    text = "\n".join(fences(page, "console")).replace("\\\n", " ")
    return [line.strip().removeprefix("$ ") for line in text.splitlines() if line.strip().startswith("$ ")]


def test_there_is_a_page_for_each_way() -> None:
    folders = {path.name for path in (DEPLOY / "ways").iterdir()}
    assert {page.stem for page in PAGES[1:]} == folders


@every_page
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert links
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@every_page
def test_folders_in_commands_exist(page: Path) -> None:
    for command in commands(page):
        for path in re.findall(r"\bdeploy/[\w./-]+", command):
            assert (ROOT / path).exists(), command


@every_page
def test_manifests_are_written_by_the_commands_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        words = shlex.split(command.partition("|")[0])
        if words[:2] == ["resolver", "manifests"] and "--help" not in words:
            assert main(words[1:]) == 0
            assert "kind:" in capsys.readouterr().out or list(tmp_path.iterdir())


@every_page
def test_corefiles_load(page: Path) -> None:
    for text in fences(page, "corefile"):
        assemble(load_text(text, environ={}), throwaway_host(), 53)
