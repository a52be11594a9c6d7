"""What was recorded (by ``learn`` or ``audit``), and the allow list that lets it go on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from resolver.errors import ResolverError
from resolver.policy.learned import BROKEN, Asker, asker, read_line
from resolver.policy.patterns import Pattern, PatternError, Reach
from resolver.wire.names import ROOT, count_labels, from_text, parent, to_text

MAX_RECORDS: Final = 5_000_000
MISSING: Final = "NXDOMAIN"
_HASH: Final = "h:"
_TYPE: Final = re.compile(r"[A-Z0-9-]{1,20}")
_SHORTEST_PARENT: Final = 2
"""Labels of a suffix that folding may propose: never a whole top-level domain."""


@dataclass(slots=True)
class Record:
    """How often a name was asked for, of which types, and how often there was no such name."""

    count: int = 0
    missing: int = 0
    types: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Recorded:
    """All names by who asked. ``broken`` counts lines that are neither, ``lost`` queries that were not written
    down, ``hashed`` lines of audit that do not say whose or what they are.
    """

    askers: dict[Asker, dict[bytes, Record]] = field(default_factory=dict)
    broken: int = 0
    lost: int = 0
    hashed: int = 0
    records: int = 0

    def read(self, pieces: Iterable[bytes]) -> None:
        """Take in lines of both kinds. Raises ResolverError where there are too many different names."""
        for piece in pieces:
            for line in piece.split(b"\n"):
                if line.strip():
                    try:
                        self._take(read_line(line))
                    except BROKEN:
                        self.broken += 1

    def _take(self, line: Mapping[str, Any]) -> None:
        lost = line.get("lost_queries", line.get("lost", 0))
        if type(lost) is int:
            self.lost += max(0, lost)
        if "name" not in line:
            return
        if any(str(line.get(key, "")).startswith(_HASH) for key in ("name", "namespace", "client", "rewrite")):
            self.hashed += 1
            return
        is_learnt = "count" in line
        who = asker(line if is_learnt or "namespace" in line else {"net": line["client"]})
        count = line["count"] if is_learnt else line.get("sampled", 1)
        types = line["types"] if is_learnt else [line.get("type", "A")]
        if type(count) is not int or count < 0 or not all(map(_TYPE.fullmatch, types)):
            raise ValueError("no count or types")
        is_missing = line.get("rcode") == MISSING and line.get("decision", "allow") != "deny"
        names = {from_text(line["name"]).lower()}
        if line.get("rewrite"):
            names.add(from_text(line["rewrite"]).lower())
        for name in names:
            self._add(who, name, count, types, is_missing=is_missing)

    def _add(self, who: Asker, name: bytes, count: int, types: Iterable[str], *, is_missing: bool) -> None:
        names = self.askers.setdefault(who, {})
        record = names.get(name)
        if record is None:
            self.records += 1
            if self.records > MAX_RECORDS:
                raise ResolverError(f"there are more than {MAX_RECORDS} names; read fewer files at once")
            record = names[name] = Record()
        record.count += count
        record.missing += count * is_missing
        record.types.update(types)

    def __iter__(self) -> Iterator[tuple[Asker, dict[bytes, Record]]]:
        return iter(sorted(self.askers.items()))


@dataclass(frozen=True, slots=True)
class Allowed:
    """One destination of the list: ``names`` are how many it stands for, ``count`` the queries for them."""

    destination: str
    names: int
    count: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """The list of one asker, the most asked for first, and how many names are not in it and why."""

    who: Asker
    allowed: tuple[Allowed, ...]
    rare: int = 0
    missing: int = 0
    unwritable: int = 0


def propose(who: Asker, names: Mapping[bytes, Record], fold: int = 0, at_least: int = 1) -> Proposal:
    """The list for one asker.

    With ``fold`` N, N or more siblings become ``.parent``. Names asked for fewer than ``at_least`` times are left out,
    also siblings, and names that never existed.
    """
    missing = {name for name, record in names.items() if record.missing >= record.count > 0}
    rare = {name for name, record in names.items() if name not in missing and record.count < at_least}
    wanted = {name: (1, record.count) for name, record in names.items() if name not in missing and name not in rare}
    found = [Allowed(one, *wanted[name]) for name in wanted if (one := _exact(name))]
    unwritable = len(wanted) - len(found)
    if fold:
        found = _folded({name: value for name, value in wanted.items() if _exact(name)}, fold)
    found.sort(key=lambda one: (-one.count, one.destination))
    return Proposal(who, tuple(found), len(rare), len(missing), unwritable)


def _exact(name: bytes) -> str:
    """The name as a rule writes it; empty where a rule cannot (a star or the root, or odd characters)."""
    if name == ROOT:
        return ""
    text = to_text(name).removesuffix(".")
    try:
        pattern = Pattern.read(text)
    except PatternError:
        return ""
    is_itself = pattern.key == name and pattern.reach is Reach.EXACT and not pattern.stars
    return text if is_itself and text.isascii() and not set(text) & set('"\\#{}` \t$') else ""


def _folded(wanted: Mapping[bytes, tuple[int, int]], fold: int) -> list[Allowed]:
    siblings: dict[bytes, list[bytes]] = defaultdict(list)
    for name in wanted:
        siblings[parent(name)].append(name)
    suffixes = {
        above for above, names in siblings.items() if len(names) >= fold and count_labels(above) >= _SHORTEST_PARENT
    }
    sums: dict[str, tuple[int, int]] = {}
    for name, (number, count) in wanted.items():
        holding = [one for one in _self_and_above(name) if one in suffixes]
        destination = f".{_exact(holding[-1])}" if holding else _exact(name)
        before = sums.get(destination, (0, 0))
        sums[destination] = before[0] + number, before[1] + count
    return [Allowed(destination, *value) for destination, value in sums.items()]


def _self_and_above(name: bytes) -> Iterator[bytes]:
    while name != ROOT:
        yield name
        name = parent(name)


def as_lines(proposal: Proposal) -> Iterator[str]:
    """Lines of rules, as they stand in a rule file or in the directive."""
    kind, value = proposal.who
    yield from (f"# {line}" for line in _summary(proposal))
    rules = [f"allow {one.destination} {kind} {value}" for one in proposal.allowed]
    width = min(max(map(len, rules), default=0), 100)
    for rule, one in zip(rules, proposal.allowed, strict=True):
        yield f"{rule:{width}}  # {_counted(one)}"


def as_yaml(proposals: Iterable[Proposal]) -> Iterator[str]:
    """A rule file in YAML."""
    head = ["rules:"]
    for proposal in proposals:
        yield from head
        head = []
        kind, value = proposal.who
        yield from (f"  # {line}" for line in _summary(proposal))
        for one in proposal.allowed:
            yield f'  - allow: "{one.destination}"  # {_counted(one)}'
            yield f'    {kind}: "{value}"'
    if head:
        yield "rules: []"


def _summary(proposal: Proposal) -> Iterator[str]:
    kind, value = proposal.who
    yield f"{kind} {value}: {len(proposal.allowed)} destinations"
    for number, why in (
        (proposal.rare, "asked for too rarely"),
        (proposal.missing, "do not exist"),
        (proposal.unwritable, "cannot be written in a rule"),
    ):
        if number:
            yield f"left out: {number} names that {'were ' if why.startswith('asked') else ''}{why}"


def _counted(one: Allowed) -> str:
    return f"{one.count} queries" + (f" for {one.names} names" if one.names > 1 else "")
