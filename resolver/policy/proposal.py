"""The allow list that lets go on what was recorded, and what is left out of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from resolver.policy.learned import Asker
from resolver.policy.patterns import Pattern, PatternError, Reach
from resolver.policy.recorded import Record
from resolver.wire.names import ROOT, count_labels, parent, to_text

_SHORTEST_PARENT: Final = 2
"""Labels of a suffix that folding may propose: never a whole top-level domain."""
_SHOWN: Final = 50
"""Names of each kind of those left out that are listed."""

Named = tuple[tuple[str, int], ...]
"""Names as people write them, and how often they were asked for."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One destination of the list: ``names`` are how many it stands for, ``count`` the queries for them."""

    destination: str
    names: int
    count: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """The list of one asker, the most asked for first, and how many names are not in it and why.

    ``ruled`` are those that somebody's rule denied, by rule: an allow rule for the very name would beat it. ``tries``
    look like what a search list makes of other names of the same asker.
    """

    who: Asker
    allowed: tuple[Allowed, ...]
    rare: int = 0
    missing: int = 0
    unwritable: int = 0
    ruled: tuple[tuple[str, Named], ...] = ()
    tries: Named = ()


def propose(who: Asker, names: Mapping[bytes, Record], fold: int = 0, at_least: int = 1) -> Proposal:
    """The list for one asker.

    With ``fold`` N, N or more siblings become ``.parent``, unless a rule denied a name below it. Names asked for fewer
    than ``at_least`` times are left out, also siblings, names that never existed, and those that a rule denied.
    """
    ruled = {name: record for name, record in names.items() if record.rules}
    rest = {name: record for name, record in names.items() if not record.rules}
    missing = {name for name, record in rest.items() if record.missing >= record.count > 0}
    tries = {name for name in rest if name not in missing and _is_try(name, names)}
    kept = {name: record for name, record in rest.items() if name not in missing and name not in tries}
    rare = sum(record.count < at_least for record in kept.values())
    wanted = {name: (1, record.count) for name, record in kept.items() if record.count >= at_least}
    writable = {name: value for name, value in wanted.items() if _exact(name)}
    found = [Allowed(_exact(name), *value) for name, value in writable.items()]
    if fold:
        found = _folded(writable, fold, _with_parents(ruled))
    found.sort(key=lambda one: (-one.count, one.destination))
    return Proposal(
        who, tuple(found), rare, len(missing), len(wanted) - len(writable), tuple(_by_rule(ruled)),
        _named({name: names[name] for name in tries}),
    )  # fmt: skip


def _is_try(name: bytes, names: Mapping[bytes, Record]) -> bool:
    """Whether a name that was never answered begins with another name that was asked for."""
    record = names[name]
    if record.denied + record.missing < record.count or not record.denied:
        return False
    at = 1 + name[0] if name != ROOT else 0
    while at < len(name) - 1:
        if name[:at] + ROOT in names:
            return True
        at += 1 + name[at]
    return False


def _by_rule(ruled: Mapping[bytes, Record]) -> Iterator[tuple[str, Named]]:
    rules = sorted({rule for record in ruled.values() for rule in record.rules})
    for rule in rules:
        yield rule, _named({name: record for name, record in ruled.items() if rule in record.rules})


def _named(names: Mapping[bytes, Record]) -> Named:
    found = [(to_text(name).removesuffix(".") or ".", record.count) for name, record in names.items()]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0])))


def _with_parents(names: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(above for name in names for above in _self_and_above(name))


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


def _folded(wanted: Mapping[bytes, tuple[int, int]], fold: int, closed: frozenset[bytes]) -> list[Allowed]:
    siblings: dict[bytes, list[bytes]] = defaultdict(list)
    for name in wanted:
        siblings[parent(name)].append(name)
    suffixes = {
        above
        for above, names in siblings.items()
        if len(names) >= fold and count_labels(above) >= _SHORTEST_PARENT and above not in closed
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
    yield from (f"# {line}" for line in _left_out(proposal))


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
        yield from (f"  # {line}" for line in _left_out(proposal))
    if head:
        yield "rules: []"


def _summary(proposal: Proposal) -> Iterator[str]:
    kind, value = proposal.who
    yield f"{kind} {value}: {plural(len(proposal.allowed), 'destination')}"
    for number, one, several in (
        (proposal.rare, "was asked for too rarely", "were asked for too rarely"),
        (proposal.missing, "does not exist", "do not exist"),
        (proposal.unwritable, "cannot be written in a rule", "cannot be written in a rule"),
        (len(proposal.tries), "looks like a try of a search list", "look like tries of a search list"),
    ):
        if number:
            yield f"left out: {plural(number, 'name')} that {one if number == 1 else several}"
    for rule, names in proposal.ruled:
        yield f"left out: denied by rule {rule}: {plural(len(names), 'name')}"


def _left_out(proposal: Proposal) -> Iterator[str]:
    """The names that may be looked for in the list, as comments behind it."""
    for rule, names in proposal.ruled:
        yield f"denied by rule {rule}:"
        yield from _listed(names)
    if proposal.tries:
        yield "never answered, and like a try of a search list:"
        yield from _listed(proposal.tries)


def _listed(names: Named) -> Iterator[str]:
    yield from (f"    {name}  ({plural(count, 'query')})" for name, count in names[:_SHOWN])
    if len(names) > _SHOWN:
        yield f"    and {len(names) - _SHOWN} more"


def _counted(one: Allowed) -> str:
    return plural(one.count, "query") + (f" for {plural(one.names, 'name')}" if one.names > 1 else "")


def plural(number: int, word: str) -> str:
    """A number and what it counts."""
    if number == 1:
        return f"1 {word}"
    return f"{number} {word[:-1]}ies" if word.endswith("y") else f"{number} {word}s"
