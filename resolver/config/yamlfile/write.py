"""The syntax tree as the text of a YAML file, by the rules in the docstring of this package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from resolver.config.corefile.write import word_text, words_text, write_lines
from resolver.config.model import Word
from resolver.config.syntax import Block, Comment, Item, Line, Node, Snippet, Tree
from resolver.config.yamlfile.scalars import comment_text, scalar
from resolver.errors import ConfigError

# YAML ends a key that stands before its colon at 1,024 characters.
_LONG_KEY = 900
_FLOW_WIDTH = 100
_OPTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def write(tree: Tree) -> str:
    """The text. Raises ConfigError for a word that no Corefile, and so no line of ours, can hold."""
    groups = list(_grouped(tree))
    if _is_mapping(groups):
        lines = [line for group in groups for line in _group(group, "", 0)]
    else:
        lines = [line for group in groups for line in _group(group, "- ", 2)]
    return "".join(line + "\n" for line in _apart(lines))


def _apart(lines: list[str]) -> Iterator[str]:
    """The lines with an empty one before each key at the top, or before the comments above it."""
    open_comment = True
    for line in lines:
        top = line[:1] != " "
        if top and not open_comment:
            yield ""
        open_comment = line.startswith("#")
        yield line


# --- the top of a file: runs of imports and of snippets share a key


def _grouped(tree: Tree) -> Iterator[list[Item]]:
    """Runs of imports and of snippets, with the comments between them; all else alone."""
    run: list[Item] = []
    comments: list[Item] = []
    for item in tree:
        if isinstance(item, Comment):
            comments.append(item)
            continue
        if _may_join(run, item):
            run += [*comments, item]
        else:
            yield from _flushed(run, comments)
            run = [item]
        comments = []
    yield from _flushed(run, comments)


def _may_join(run: list[Item], item: Item) -> bool:
    if isinstance(item, Snippet):
        names = {one.name.text if isinstance(one, Snippet) else None for one in run}
        return bool(run) and isinstance(run[0], Snippet) and item.name.text not in names
    return bool(run) and isinstance(run[0], Line) and isinstance(item, Line)


def _flushed(run: list[Item], comments: list[Item]) -> Iterator[list[Item]]:
    if run:
        yield run
    yield from ([comment] for comment in comments)


def _is_mapping(groups: list[list[Item]]) -> bool:
    """Whether all keys at the top differ, so that no list is needed."""
    keys = [_top_key(group[0]) for group in groups if not isinstance(group[0], Comment)]
    return len(set(keys)) == len(keys)


def _top_key(item: Item) -> str:
    if isinstance(item, Block):
        keys = words_text(item.keys)
        return f'"{keys}"' if keys == "snippets" else keys  # the quotes make it a zone
    return "snippets" if isinstance(item, Snippet) else "import"


def _group(group: list[Item], dash: str, indent: int) -> Iterator[str]:
    first = group[0]
    match first:
        case Comment():
            yield f"#{comment_text(first.text)}"
        case Block():
            yield from _entry(dash, indent, _block_key(first), first.body, first.comment)
        case Snippet():
            yield f"{dash}snippets:"
            yield from _snippets(group, indent + 2)
        case Line():
            yield from _imports(group, dash, indent)


def _block_key(block: Block) -> str:
    """Quotes around a colon that is none of YAML's help the eye."""
    text = _top_key(block)
    return f'"{text}"' if ":" in text and scalar(text) == text else scalar(text)


def _snippets(group: Sequence[Item], indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in group:
        if isinstance(item, Comment):
            yield f"{pad}#{comment_text(item.text)}"
        elif isinstance(item, Snippet):
            yield from _entry(pad, indent, scalar(word_text(item.name)), item.body, item.comment)


def _imports(group: Sequence[Item], dash: str, indent: int) -> Iterator[str]:
    pad = " " * (indent + 2)
    if len(group) > 1:
        yield f"{dash}import:"
    for item in group:
        if isinstance(item, Comment):
            yield f"{pad}#{comment_text(item.text)}"
        elif isinstance(item, Line):
            head = f"{dash}import:" if len(group) == 1 else f"{pad}-"
            yield f"{head} {scalar(words_text(item.words[1:]))}{_tail(item.comment)}"


def _entry(prefix: str, indent: int, key: str, body: Sequence[Node], comment: str | None) -> Iterator[str]:
    """A key with lines below it, as a list."""
    if not any(isinstance(node, Line) for node in body):
        yield _key(prefix, indent, key, " []", comment)
        yield from _comments(body, indent + 2)
        return
    yield _key(prefix, indent, key, "", comment)
    yield from _list(body, indent + 2, of_directives=True)


# --- lines


def _list(nodes: Sequence[Node], indent: int, *, of_directives: bool) -> Iterator[str]:
    """The lines of a server block or snippet, or those of a directive's block, as a list."""
    pad = " " * indent
    for node in nodes:
        if isinstance(node, Comment):
            yield f"{pad}#{comment_text(node.text)}"
        elif node.block is None:
            yield f"{pad}- {scalar(words_text(node.words))}{_tail(node.comment)}"
        else:
            yield from _with_block(f"{pad}- ", indent + 2, node, node.block, lists=of_directives)


def _mapping(nodes: Sequence[Node], indent: int) -> Iterator[str]:
    """The lines of a block as a mapping; their names are known to differ."""
    pad = " " * indent
    for node in nodes:
        if isinstance(node, Comment):
            yield f"{pad}#{comment_text(node.text)}"
        elif node.block is None:
            arguments = _arguments(node.words[1:], flow=False)
            yield _key(pad, indent, scalar(word_text(node.name)), arguments and f" {arguments}", node.comment)
        else:
            yield from _with_block(pad, indent, node, node.block, lists=False)


def _with_block(prefix: str, indent: int, line: Line, block: Sequence[Node], *, lists: bool) -> Iterator[str]:
    """A line with a block: as a mapping where it can be one, else as a list, or below an option as Corefile text."""
    key = scalar(words_text(line.words))
    if not any(isinstance(node, Line) for node in block):
        yield _key(prefix, indent, key, " {}", line.comment)
        yield from _comments(block, indent + 2)
    elif _can_be_mapping(block):
        flow = _flow(block)
        if flow is not None and len(prefix) + len(key) + len(flow) + 2 <= _FLOW_WIDTH:
            yield _key(prefix, indent, key, f" {flow}", line.comment)
        else:
            yield _key(prefix, indent, key, "", line.comment)
            yield from _mapping(block, indent + 2)
    elif lists:
        yield _key(prefix, indent, key, "", line.comment)
        yield from _list(block, indent + 2, of_directives=False)
    else:
        yield from _literal(prefix, indent, key, block, line.comment)


def _can_be_mapping(block: Sequence[Node]) -> bool:
    """Names must differ; a list reads better where they are addresses, patterns and the like."""
    names = [node.name.text for node in block if isinstance(node, Line)]
    return len(set(names)) == len(names) and all(_OPTION_NAME.fullmatch(name) for name in names)


def _flow(block: Sequence[Node]) -> str | None:
    """The block between braces on one line, where it has neither comments nor blocks."""
    pairs = []
    for node in block:
        if isinstance(node, Comment) or node.block is not None or node.comment is not None:
            return None
        arguments = _arguments(node.words[1:], flow=True)
        pairs.append(f"{scalar(word_text(node.name), flow=True)}: {arguments}")
    return "{" + ", ".join(pairs) + "}"


def _arguments(words: Sequence[Word], *, flow: bool) -> str:
    """The value of an option: nothing, its one argument, or a list of them."""
    if not words:
        return ""
    if len(words) == 1:
        return scalar(word_text(words[0]), flow=flow)
    return "[" + ", ".join(scalar(word_text(word), flow=True) for word in words) + "]"


def _literal(prefix: str, indent: int, key: str, block: Sequence[Node], comment: str | None) -> Iterator[str]:
    """As Corefile text after ``|``. What stands in quotes over several lines is indented there like the rest."""
    if comment is not None:
        yield f"{' ' * (len(prefix) - len(prefix.lstrip()))}#{comment_text(comment)}"
    yield _key(prefix, indent, key, " |", None)
    pad = "\n" + " " * (indent + 2)
    for line in write_lines(block):
        if not all(char.isprintable() or char in "\n\t" for char in line):
            raise ConfigError("YAML cannot hold the control characters of this block", block[0].at)
        yield pad[1:] + line.replace("\n", pad)


def _key(prefix: str, indent: int, key: str, value: str, comment: str | None) -> str:
    if len(key) <= _LONG_KEY:
        return f"{prefix}{key}:{value}{_tail(comment)}"
    return f"{prefix}? {key}{_tail(comment)}\n{' ' * indent}:{value}"


def _comments(nodes: Sequence[Node], indent: int) -> Iterator[str]:
    return (f"{' ' * indent}#{comment_text(node.text)}" for node in nodes if isinstance(node, Comment))


def _tail(comment: str | None) -> str:
    return "" if comment is None else f" #{comment_text(comment)}"
