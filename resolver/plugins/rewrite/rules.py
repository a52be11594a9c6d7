"""Rules, set up once, and what they do to one query."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol, TypeAlias

from resolver.chain.query import Query
from resolver.plugins.rewrite.changes import Back, Change, Ending, EndingWithin, Exactly, Match, Starting, Subject
from resolver.wire.edns import Edns

EXACT, PREFIX, SUFFIX = "exact", "prefix", "suffix"
Key: TypeAlias = tuple[str, bytes]


# --- what is done to the answer


class Owner(NamedTuple):
    """Changes the names that records are of."""

    change: Change


class Value(NamedTuple):
    """Changes the names that records hold."""

    change: Change


class Target(NamedTuple):
    """Changes the target of an alias, and looks up what that has."""

    change: Change


class Ttl(NamedTuple):
    """Brings TTLs between two numbers of seconds."""

    low: int
    high: int


class Rcode(NamedTuple):
    """Gives one response code for another."""

    old: int
    new: int


Step: TypeAlias = Owner | Value | Target | Ttl | Rcode


class State:
    """One query while rules are applied to it, and the steps back that they ask for, in their order.

    ``reverts`` are options to be taken back from what the client is shown: code, and the payload before or None.
    ``personal`` tells that a rule looked at more than the question: the answer must not be replayed to others.
    """

    __slots__ = ("edns", "personal", "qclass", "qtype", "query", "reverts", "steps", "subject")

    def __init__(self, query: Query) -> None:
        self.query = query
        self.subject = Subject(query.name)
        self.qtype = query.qtype
        self.qclass = query.qclass
        self.edns: Edns | None = query.edns
        self.steps: list[Step] = []
        self.reverts: list[tuple[int, bytes | None]] = []
        self.personal = False

    def asked(self) -> Query:
        """The query as it goes on; the client's own where nothing about it was changed."""
        query, name = self.query, self.subject.name
        if name != query.name:
            original = query.original or query.name
            return query.derive(qname=name, qtype=self.qtype, qclass=self.qclass, edns=self.edns, original=original)
        if self.qtype != query.qtype or self.qclass != query.qclass or self.edns is not query.edns:
            return query.derive(qtype=self.qtype, qclass=self.qclass, edns=self.edns)
        return query


class Rule(Protocol):
    """One line. ``stops`` tells that no other rule is tried once it applied."""

    stops: bool

    @property
    def key(self) -> Key | None:
        """A part of the name that the rule needs, by which it is found among many; None where it needs none."""

    def apply(self, state: State) -> bool:
        """Whether it applied. Raises WireError where the new name is none."""


class NameRule:
    """Another name for the question."""

    def __init__(self, match: Match, steps: tuple[Step, ...], *, auto: bool, stops: bool) -> None:
        self.match = match
        self.stops = stops
        self._steps = steps
        self._auto = auto

    @property
    def key(self) -> Key | None:
        return _key(self.match)

    def apply(self, state: State) -> bool:
        new = self.match.of(state.subject)
        if new is None:
            return False
        if self._auto:
            back = Back(new, state.subject.name)
            state.steps += (Owner(back), Value(back))
        state.steps += self._steps
        state.subject = Subject(new)
        return True


class AnswerRule:
    """A step for the answers to questions whose name meets a condition."""

    def __init__(self, match: Match, step: Ttl | Rcode, *, stops: bool) -> None:
        self.match = match
        self.stops = stops
        self._steps = (step,)

    @property
    def key(self) -> Key | None:
        return _key(self.match)

    def apply(self, state: State) -> bool:
        if not self.match.holds(state.subject):
            return False
        state.steps += self._steps
        return True


class TargetRule:
    """Another target for aliases; is for every question."""

    key: Final = None

    def __init__(self, change: Change, *, stops: bool) -> None:
        self.stops = stops
        self._steps = (Target(change),)

    def apply(self, state: State) -> bool:
        state.steps += self._steps
        return True


class TypeRule:
    """Another type for the question."""

    key: Final = None

    def __init__(self, old: int, new: int, *, stops: bool) -> None:
        self.old = old
        self.new = new
        self.stops = stops

    def apply(self, state: State) -> bool:
        if state.qtype != self.old:
            return False
        state.qtype = self.new
        return True


class ClassRule:
    """Another class for the question."""

    key: Final = None

    def __init__(self, old: int, new: int, *, stops: bool) -> None:
        self.old = old
        self.new = new
        self.stops = stops

    def apply(self, state: State) -> bool:
        if state.qclass != self.old:
            return False
        state.qclass = self.new
        return True


def _key(match: Match) -> Key | None:
    if isinstance(match, Exactly):
        return EXACT, match.name
    if isinstance(match, Starting):
        return PREFIX, match.labels
    if isinstance(match, Ending | EndingWithin):
        return SUFFIX, match.octets
    return None
