"""All rules of a server block, in their order, found by the name that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from resolver.plugins.rewrite.rules import EXACT, PREFIX, Rule, State

_NO_RULE: Final = ()


class Program:
    """Rules in the order of their lines.

    What a query costs depends on the rules that could be about its name: of those that name an exact name, a prefix or
    a suffix there may be thousands.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._always: list[int] = []
        self._exact: dict[bytes, list[int]] = {}
        self._prefixes: dict[bytes, list[int]] = {}
        self._suffixes: dict[bytes, list[int]] = {}
        for at, rule in enumerate(self.rules):
            self._file(at, rule)
        self._prefix_sizes = sorted({len(octets) for octets in self._prefixes})
        self._suffix_sizes = sorted({len(octets) for octets in self._suffixes})

    def _file(self, at: int, rule: Rule) -> None:
        key = rule.key
        if key is None:
            self._always.append(at)
            return
        kind, octets = key
        table = self._exact if kind == EXACT else self._prefixes if kind == PREFIX else self._suffixes
        table.setdefault(octets, []).append(at)

    def about(self, name: bytes) -> Sequence[int]:
        """The places of the rules that could apply to a name, in their order; a rule is asked whether it does."""
        found: Sequence[int] = self._exact.get(name, _NO_RULE)
        for table, sizes, is_prefix in (
            (self._prefixes, self._prefix_sizes, True),
            (self._suffixes, self._suffix_sizes, False),
        ):
            for size in sizes:
                if size > len(name):
                    break
                more = table.get(name[:size] if is_prefix else name[-size:])
                if more is not None:
                    found = [*found, *more]
        if not found:
            return self._always
        return sorted([*found, *self._always])

    def run(self, state: State, places: Sequence[int]) -> None:
        """Apply rules to a query, those at ``places`` first. Raises WireError for a name that is none.

        Where a rule gave the question another name, those behind it are about that one.
        """
        done = -1
        while True:
            name = state.subject.name
            for at in places:
                if at > done:
                    rule = self.rules[at]
                    if rule.apply(state):
                        if rule.stops:
                            return
                        done = at
                        if state.subject.name != name:
                            break
            else:
                return
            places = self.about(state.subject.name)
