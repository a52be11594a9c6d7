"""``docs/directives`` is what pages and facts make of it, says what is missing, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate.page import PLUGINS, ROOT, outside_of_code, pages
from docs.generate.parity import Row, Status, has, rows
from docs.generate.reference import Directive, reference
from docs.generate.render import BUILT_IN, COMMAND, FOLDER, files
from resolver.plugins.order import ORDER

PAGES = pages()
FACTS = reference().directives
WANTED = files()
ON_PAGES = [
    pytest.param(FACTS[name], entry, id=f"{name} {entry}")
    for name in PAGES
    if name in FACTS
    for entry in FACTS[name].entries
]
LEFT_OUT = [pytest.param(FACTS[name], entry, id=f"{name} {entry}") for name in FACTS for entry in FACTS[name].not_built]


@pytest.mark.parametrize("name", sorted({*WANTED, *(path.name for path in FOLDER.iterdir())}))
def test_the_folder_is_up_to_date(name: str) -> None:
    path = FOLDER / name
    there = path.read_text(encoding="utf-8") if path.exists() else None
    assert there == WANTED.get(name), f"docs/directives/{name} is out of date: run `{COMMAND}` (or `make docs`)"


@pytest.mark.parametrize(("directive", "entry"), ON_PAGES)
def test_what_coredns_takes_is_on_the_page_or_listed_as_not_built(directive: Directive, entry: str) -> None:
    assert has(PAGES[directive.name], directive, entry) or entry in directive.not_built, (
        f"{entry} is neither on the page of {directive.name} nor under not_built in docs/generate/reference.toml"
    )


@pytest.mark.parametrize(("directive", "entry"), LEFT_OUT)
def test_what_is_listed_as_not_built_is_not_explained_as_if_it_were(directive: Directive, entry: str) -> None:
    assert entry in directive.entries
    for passage in PAGES[directive.name].passages(entry):
        assert re.search(r"refused|not built|not there|does not have", passage), (
            f"the page of {directive.name} explains {entry}"
        )


@pytest.mark.parametrize("name", sorted(name for name in FACTS if name not in PAGES and not (PLUGINS / name).is_dir()))
def test_a_directive_that_is_not_built_has_a_purpose_and_a_reason(name: str) -> None:
    assert FACTS[name].purpose
    assert FACTS[name].reason or FACTS[name].page


@pytest.mark.parametrize("name", sorted(PAGES.keys() & FACTS.keys()))
def test_a_directive_that_has_a_page_needs_no_reason_for_not_being_built(name: str) -> None:
    assert not FACTS[name].reason, f"take the reason of {name} out of docs/generate/reference.toml"
    assert not FACTS[name].purpose, f"take the purpose of {name} out of docs/generate/reference.toml"


@pytest.mark.parametrize("row", [row for row in rows(ORDER, FACTS, PAGES) if row.option and row.status is Status.SAME])
def test_an_option_without_effect_is_not_called_the_same(row: Row) -> None:
    explained = [one for one in PAGES[row.directive].passages(row.option) if one.startswith(f"* `{row.option}`")]
    if row.option not in FACTS[row.directive].without_effect:
        assert not any("no effect" in one for one in explained), f"say so in the differences of {row.directive}"


def test_the_facts_are_about_the_directives_of_the_chain() -> None:
    assert set(FACTS) <= {*ORDER, BUILT_IN}
    assert [name for name in ORDER if name in FACTS] == [name for name in FACTS if name != BUILT_IN]


def test_every_directive_of_the_chain_is_in_the_index() -> None:
    first = re.findall(r"^\| \[?(\w+)", WANTED["README.md"].partition("## Parity")[0], re.MULTILINE)
    assert first == ["directive", *ORDER, BUILT_IN]


def test_the_readme_leads_to_every_page() -> None:
    listed = re.findall(r"\]\(resolver/plugins/(\w+)/README\.md\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(PAGES), "the table of directives in README.md names each of them once"


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_link_leads_to_a_file_and_a_heading(name: str) -> None:
    prose = "".join(piece for is_prose, piece in outside_of_code(WANTED[name]) if is_prose)
    for target, anchor in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)", prose):
        text = _text(target or name)
        assert text is not None, f"{name} links to {target}"
        assert not anchor or anchor in _anchors(text), f"{name} links to {target}#{anchor}"


def _text(target: str) -> str | None:
    """What a link leads to: a file that is to be made, or one of the project."""
    if target in WANTED:
        return WANTED[target]
    path = FOLDER / target
    if path.is_dir():
        return ""
    return path.read_text(encoding="utf-8") if Path(path).is_file() else None


def _anchors(text: str) -> set[str]:
    """The names that the usual renderers give to headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
