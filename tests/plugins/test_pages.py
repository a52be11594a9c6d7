"""The page of each directive is true: its examples can be served, its options exist, its metrics are named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

from resolver.config.load import load_text
from resolver.config.model import Directive
from resolver.errors import ConfigErrors
from resolver.plugins.catalog import built
from tests.plugins.chains import World

PLUGINS = Path(__file__).parents[2] / "resolver" / "plugins"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = sorted(built())


@dataclass(frozen=True)
class Page:
    """A README, taken apart."""

    name: str
    text: str

    @classmethod
    def of(cls, name: str) -> Page:
        return cls(name, (PLUGINS / name / "README.md").read_text(encoding="utf-8"))

    @property
    def examples(self) -> list[str]:
        return [body for kind, body in FENCE.findall(self.text) if kind == "corefile"]

    @property
    def syntax(self) -> str:
        """The fenced blocks of the section Syntax."""
        section = self.text.partition("\n## Syntax\n")[2].partition("\n## ")[0]
        return "\n".join(body for _, body in FENCE.findall(section))

    @property
    def options(self) -> list[str]:
        """The first words of the lines within braces; words in capitals or brackets stand for something else."""
        lines = [line.strip() for line in self.syntax.splitlines() if line.startswith((" ", "\t"))]
        return sorted({line.split()[0] for line in lines if re.match(r"[a-z]", line)})

    @property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    def used(self) -> tuple[str, Directive]:
        """A zone and the directive as the page's first example has them."""
        for example in self.examples:
            for block in load_text(example, environ={}).blocks:
                for directive in block.directives:
                    if directive.name.text == self.name:
                        return block.keys[0].text, directive
        raise AssertionError(f"no example of {self.name} uses it")


PAGES = {name: Page.of(name) for name in NAMES}
EXAMPLES = [pytest.param(text, id=f"{name}-{n}") for name in NAMES for n, text in enumerate(PAGES[name].examples, 1)]
OPTIONS = [(name, option) for name in NAMES for option in PAGES[name].options]
METRIC = re.compile(r'"(coredns_\w+)"')


def build_all(corefile: str, root: Path) -> None:
    """Build all blocks in a folder with the files that examples need: those in ``tests/plugins/NAME/page``."""
    for needed in Path(__file__).parent.glob("*/page"):
        copytree(needed, root, dirs_exist_ok=True)
    for block in load_text(corefile, environ={}).blocks:
        World().build_source(block, root)


def mistakes(name: str, option: str, root: Path) -> str:
    """What is said about the directive with nothing but this bare option in its block."""
    zone, directive = PAGES[name].used()
    words = " ".join('"' + word.text.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in directive.args)
    try:
        build_all(f"{zone} {{\n {name} {words} {{\n  {option}\n }}\n}}\n", root)
    except ConfigErrors as errors:
        return str(errors)
    return ""


@pytest.mark.parametrize("corefile", EXAMPLES)
def test_every_example_can_be_built(corefile: str, tmp_path: Path) -> None:
    build_all(corefile, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_page_has_syntax_and_an_example_that_uses_the_directive(name: str) -> None:
    assert re.search(rf"^{name}\b", PAGES[name].syntax, re.MULTILINE)
    assert PAGES[name].used()


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_every_option_of_the_syntax_is_known_and_explained(name: str, option: str, tmp_path: Path) -> None:
    assert f"no option {option}" not in mistakes(name, option, tmp_path)
    assert f"`{option}" in PAGES[name].prose


@pytest.mark.parametrize("name", sorted({name for name, _ in OPTIONS}))
def test_an_option_that_is_not_on_the_page_is_refused(name: str, tmp_path: Path) -> None:
    assert "no option nonsense" in mistakes(name, "nonsense", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_on_the_page(name: str) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((PLUGINS / name).glob("*.py")))
    assert set(METRIC.findall(sources)) <= set(re.findall(r"coredns_\w+", PAGES[name].text))
