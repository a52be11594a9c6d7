"""The pages about deploying: their links lead somewhere, their commands are commands, their Corefiles load."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from resolver.cli.main import main
from resolver.cli.query import _parser as query_parser
from resolver.config.load import load_text
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host
from tests.deploy.rendering import DEPLOY, ROOT

WAYS = sorted((ROOT / "docs/ways").glob("*.md"))
PAGES = [DEPLOY / "README.md", ROOT / "docs/migration.md", ROOT / "docs/node-local.md", *WAYS]
VERBS = {
    "apply",
    "annotate",
    "cp",
    "create",
    "delete",
    "diff",
    "edit",
    "exec",
    "get",
    "kustomize",
    "label",
    "logs",
    "patch",
}
VERBS |= {"port-forward", "rollout", "run", "scale"}
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
    assert {page.stem for page in WAYS} == folders


@every_page
def test_links_lead_to_files(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page.read_text()) if "://" not in link]
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """What links to the headings of a page may say behind ``#``."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
def test_commands_are_understood(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours are parsed by their own parsers, those of kubectl as far as one can tell without a cluster."""
    for command in [*commands(page), *re.findall(r"`(resolver query [^`]+|kubectl [^`]+)`", page.read_text())]:
        words = shlex.split(command.partition("|")[0].partition(" > ")[0])
        match words:
            case ["resolver", "check", path]:
                assert main(["check", str(ROOT / path)]) == 0, capsys.readouterr().out
            case ["resolver", "query", *rest]:
                assert query_parser().parse_args(rest).words
            case ["resolver", *rest]:
                assert rest[0] == "manifests", command
            case ["kubectl", *rest]:
                assert next(word for word in rest if word in VERBS), command
                for flag, value in itertools.pairwise(rest):
                    assert flag != "-p" or json.loads(value), command
                    assert flag != "-k" or (ROOT / value / "kustomization.yaml").exists(), command


@every_page
def test_shell_scripts_are_shell(page: Path) -> None:
    for text in fences(page, "sh"):
        done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, timeout=10, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@every_page
def test_corefiles_load(page: Path) -> None:
    for text in fences(page, "corefile"):
        assemble(load_text(text, environ={}), throwaway_host(), 53)
