"""From syntax trees to the model: imports, snippets, import arguments and environment are filled in here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from resolver.config.files import MAX_FILE, MAX_MATCHES, Files
from resolver.config.fill import fill
from resolver.config.model import Config, Directive, Glob, ServerBlock, Word
from resolver.config.problems import Problems
from resolver.config.syntax import BYTE_ORDER_MARK, Block, Comment, Line, Node, Snippet, Tree, snippets, split_keys
from resolver.errors import ConfigError, ConfigErrors, Place

MAX_TOTAL = 16 * 1024 * 1024
MAX_IMPORTS = 50_000
MAX_IMPORT_DEPTH = 64
MAX_WORDS = 1_000_000


class _LimitReached(Exception):
    """The end of reading. A mistake in one place is passed over; this is not, or the limit would limit nothing."""

    def __init__(self, error: ConfigError) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True, slots=True)
class Syntax:
    """How text becomes syntax trees: a whole file, or the lines of a block that stand in a file of their own."""

    file: Callable[[str, str, Problems], Tree]
    lines: Callable[[str, str, Problems], tuple[Node, ...]]


@dataclass(frozen=True, slots=True)
class Scope:
    """What surrounds a line: the imports that led to it, outermost first, and the arguments of the innermost."""

    chain: tuple[str, ...] = ()
    args: tuple[Word, ...] | None = None
    call: Word | None = None


@dataclass(slots=True)
class Expander:
    """One reading of a configuration. Mistakes are noted in ``problems``; ``config`` raises them all."""

    files: Files
    environ: Mapping[str, str]
    syntax_of: Callable[[str], Syntax]
    problems: Problems = field(default_factory=Problems)
    _snippets: dict[str, Snippet] = field(default_factory=dict)
    _contents: dict[str, bytes] = field(default_factory=dict)
    _globs: dict[str, Glob] = field(default_factory=dict)
    _imports: int = 0
    _words: int = 0
    _size: int = 0

    def config(self, file: str, content: bytes, *, on_disk: bool = True) -> Config:
        """The configuration of a main file, or of a text under that name. Raises ConfigErrors."""
        blocks: list[ServerBlock] = []
        try:
            text = self._text(file, content, None)
            self._tree(self.syntax_of(file).file(text, file, self.problems), Scope((file,)), blocks)
        except _LimitReached as limit:
            self.problems.add(limit.error)
        except (ConfigError, ConfigErrors) as error:
            self.problems.add(error)
        self.problems.raise_any()
        if not on_disk:
            del self._contents[file]
        globs = tuple(self._globs.values())
        return Config(tuple(blocks), tuple(self._contents), digest(self._contents, globs), globs)

    # --- the top of a file

    def _tree(self, tree: Tree, scope: Scope, blocks: list[ServerBlock]) -> None:
        self._declare(snippets(tree), scope)
        for item in tree:
            if isinstance(item, Block):
                self._block(item.keys, item.body, scope, blocks)
            elif isinstance(item, Line):
                with self.problems:
                    self._import_blocks(item, scope, blocks)

    def _declare(self, found: Iterable[Snippet], scope: Scope) -> None:
        for snippet in found:
            name = fill(snippet.name, self.environ, None)[0]
            known = self._snippets.setdefault(name.text, snippet)
            if known.name.at != snippet.name.at:
                message = f"snippet {name.text} is already defined at {known.name.at}"
                self.problems.add(snippet.name.error(message))

    def _block(self, keys: Sequence[Word], body: Sequence[Node], scope: Scope, blocks: list[ServerBlock]) -> None:
        filled = [word for key in keys for word in self._fill(key, scope)]
        named = tuple(word for word in filled if word.text or word.quoted)
        if filled and not named:
            self.problems.add(filled[0].error("a server block needs a zone"))
        blocks.append(ServerBlock(named, self._directives(body, scope)))

    def _import_blocks(self, line: Line, scope: Scope, blocks: list[ServerBlock]) -> None:
        target, inner = self._enter(line, scope)
        snippet = self._snippets.get(target.text)
        if snippet is not None:
            self._lines_as_blocks(snippet.body, inner(f"({target.text})", target), blocks)
            return
        for path in self._paths(target):
            deeper = inner(path, target)
            tree = self.syntax_of(path).file(self._read(path, target), path, self.problems)
            self._tree(tree, deeper, blocks)

    def _lines_as_blocks(self, lines: Iterable[Node], scope: Scope, blocks: list[ServerBlock]) -> None:
        """The lines of a snippet that is imported at the top are server blocks."""
        for line in lines:
            if isinstance(line, Comment):
                continue
            with self.problems:
                if line.name.text == "import":
                    self._import_blocks(line, scope, blocks)
                elif line.block is None:
                    raise line.name.error(f"{line.name.text} stands outside of a server block")
                else:
                    self._block(_keys(line), line.block, scope, blocks)

    # --- lines of a block

    def _directives(self, body: Iterable[Node], scope: Scope) -> tuple[Directive, ...]:
        directives: list[Directive] = []
        for line in body:
            if isinstance(line, Line):
                with self.problems:
                    directives += self._line(line, scope)
        return tuple(directives)

    def _line(self, line: Line, scope: Scope) -> tuple[Directive, ...]:
        if line.name.text == "import":
            return self._import_lines(line, scope)
        words = [word for written in line.words for word in self._fill(written, scope)]
        if not words or not words[0].text:
            culprit = words[0] if words else line.name
            raise culprit.error("a line must begin with the name of a directive or option")
        block = None if line.block is None else self._directives(line.block, scope)
        return (Directive(words[0], tuple(words[1:]), block),)

    def _import_lines(self, line: Line, scope: Scope) -> tuple[Directive, ...]:
        target, inner = self._enter(line, scope)
        snippet = self._snippets.get(target.text)
        if snippet is not None:
            return self._directives(snippet.body, inner(f"({target.text})", target))
        found: list[Directive] = []
        for path in self._paths(target):
            deeper = inner(path, target)
            nodes = self.syntax_of(path).lines(self._read(path, target), path, self.problems)
            found += self._directives(nodes, deeper)
        return tuple(found)

    # --- imported snippets and files

    def _enter(self, line: Line, scope: Scope) -> tuple[Word, Callable[[str, Word], Scope]]:
        """The target of an import, and what makes the scope for what it brings."""
        if len(line.words) < 2:
            raise line.name.error("import needs the name of a snippet, a file or a file pattern")
        self._imports += 1
        if self._imports > MAX_IMPORTS:
            raise _LimitReached(line.name.error(f"the configuration has more than {MAX_IMPORTS} imports"))
        words = [word for written in line.words[1:] for word in self._fill(written, scope)]
        if not words or not words[0].text:
            raise line.words[1].error("import needs the name of a snippet, a file or a file pattern")
        args = tuple(words[1:])

        def inner(name: str, at: Word) -> Scope:
            if name in scope.chain:
                chain = " -> ".join((*scope.chain[scope.chain.index(name) :], name))
                raise at.error(f"import goes round in a circle: {chain}")
            if len(scope.chain) >= MAX_IMPORT_DEPTH:
                raise at.error(f"imports stand more than {MAX_IMPORT_DEPTH} deep in each other")
            return Scope((*scope.chain, name), args, at)

        return words[0], inner

    def _paths(self, target: Word) -> tuple[str, ...]:
        """The files that an import names, seen from the file in which it stands."""
        path = str(PurePath(target.at.file).parent / target.text)
        if not any(wildcard in target.text for wildcard in "*?["):
            return (path,)
        if sum(any(wildcard in part for wildcard in "*?[") for part in PurePath(target.text).parts) > 1:
            raise target.error("only one part of a file pattern may have wildcards")
        known = self._globs.get(path)
        if known is None:
            known = self._globs[path] = Glob(path, tuple(self.files.match(path)))
        if len(known.matches) > MAX_MATCHES:
            raise target.error(f"pattern matches more than {MAX_MATCHES} files")
        return known.matches

    def _read(self, path: str, target: Word) -> str:
        content = self._contents.get(path)
        if content is None:
            try:
                content = self.files.read(path)
            except OSError as error:
                hint = "there is no snippet of this name either" if isinstance(error, FileNotFoundError) else ""
                raise target.error(f"cannot import {path}: {error.strerror or error}", hint) from None
        return self._text(path, content, target)

    def _text(self, path: str, content: bytes, target: Word | None) -> str:
        self._contents[path] = content
        at = target.at if target else Place(path, 1)
        if len(content) > MAX_FILE:
            raise ConfigError(f"{path} is larger than {MAX_FILE // 1024} KiB", at)
        self._grow(len(content), at)
        try:
            return content.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8")) + 1
            raise ConfigError("the file is not UTF-8 text", Place(path, line, column)) from None

    def _fill(self, word: Word, scope: Scope) -> tuple[Word, ...]:
        filled = fill(word, self.environ, scope.args, scope.call)
        self._words += max(1, len(filled))
        if self._words > MAX_WORDS:
            raise _LimitReached(word.error(f"the configuration has more than {MAX_WORDS} words"))
        if filled[:1] != (word,):
            self._grow(sum(len(one.text) for one in filled), word.at)
        return filled

    def _grow(self, size: int, at: Place) -> None:
        """Count the octets of files and the characters that are filled in."""
        self._size += size
        if self._size > MAX_TOTAL:
            whole = f"the configuration is larger than {MAX_TOTAL // 1024 // 1024} MiB in all"
            raise _LimitReached(ConfigError(whole, at))


def _keys(line: Line) -> list[Word]:
    """The zones of a server block that was read as a line, because it stands in a snippet."""
    keys: list[Word] = []
    if split_keys(line.words, keys):
        raise line.words[-1].error("a zone must follow the comma", "or take the comma away")
    return keys


def digest(contents: Mapping[str, bytes], globs: Iterable[Glob]) -> str:
    """SHA-512 in hexadecimal over the main file, then path and contents of every other, then what patterns matched."""
    whole = hashlib.sha512()
    for number, (path, content) in enumerate(contents.items()):
        if number:
            whole.update(b"\0" + path.encode("utf-8", "surrogateescape") + b"\0")
        whole.update(content)
    for one in globs:
        whole.update("\0".join(("", one.pattern, *one.matches)).encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
