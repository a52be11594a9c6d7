"""YAML text as a graph of nodes that know their place: never objects, never deeper or larger than the limits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from resolver.errors import ConfigError, Place

MAX_DEPTH = 40
MAX_NODES = 300_000

# libyaml where PyYAML was built with it: twenty times as fast.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """A text whose first character has the index ``start``; ``verbatim`` says that it stands in the source as it is."""

    value: str
    at: Place
    start: int
    width: int
    style: str = ""
    verbatim: bool = False

    @property
    def is_null(self) -> bool:
        """Whether it is nothing: an empty value, ``~`` or ``null`` without quotes."""
        return not self.style and self.value in ("", "~", "null")


@dataclass(slots=True)
class Sequence:
    """A list."""

    at: Place
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Pairs in file order. Keys are scalars, all of them different."""

    at: Place
    pairs: list[tuple[Scalar, Node]] = field(default_factory=list)


Node: TypeAlias = Scalar | Sequence | Mapping


class Source:
    """Text whose lines are counted as everywhere here: at line feeds."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._starts = [0]
        position = text.find("\n")
        while position >= 0:
            self._starts.append(position + 1)
            position = text.find("\n", position + 1)

    def place(self, index: int) -> Place:
        """Line and column of a character by its index."""
        line = bisect_right(self._starts, index)
        return Place(self.file, line, index - self._starts[line - 1] + 1)

    def indent(self, at: Place) -> int:
        """The column in which the line of a place begins."""
        start = self._starts[at.line - 1]
        line = self.text[start : self.line_end(start)]
        return len(line) - len(line.lstrip()) + 1

    def line_end(self, index: int) -> int:
        """The index of the line feed, or the end of the text, that ends the line of a character."""
        end = self.text.find("\n", index)
        return len(self.text) if end < 0 else end


def compose(source: Source) -> Node | None:
    """The only document of a text; None where there is none. Raises ConfigError."""
    if source.text.startswith("%") or "\n%" in source.text:
        index = 0 if source.text.startswith("%") else source.text.index("\n%") + 1
        raise ConfigError("YAML directives are not read here", source.place(index))
    try:
        return _Composer(source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = source.place(min(mark.index, len(source.text))) if mark else Place(source.file, 1)
        raise ConfigError(f"this is not YAML: {error.problem or error.context}", at) from None
    except yaml.reader.ReaderError as error:
        raise ConfigError(f"this is not YAML: {error.reason}", Place(source.file, 1)) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise ConfigError(f"this is not YAML: {error}", Place(source.file, 1)) from None


class _Composer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: Iterator[Any] = iter(yaml.parse(source.text, Loader=LOADER))
        self.anchors: dict[str, Node] = {}
        self.count = 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._error("a configuration is one YAML document", event)
                root = self._node(next(self.events), 0)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        self.count += 1
        if depth > MAX_DEPTH:
            raise self._error(f"YAML is more than {MAX_DEPTH} levels deep", event)
        if self.count > MAX_NODES:
            raise self._error(f"the file has more than {MAX_NODES} YAML nodes", event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None and event.tag != "!":
            raise self._error("YAML tags are not read here", event)
        node = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else self._collection(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            raise self._error(f"alias {event.anchor} has no anchor above it", event)
        return node

    def _collection(self, event: Any, depth: int) -> Node:
        at = self.source.place(event.start_mark.index)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(following := next(self.events), yaml.SequenceEndEvent):
                items.append(self._node(following, depth + 1))
            return Sequence(at, items)
        pairs: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(following := next(self.events), yaml.MappingEndEvent):
            key = self._key(following, depth + 1)
            known = pairs.get(key.value)
            if known is not None:
                message = f"key {key.value} is already given in line {known[0].at.line}"
                raise ConfigError(message, key.at, length=max(1, key.width), hint="use a list to give it twice")
            pairs[key.value] = key, self._node(next(self.events), depth + 1)
        return Mapping(at, list(pairs.values()))

    def _key(self, event: Any, depth: int) -> Scalar:
        key = self._node(event, depth)
        if not isinstance(key, Scalar):
            raise self._error("a key must be a text", event)
        if key.value == "<<" and not key.style:
            raise ConfigError("YAML merge keys are not read here", key.at, length=2, hint="use a snippet and import it")
        return key

    def _scalar(self, event: Any) -> Scalar:
        text = self.source.text
        start, end = event.start_mark.index, event.end_mark.index
        if event.anchor is not None:
            behind = text[start + 1 + len(event.anchor) : end]
            start = end - len(behind.lstrip())
        style = event.style or ""
        at = self.source.place(start)
        width = max(1, min(end, self.source.line_end(start)) - start)
        if style in ("'", '"') and text[start + 1 : end - 1] == event.value and "\n" not in event.value:
            return Scalar(event.value, at, start + 1, width, style, verbatim=True)
        verbatim = not style and text[start:end] == event.value and "\n" not in event.value
        return Scalar(event.value, at, start, width, style, verbatim)

    def _error(self, message: str, event: Any) -> ConfigError:
        return ConfigError(message, self.source.place(event.start_mark.index))
