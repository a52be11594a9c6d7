"""The one model behind both syntaxes: server blocks, directives and words that know their place.

A configuration is pickled for workers. Words and directives, of which there may be a hundred thousand, say themselves
how; the way that dataclasses have takes twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from resolver.errors import ConfigError, Place


@dataclass(frozen=True, slots=True)
class Word:
    """One argument as the user meant it (quotes and escapes resolved, environment filled in).

    ``width`` is its length in the source in characters, 0 for that of the text; ``note`` is the
    likely reason of any mistake in the word, such as a variable that was not set.
    """

    text: str
    at: Place
    quoted: bool = False
    width: int = 0
    note: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return Word, (self.text, self.at, self.quoted, self.width, self.note)

    def error(self, message: str, hint: str = "") -> ConfigError:
        """A mistake that lies in this word, ready to be raised."""
        error = ConfigError(message, self.at, length=max(1, self.width or len(self.text)), hint=self.note or hint)
        error.absent = bool(self.note)
        return error


Written: TypeAlias = tuple[tuple[str, ...], tuple["Written", ...]]


@dataclass(frozen=True, slots=True)
class Directive:
    """A line of a server block, or of a directive's own block: a name, arguments, perhaps a block.

    ``block`` is None where there were no braces and empty where they held nothing.
    """

    name: Word
    args: tuple[Word, ...] = ()
    block: tuple[Directive, ...] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Directive, (self.name, self.args, self.block)

    @property
    def options(self) -> tuple[Directive, ...]:
        """The lines of the block, empty without one."""
        return self.block or ()

    @property
    def written(self) -> Written:
        """The words of the line and of those in its block, without their places: equal where the meaning is."""
        return (self.name.text, *[word.text for word in self.args]), tuple([line.written for line in self.options])

    def error(self, message: str, hint: str = "") -> ConfigError:
        """A mistake of the line as a whole, placed at its name."""
        return self.name.error(message, hint)


@dataclass(frozen=True, slots=True)
class ServerBlock:
    """The keys of a server block as written (``example.org:53``), and its directives in file order."""

    keys: tuple[Word, ...]
    directives: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class Glob:
    """A file pattern that was imported, and the files that it matched, sorted."""

    pattern: str
    matches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration with imports, snippets and environment filled in.

    ``files`` are the paths that were read, the main file first; together with ``globs`` they are what a reload has
    to watch (see ``load.digest_now``). ``digest`` is the SHA-512 of their contents in hexadecimal, the same for the
    same contents, and that of the file alone where nothing is imported.
    """

    blocks: tuple[ServerBlock, ...]
    files: tuple[str, ...] = field(default=())
    digest: str = ""
    globs: tuple[Glob, ...] = field(default=())
