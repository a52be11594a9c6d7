"""Configuration files that exist only in a test, and short ways to read them."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from resolver.config.load import load, load_text
from resolver.config.model import Config, Directive, Word
from resolver.errors import ConfigError, ConfigErrors, Place


@dataclass
class MemoryFiles:
    """A directory as a dict; directories are just part of a name."""

    contents: dict[str, str | bytes] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        if path not in self.contents:
            raise FileNotFoundError(2, "No such file or directory", path)
        content = self.contents[path]
        return content.encode() if isinstance(content, str) else content

    def match(self, pattern: str) -> list[str]:
        return sorted(path for path in self.contents if fnmatch.fnmatchcase(path, pattern))


def word(text: str, *, quoted: bool = False) -> Word:
    return Word(text, Place("Corefile", 1, 1), quoted, len(text))


def config_of(files: Mapping[str, str | bytes], name: str = "Corefile", **environ: str) -> Config:
    return load(name, environ=environ, files=MemoryFiles(dict(files)))


def blocks_of(text: str, name: str = "Corefile", **environ: str) -> list[tuple[list[str], list[Any]]]:
    """Keys and directives of every block, as plain lists: see ``plain``."""
    config = load_text(text, name=name, environ=environ, files=MemoryFiles())
    return [([key.text for key in block.keys], plain(block.directives)) for block in config.blocks]


def plain(directives: tuple[Directive, ...]) -> list[Any]:
    """``["cache", "30"]`` for a line, ``["hosts", [..lines..]]`` for one with a block."""
    return [
        [one.name.text, *(arg.text for arg in one.args), *([] if one.block is None else [plain(one.block)])]
        for one in directives
    ]


def directive(text: str) -> Directive:
    """The first directive of a server block."""
    return load_text(f". {{\n{text}\n}}\n", environ={}, files=MemoryFiles()).blocks[0].directives[0]


def mistakes(read: Callable[[], object]) -> list[str]:
    """What is wrong, one string ``line:column: message (hint)`` for each mistake."""
    try:
        read()
    except ConfigErrors as errors:
        return [_without_file(error) for error in errors.errors]
    except ConfigError as error:
        return [_without_file(error)]
    raise AssertionError("nothing was found wrong")


def mistakes_in(text: str, name: str = "Corefile", **environ: str) -> list[str]:
    return mistakes(lambda: load_text(text, name=name, environ=environ, files=MemoryFiles()))


def _without_file(error: ConfigError) -> str:
    shown = str(error)
    return shown.removeprefix(f"{error.at.file}:") if error.at else shown
