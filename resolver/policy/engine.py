"""A policy: rules from several sources, of two ranks, and the decision about a name."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from resolver.chain.capabilities import Identity
from resolver.policy.clients import DOUBTFUL, EVERYBODY_CLASS, Classifier
from resolver.policy.matching import Class, Matcher
from resolver.policy.rules import ALLOW, AUDIT_ONLY, REFUSAL, Answer, Decision, Rule, Whos, decision

OPERATOR, DELEGATED = 0, 1
"""Ranks. What operators' rules decide, delegated ones cannot change: they are asked where none of an operator fits."""

_MEMO: Final = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """``default`` is what becomes of names without a rule: None lets them pass. ``denial`` answers other denials.

    With ``audit_only`` all denials are written down and pass. With ``closed`` operators' rules that deny something to
    Pods hold for clients too of whom it cannot be told which Pod they are.
    """

    default: Answer | None = None
    denial: Answer = REFUSAL
    audit_only: bool = False
    closed: bool = True


class State:
    """All rules as they were when it was made. Who has waited looks for the newest one: old ones are emptied."""

    def __init__(self, settings: Settings, ranks: tuple[Matcher, ...], classifier: Classifier) -> None:
        self.classifier = classifier
        self.count = sum(matcher.count for matcher in ranks)
        self._ranks = tuple(matcher for matcher in ranks if matcher.count)
        self._settings = settings
        self._classes: dict[str, Class] = {}
        self._decisions: dict[int, Decision] = {}
        self.default = _default(settings)

    @property
    def needs_identity(self) -> bool:
        """Whether a rule asks for the Pod behind an address."""
        return self.classifier.needs_identity

    def known(self, client: str) -> Class | None:
        """The class of a client as it was told before, None for one who is new."""
        return self._classes.get(client) if self.classifier.is_needed else EVERYBODY_CLASS

    def classify(
        self, client: str, identity: Identity | None = None, *, unknown: bool = False, keep: bool = True
    ) -> Class:
        """The class of a client; remembered for ``known`` if it is to be kept (bounded).

        ``unknown`` is a client of whom it cannot be told which Pod he is, if he is one.
        """
        found = self.classifier.classify(client, identity, unknown=unknown)
        if keep and self.classifier.is_needed:
            if len(self._classes) >= _MEMO:
                del self._classes[next(iter(self._classes))]
            self._classes[client] = found
        return found

    def emptying(self) -> Generator[None, None, None]:
        """Let go of all rules in steps, where nobody will ask any more."""
        self._decisions.clear()
        for matcher in self._ranks:
            yield from matcher.emptying()

    def forget(self, client: str) -> None:
        """The client may be in another class from now on."""
        self._classes.pop(client, None)

    def decide(self, name: bytes, qtype: int, client: Class = EVERYBODY_CLASS) -> Decision:
        """What becomes of a lower-case wire name for clients of a class."""
        for matcher in self._ranks:
            rule = matcher.find(name, qtype, client)
            if rule is not None:
                doubtful = DOUBTFUL in client
                key = ~id(rule) if doubtful else id(rule)  # rules live as long as the matchers
                found = self._decisions.get(key)
                return self._decided(key, rule, doubtful=doubtful) if found is None else found
        return self.default

    def _decided(self, key: int, rule: Rule, *, doubtful: bool) -> Decision:
        settings = self._settings
        if len(self._decisions) >= _MEMO:
            self._decisions.clear()
        found = decision(rule, settings.denial, audit_only=settings.audit_only, doubtful=doubtful)
        self._decisions[key] = found
        return found


def _default(settings: Settings) -> Decision:
    answer = settings.default
    if answer is None:
        return Decision(ALLOW, explicit=False)
    if settings.audit_only:
        return Decision(AUDIT_ONLY, answer=answer, would=answer.action, explicit=False, personal=True)
    return Decision(answer.action, answer=answer, explicit=False, personal=True)


class Policy:
    """Sources of rules, and the state that was last made of them.

    A source is put under a key with a rank; within a rank, sources stand in the order in which they were put first.
    Nothing changes until ``rebuild`` (or the steps of ``rebuilding``, for long lists in a running server) is through::

        policy = Policy(Settings(default=Answer()))
        policy.put("Corefile", parse_rules("allow api.example.com namespace shop", "Corefile"))
        policy.rebuild()
        client = policy.state.classify("10.0.0.7", identity)
        policy.state.decide(from_text("api.example.com"), A, client).action

    Delegated rules are put with rank DELEGATED, after ``delegation.confine`` has seen to it that they keep to what
    their namespace was given.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._sources: dict[Hashable, tuple[int, Sequence[Rule]]] = {}
        self.state = State(self.settings, (), Classifier({}))

    def put(self, source: Hashable, rules: Sequence[Rule], rank: int = OPERATOR) -> None:
        """Add a source, or put other rules in its place."""
        self._sources[source] = rank, rules

    def remove(self, source: Hashable) -> None:
        """Take a source away; one that is not there is no mistake."""
        self._sources.pop(source, None)

    def rules(self, source: Hashable) -> Sequence[Rule]:
        """The rules of a source, none where it is not there."""
        return self._sources.get(source, (OPERATOR, ()))[1]

    def sources(self) -> tuple[Hashable, ...]:
        """The keys of all sources in their order."""
        return tuple(self._sources)

    def rebuild(self) -> None:
        """Make the state anew from all sources."""
        for _ in self.rebuilding():
            pass

    def rebuilding(self) -> Generator[None, None, None]:
        """As ``rebuild``, in steps; what is put or removed meanwhile waits for the next time."""
        sources = list(self._sources.values())
        conditions: dict[Whos, int] = {(): 0}
        operators = Matcher(conditions, closed=self.settings.closed)
        ranks = (operators, Matcher(conditions))
        for rank, rules in sources:
            yield from ranks[rank].adding(rules)
            yield
        before, self.state = self.state, State(self.settings, ranks, Classifier(conditions, operators.suspected))
        yield
        yield from before.emptying()
