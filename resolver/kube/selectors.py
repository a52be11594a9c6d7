"""Kubernetes label selectors: ``app in (web,shop),tier!=test,!canary``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from resolver.errors import KubeError

_TOKEN = re.compile(r"\s*(?:(?P<mark>==|!=|=|!|,|\(|\))|(?P<word>[^\s=!,()<>]+)|(?P<wrong>\S))")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
MAX_TEXT = 65_536


class Requirement(NamedTuple):
    """A label with one of ``values`` (any, where there are none) that must be there, or must not (``wanted``)."""

    key: str
    wanted: bool
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels are as required. ``!=`` and ``notin`` also hold where the label is missing."""
        value = labels.get(self.key)
        found = value is not None and (not self.values or value in self.values)
        return found is self.wanted

    def __str__(self) -> str:
        if not self.values:
            return self.key if self.wanted else f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.wanted else '!='}{self.values[0]}"
        return f"{self.key} {'in' if self.wanted else 'notin'} ({','.join(self.values)})"


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold; without any, everything matches. ``str()`` is the canonical text for the API."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


def parse_selector(text: str) -> Selector:
    """The selector that is written so. Raises KubeError with what is wrong; empty text selects everything."""
    if len(text) > MAX_TEXT:
        raise KubeError(f"a label selector has at most {MAX_TEXT} characters")
    reader = _Reader(text)
    if not reader.next:
        return Selector()
    found = {_requirement(reader)}
    while reader.next:
        reader.expect(",")
        found.add(_requirement(reader))
    return Selector(tuple(sorted(found)))


class _Reader:
    """The tokens of a selector, one ahead; ``next`` is empty at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = self._split()
        self.next = next(self._tokens, "")

    def _split(self) -> Iterator[str]:
        for found in _TOKEN.finditer(self.text):
            if found["wrong"]:
                raise self.error(f"{found['wrong']!r} has no meaning here")
            yield found["mark"] or found["word"]

    def take(self) -> str:
        """The next token; empty at the end."""
        token, self.next = self.next, next(self._tokens, "")
        return token

    def expect(self, mark: str) -> None:
        """Take this mark. Raises KubeError when something else stands there."""
        token = self.take()
        if token != mark:
            raise self.error(f"{mark!r} is missing before {token!r}" if token else f"{mark!r} is missing at the end")

    def error(self, reason: str) -> KubeError:
        """What to raise."""
        return KubeError(f"label selector {self.text!r}: {reason}")


def _requirement(reader: _Reader) -> Requirement:
    if reader.next == "!":
        reader.take()
        return Requirement(_key(reader), wanted=False)
    key = _key(reader)
    match reader.next:
        case "=" | "==":
            reader.take()
            return Requirement(key, wanted=True, values=(_single_value(reader),))
        case "!=":
            reader.take()
            return Requirement(key, wanted=False, values=(_single_value(reader),))
        case "in" | "notin" as operator:
            reader.take()
            return Requirement(key, wanted=operator == "in", values=_value_set(reader))
        case "" | ",":
            return Requirement(key, wanted=True)
    raise reader.error(f"{reader.next!r} is no operator: =, ==, !=, in and notin are")


def _key(reader: _Reader) -> str:
    key = reader.take()
    prefix, slash, name = key.rpartition("/")
    right_prefix = not slash or (len(prefix) <= 253 and _DOMAIN.fullmatch(prefix))
    if not (right_prefix and _NAME.fullmatch(name)):
        raise reader.error(f"{key!r} is no label name" if key else "a label name is missing")
    return key


def _single_value(reader: _Reader) -> str:
    """A value may be empty: ``app=`` asks for the label with an empty value."""
    return "" if reader.next in ("", ",") else _value(reader)


def _value_set(reader: _Reader) -> tuple[str, ...]:
    reader.expect("(")
    values = {_set_value(reader)}
    while reader.next == ",":
        reader.take()
        values.add(_set_value(reader))
    reader.expect(")")
    return tuple(sorted(values))


def _set_value(reader: _Reader) -> str:
    return "" if reader.next in (",", ")") else _value(reader)


def _value(reader: _Reader) -> str:
    value = reader.take()
    if not _NAME.fullmatch(value):
        raise reader.error(f"{value!r} is no label value")
    return value
