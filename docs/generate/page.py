"""The page of a directive, taken apart: ``resolver/plugins/NAME/README.md``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "resolver" / "plugins"
DIFFERENCES = "Differences from CoreDNS"

_FENCE = re.compile(r"^([ \t]*)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_WORD = re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9_-]*|\{\w+\}")
_ITEM = re.compile(r"^(?:\* .*?(?=^\S|\Z)|[^*\n].*?(?=^\n|^\* |\Z))", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """``text`` as it stands in the plugin's folder."""

    name: str
    text: str

    @cached_property
    def purpose(self) -> str:
        """The first sentence, without the directive's name in front and the full stop behind."""
        paragraph = " ".join(self.text.split("\n\n")[1].split())
        sentence = re.split(r"\.(?: (?=[A-Z*])|$)", paragraph)[0].removeprefix(f"*{self.name}* ")
        return sentence[:1].lower() + sentence[1:]

    @cached_property
    def options(self) -> tuple[str, ...]:
        """The first words of the lines within braces, in their order; words in capitals stand for something else."""
        found = (line.split()[0].strip("[]") for line in self._syntax_lines if line.startswith((" ", "\t")))
        return tuple(dict.fromkeys(word for word in found if re.match("[a-z]", word)))

    @cached_property
    def has_differences(self) -> bool:
        return bool(self._differences.strip())

    def takes(self, option: str) -> bool:
        """Whether the option's first word is in the syntax and the page names all the others."""
        return _words(option)[0] in self._in_syntax and self.names(option)

    def names(self, argument: str) -> bool:
        """Whether all words are in the syntax or marked as code or bold somewhere: ``tls://`` is in no syntax."""
        return self._in_syntax.union(self._in_prose).issuperset(_words(argument))

    def differs_in(self, entry: str) -> bool:
        """Whether the differences name the entry, with all its words in one mark."""
        wanted = set(_words(entry))
        return any(wanted <= set(_words(mark)) for mark in _marked(self._differences))

    def passages(self, entry: str) -> list[str]:
        """The list items and paragraphs, outside of fences, in which the entry is named."""
        wanted = set(_words(entry))
        passages: list[str] = _ITEM.findall(_FENCE.sub("", self.text))
        return [one for one in passages if any(wanted <= set(_words(mark)) for mark in _marked(one))]

    @cached_property
    def _syntax(self) -> str:
        return _section(self.text, "Syntax")

    @cached_property
    def _syntax_lines(self) -> list[str]:
        fences = (found.group().splitlines()[1:-1] for found in _FENCE.finditer(self._syntax) if not found.group(1))
        return [line for lines in fences for line in lines if _WORD.search(line)]

    @cached_property
    def _differences(self) -> str:
        return _section(self.text, DIFFERENCES)

    @cached_property
    def _in_syntax(self) -> set[str]:
        return {word for line in self._syntax_lines for word in _words(line)}

    @cached_property
    def _in_prose(self) -> set[str]:
        return {word for mark in _marked(_FENCE.sub("", self.text)) for word in _words(mark)}


def pages(plugins: Path = PLUGINS) -> dict[str, Page]:
    """The pages by directive; a folder without one is left out."""
    found = sorted(plugins.glob("*/README.md"))
    return {path.parent.name: Page(path.parent.name, path.read_text(encoding="utf-8")) for path in found}


def outside_of_code(text: str) -> Iterator[tuple[bool, str]]:
    """The text in pieces, each with whether it is prose: neither in a fence nor between backticks."""
    end = 0
    for found in re.finditer(_FENCE.pattern + r"|`[^`\n]+`", text, re.MULTILINE | re.DOTALL):
        yield True, text[end : found.start()]
        yield False, found.group()
        end = found.end()
    yield True, text[end:]


def _section(text: str, title: str) -> str:
    """What stands below a heading of the second level; headings of the third belong to it."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _marked(text: str) -> list[str]:
    """What is between backticks or in bold."""
    return [code or bold for code, bold in _MARKED.findall(text)]


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
