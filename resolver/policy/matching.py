"""Finding the rule for a name, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from typing import Final

from resolver.policy.patterns import STAR_LABEL, Reach
from resolver.policy.rules import ALLOW, DENY, Rule, Whos
from resolver.wire.constants import ANY
from resolver.wire.names import ROOT, labels, suffixes

_STEP: Final = 50

Ranked = tuple[int, Rule]
Class = frozenset[int]
"""The numbers of the conditions that hold for a client; those that may hold, for all that is known, are negative."""


class _Choice:
    """The rules for the same names and the same clients: for every type the first."""

    __slots__ = ("every", "types")

    def __init__(self) -> None:
        self.every: Ranked | None = None
        self.types: dict[int, Ranked] | None = None

    def add(self, ranked: Ranked) -> None:
        """Take a rule that stands behind all that were added before."""
        rule = ranked[1]
        if rule.types is None:
            self.every = self.every or ranked
            return
        if self.types is None:
            self.types = {}
        for qtype in rule.types:
            self.types.setdefault(qtype, ranked)
        if rule.verdict != ALLOW:
            self.types.setdefault(ANY, ranked)  # or the type could be had by asking for all of them

    def of(self, qtype: int) -> Ranked | None:
        """The first rule for a type."""
        if self.types is None:
            return self.every
        found = self.types.get(qtype)
        if found is None or (self.every is not None and self.every < found):
            return self.every
        return found


class _Bucket:
    """The rules for the same names, by the number of the condition that they have on clients."""

    __slots__ = ("choices",)

    def __init__(self) -> None:
        self.choices: dict[int, _Choice] = {}

    def add(self, condition: int, ranked: Ranked) -> None:
        self.choices.setdefault(condition, _Choice()).add(ranked)

    def of(self, qtype: int, client: Class) -> Rule | None:
        """The first rule that fits a client of that class."""
        choices = self.choices
        best: Ranked | None = None
        if len(choices) == 1:
            for condition, choice in choices.items():
                best = choice.of(qtype) if condition in client else None
        else:
            shorter: Collection[int] = client if len(client) < len(choices) else choices
            for condition in shorter:
                if condition in client and condition in choices:
                    found = choices[condition].of(qtype)
                    if found is not None and (best is None or found[0] < best[0]):
                        best = found
        return None if best is None else best[1]


class _Node:
    """What rules say about a name itself (``exact``, then ``own``) and about those below it."""

    __slots__ = ("below", "exact", "own")

    def __init__(self) -> None:
        self.exact: _Bucket | None = None
        self.own: _Bucket | None = None
        self.below: _Bucket | None = None


class Matcher:
    """Rules of one rank, in their order.

    The most specific name decides: from the right, label by label, a name goes before ``*`` and ``*`` before everything
    below. Among rules for the same names the first that fits the client and the type does.

    ``conditions`` are the different conditions on clients, whose numbers are what a class of clients is made of; 0 is
    the one that always holds. A look-up costs some dictionary accesses for each label of the name.

    With ``closed``, rules that deny something to Pods are filed under the negative number of their condition too, which
    is in the class of a client who may be such a Pod for all that is known; ``suspected`` are the numbers of those.
    """

    def __init__(self, conditions: dict[Whos, int], *, closed: bool = False) -> None:
        self.conditions = conditions
        self.suspected: set[int] = set()
        self._closed = closed
        self.count = 0
        self._nodes: dict[bytes, _Node] = {}
        self._stars: set[bytes] = set()
        self._branches: set[bytes] = set()

    @classmethod
    def of(cls, rules: Iterable[Rule], conditions: dict[Whos, int] | None = None) -> Matcher:
        """A matcher of these rules, made at once."""
        matcher = cls({(): 0} if conditions is None else conditions)
        for _ in matcher.adding(rules):
            pass
        return matcher

    def adding(self, rules: Iterable[Rule]) -> Generator[None, None, None]:
        """Add rules behind those that are there, in steps."""
        for number, rule in enumerate(rules, 1):
            self._add(rule)
            if number % _STEP == 0:
                yield

    def emptying(self) -> Generator[None, None, None]:
        """Let go of all rules in steps, where nobody will ask any more: to free many at once takes long."""
        nodes = self._nodes
        while nodes:
            for _ in range(min(_STEP, len(nodes))):
                nodes.popitem()
            yield

    def _add(self, rule: Rule) -> None:
        condition = self.conditions.setdefault(rule.who, len(self.conditions))
        ranked = (self.count, rule)
        self.count += 1
        self._file(condition, ranked)
        if self._closed and rule.verdict == DENY and rule.is_for_pods:
            self.suspected.add(condition)
            self._file(-condition, ranked)

    def _file(self, condition: int, ranked: Ranked) -> None:
        pattern = ranked[1].pattern
        node = self._nodes.get(pattern.key)
        if node is None:
            node = self._nodes[pattern.key] = _Node()
        if pattern.reach is Reach.EXACT:
            node.exact = node.exact or _Bucket()
            node.exact.add(condition, ranked)
        else:
            node.below = node.below or _Bucket()
            node.below.add(condition, ranked)
            if pattern.reach is Reach.WITHIN:
                node.own = node.own or _Bucket()
                node.own.add(condition, ranked)
        if pattern.stars:
            self._note_branches(pattern.key)

    def _note_branches(self, key: bytes) -> None:
        """Remember where the look-up of a name has two ways, and which ways lead anywhere."""
        for suffix in suffixes(key):
            self._branches.add(suffix)
            if suffix.startswith(STAR_LABEL):
                self._stars.add(suffix[2:])

    def find(self, name: bytes, qtype: int, client: Class) -> Rule | None:
        """The rule that decides about a lower-case wire name for a client of that class, None without one."""
        if self._stars:
            return self._search(ROOT, list(labels(name)), qtype, client, straight=True)
        nodes = self._nodes
        node = nodes.get(name)
        if node is not None:
            rule = self._at(node, qtype, client)
            if rule is not None:
                return rule
        while length := name[0]:
            name = name[1 + length :]
            node = nodes.get(name)
            if node is not None and node.below is not None:
                rule = node.below.of(qtype, client)
                if rule is not None:
                    return rule
        return None

    def _at(self, node: _Node, qtype: int, client: Class) -> Rule | None:
        rule = node.exact.of(qtype, client) if node.exact is not None else None
        if rule is None and node.own is not None:
            rule = node.own.of(qtype, client)
        return rule

    def _search(self, key: bytes, rest: list[bytes], qtype: int, client: Class, *, straight: bool) -> Rule | None:
        """The rule for the name whose labels in front of ``key`` are ``rest``; ``straight`` while key has no star."""
        node = self._nodes.get(key)
        if not rest:
            return None if node is None else self._at(node, qtype, client)
        label, before = rest[-1], rest[:-1]
        further = bytes((len(label),)) + label + key
        rule = None
        if straight or further in self._branches:
            rule = self._search(further, before, qtype, client, straight=straight)
        if rule is None and key in self._stars:
            rule = self._search(STAR_LABEL + key, before, qtype, client, straight=False)
        if rule is None and node is not None and node.below is not None:
            rule = node.below.of(qtype, client)
        return rule
