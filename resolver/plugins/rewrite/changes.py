"""How a name becomes another one: what rules do to questions, and to the names in answers on the way back."""

from __future__ import annotations

import re
from typing import Final, Protocol

from resolver.config.pattern import Pattern
from resolver.plugins.rewrite.names import joined, label_before, octets_of, shown, wire_or_none, with_label
from resolver.wire.names import ROOT, from_text, is_below

_GROUP = re.compile(r"\{(0|[1-9][0-9]{0,2})\}")


class Subject:
    """A name that rules are tried on: the lower-case wire name, and its text when a rule asks for it."""

    __slots__ = ("_text", "name")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The presentation form with a final dot."""
        if self._text is None:
            self._text = shown(self.name)
        return self._text


class Change(Protocol):
    """A change of names that it applies to."""

    def of(self, subject: Subject) -> bytes | None:
        """The new lower-case wire name, None where the change does not apply. Raises WireError for what is no name."""


class Match(Change, Protocol):
    """A change together with the condition under which it applies."""

    def holds(self, subject: Subject) -> bool:
        """Whether the name meets it."""


# --- on the wire


class Exactly:
    """One name for another. A new one that is no name fails when it is needed, as the field does."""

    __slots__ = ("_new", "_text", "name")

    def __init__(self, name: bytes, text: str = "") -> None:
        self.name = name
        self._text = text
        self._new = wire_or_none(text)

    def holds(self, subject: Subject) -> bool:
        return subject.name == self.name

    def of(self, subject: Subject) -> bytes | None:
        if subject.name != self.name:
            return None
        return from_text(self._text) if self._new is None else self._new


class Starting:
    """Labels at the start of a name (without the root) for others."""

    __slots__ = ("_new", "labels")

    def __init__(self, labels: bytes, new: bytes = b"") -> None:
        self.labels = labels
        self._new = new

    def holds(self, subject: Subject) -> bool:
        return subject.name.startswith(self.labels)

    def of(self, subject: Subject) -> bytes | None:
        if not subject.name.startswith(self.labels):
            return None
        return joined(self._new, subject.name[len(self.labels) :])


class Ending:
    """Whole labels at the end of a name, with at least one before them, for others."""

    __slots__ = ("_new", "octets")

    def __init__(self, octets: bytes, new: bytes = ROOT) -> None:
        self.octets = octets
        self._new = new

    def holds(self, subject: Subject) -> bool:
        name = subject.name
        return name.endswith(self.octets) and label_before(name, len(name) - len(self.octets)) >= 0

    def of(self, subject: Subject) -> bytes | None:
        if not self.holds(subject):
            return None
        return joined(subject.name[: -len(self.octets)], self._new)


class EndingWithin:
    """The end of a name that may begin within a label: ``example.org.`` is also the end of ``my-example.org.``."""

    __slots__ = ("_new_behind", "_new_part", "_part", "behind", "octets")

    def __init__(self, part: bytes, behind: bytes, new_part: bytes = b"x", new_behind: bytes = ROOT) -> None:
        self._part = part
        self.behind = behind
        self.octets = part + behind
        self._new_part = new_part
        self._new_behind = new_behind

    def holds(self, subject: Subject) -> bool:
        return self._label(subject.name) >= 0

    def of(self, subject: Subject) -> bytes | None:
        name = subject.name
        start = self._label(name)
        if start < 0:
            return None
        kept = name[start + 1 : len(name) - len(self.octets)]
        return with_label(name[:start], kept + self._new_part, self._new_behind)

    def _label(self, name: bytes) -> int:
        """Where the label starts that the part is the end of, -1 where the name does not end so."""
        if not name.endswith(self.octets):
            return -1
        start = label_before(name, len(name) - len(self.behind))
        return start if start >= 0 and name[start] >= len(self._part) else -1


# --- in text


class Textual:
    """The same on the presentation form, for what octets cannot tell."""

    __slots__ = ("_kind", "_new", "_text")

    def __init__(self, kind: str, text: str, new: str = "") -> None:
        self._kind = kind
        self._text = text
        self._new = new

    def holds(self, subject: Subject) -> bool:
        match self._kind:
            case "prefix":
                return subject.text.startswith(self._text)
            case "suffix":
                return subject.text.endswith(self._text)
            case "substring":
                return self._text in subject.text
        return subject.text == self._text

    def of(self, subject: Subject) -> bytes | None:
        if not self.holds(subject):
            return None
        text, old, new = subject.text, self._text, self._new
        match self._kind:
            case "prefix":
                return from_text(new + text[len(old) :])
            case "suffix":
                return from_text(text[: len(text) - len(old)] + new)
            case "substring":
                return from_text(text.replace(old, new))
        return from_text(new)


class Matching:
    """A regular expression, and a name with ``{1}`` for its first group; ``{0}`` is all that was found."""

    __slots__ = ("_parts", "pattern")

    def __init__(self, pattern: Pattern, new: str = "") -> None:
        self.pattern = pattern
        parts: list[str | int] = []
        for at, part in enumerate(_GROUP.split(new)):
            if not at % 2:
                parts.append(part)
            elif int(part) <= pattern.count:
                parts.append(int(part))
            else:
                parts.append(f"{{{part}}}")
        self._parts = [part for part in parts if part != ""]

    def holds(self, subject: Subject) -> bool:
        return self.pattern.found(subject.text)

    def of(self, subject: Subject) -> bytes | None:
        groups = self.pattern.groups(subject.text)
        if groups is None:
            return None
        return from_text("".join([part if isinstance(part, str) else groups[part] for part in self._parts]).lower())


# --- on the way back


class Back:
    """A name that a question was rewritten to, and names below it, for the one that the client asked for."""

    __slots__ = ("_name", "_rewritten")

    def __init__(self, rewritten: bytes, name: bytes) -> None:
        self._rewritten = rewritten
        self._name = name

    def of(self, subject: Subject) -> bytes | None:
        name, rewritten = subject.name, self._rewritten
        if name == rewritten:
            return self._name
        if rewritten != ROOT and is_below(name, rewritten):
            return joined(name[: -len(rewritten)], self._name)
        return None


# --- from what an operator wrote

KINDS: Final = ("exact", "prefix", "suffix", "substring", "regex")


def change(kind: str, old: str, new: str) -> Match:
    """The change of one text into another, of any kind but ``regex``; whole labels end in a dot."""
    if not (old.endswith(".") and new.endswith(".")):
        return Textual(kind, old, new)
    if kind == "exact":
        name = wire_or_none(old)
        return Textual("exact", old, new) if name is None else Exactly(name, new)
    if kind == "prefix":
        front, new_front = wire_or_none(old), wire_or_none(new)
        if front is None or new_front is None or ROOT in (front, new_front):
            return Textual(kind, old, new)
        return Starting(front[:-1], new_front[:-1])
    ends, new_ends = octets_of(old), octets_of(new)
    if kind == "substring" or ends is None or new_ends is None or bool(ends[0]) != bool(new_ends[0]):
        return Textual(kind, old, new)
    if not ends[0]:
        return Ending(ends[1], new_ends[1])
    return EndingWithin(*ends, *new_ends)


def condition(kind: str, text: str) -> Match:
    """The condition for a name as a rule has it, with a final dot; any kind but ``regex``."""
    return change(kind, text, text)


def is_impossible(kind: str, text: str) -> bool:
    """Whether no name can meet the condition."""
    return wire_or_none(text) is None if kind in ("exact", "prefix") else ".." in text
