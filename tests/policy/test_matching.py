"""The rule that decides is found as the README says, whatever the number of rules."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import Place
from resolver.policy.clients import Classifier
from resolver.policy.matching import Class, Matcher
from resolver.policy.patterns import STAR, Pattern, Reach
from resolver.policy.reading import parse_rules
from resolver.policy.rules import ALLOW, AUDIT, DENY, Rule, Who
from resolver.wire.constants import AAAA, ANY, A
from resolver.wire.names import from_text, labels
from tests.policy.test_patterns import NAMES, patterns

WHOS = [(), (Who(namespaces=("shop",)),), (Who(namespaces=("ops",)),), (Who(labels=(("app", "web"),)),)]
RULES = st.lists(
    st.builds(
        Rule,
        st.sampled_from((ALLOW, DENY, AUDIT)),
        patterns(),
        st.builds(Place, st.just("rules"), st.integers(1, 9)),
        st.sampled_from(WHOS),
        st.sampled_from((None, None, frozenset((A,)), frozenset((A, AAAA)))),
    ),
    max_size=12,
)


def rank(pattern: Pattern, name: bytes) -> list[int]:
    """How specific a pattern is for a name that it stands for, from the right: larger goes first."""
    own = [1 if label == STAR else 2 for label in list(labels(pattern.key))[::-1]]
    return [*own, 0] if pattern.reach is not Reach.EXACT else [*own, 1]


def naive(rules: Sequence[Rule], name: bytes, qtype: int, holding: set[tuple[Who, ...]]) -> Rule | None:
    """The rule that decides, by looking at all of them."""
    fitting = [
        (rank(rule.pattern, name), -number, rule)
        for number, rule in enumerate(rules)
        if rule.pattern.matches(name)
        and rule.who in holding
        and (rule.types is None or qtype in rule.types or (qtype == ANY and rule.verdict != ALLOW))
    ]
    return max(fitting, key=lambda one: one[:2])[2] if fitting else None


@given(rules=RULES, name=NAMES, qtype=st.sampled_from((A, AAAA, ANY)), holding=st.sets(st.sampled_from(WHOS)))
def test_the_dictionaries_find_what_looking_at_every_rule_finds(
    rules: list[Rule], name: bytes, qtype: int, holding: set[tuple[Who, ...]]
) -> None:
    holding = holding | {()}
    matcher = Matcher.of(rules)
    client = frozenset(number for who, number in matcher.conditions.items() if who in holding)
    assert matcher.find(name, qtype, client) is naive(rules, name, qtype, holding)


def found(text: str, name: str, qtype: int = A, client: Class = frozenset((0,))) -> str:
    rule = Matcher.of(parse_rules(text, "rules")).find(from_text(name), qtype, client)
    return "" if rule is None else rule.name


def test_the_more_specific_name_decides_wherever_it_stands() -> None:
    text = "deny .example.com\nallow **.example.com\nallow api.example.com\ndeny *.example.com"
    assert found(text, "api.example.com") == "allow api.example.com"
    assert found(text, "www.example.com") == "deny *.example.com"
    assert found(text, "a.b.example.com") == "deny .example.com"
    assert found(text, "example.com") == "deny .example.com"
    assert found(text, "example.net") == ""


def test_among_equals_the_first_that_fits_decides() -> None:
    text = "allow .example.com type A\ndeny .example.com\nallow .example.com type AAAA"
    assert found(text, "example.com", A) == "allow .example.com"
    assert found(text, "example.com", AAAA) == "deny .example.com"


def test_a_denied_type_is_denied_to_any() -> None:
    assert found("deny .example.com type A", "example.com", ANY) == "deny .example.com"
    assert found("allow .example.com type A", "example.com", ANY) == ""


def test_a_more_specific_rule_for_others_does_not_hide_a_general_one() -> None:
    rules = parse_rules("allow api.example.com namespace shop\ndeny .example.com", "rules")
    matcher = Matcher.of(rules)
    classifier = Classifier(matcher.conditions)
    everybody = classifier.classify("192.0.2.1", None)
    rule = matcher.find(from_text("api.example.com"), A, everybody)
    assert rule is not None
    assert rule.name == "deny .example.com"


def test_a_name_of_the_most_labels_is_looked_up_beside_the_worst_patterns() -> None:
    stars = "\n".join(f"allow {'.'.join(('*',) * 4 + ('a',) * depth)}.example" for depth in range(100))
    name = "a." * 120 + "example"
    assert found(stars, name) == ""


class Counting(dict[bytes, object]):
    """A dictionary that counts how often it is asked."""

    asked = 0

    def get(self, key: bytes, default: object = None) -> object:
        self.asked += 1
        return super().get(key, default)


def test_a_hundred_thousand_rules_are_asked_as_often_as_ten() -> None:
    def looks(count: int) -> int:
        text = "\n".join(
            f"allow host{number}.zone{number % 7}.example namespace ns{number % 50}" for number in range(count)
        )
        matcher = Matcher.of(parse_rules(text, "rules"))
        counting = Counting(matcher._nodes)
        matcher._nodes = counting  # type: ignore[assignment]
        matcher.find(from_text("host3.zone3.example"), A, frozenset((0, 4)))
        matcher.find(from_text("no.zone3.example"), A, frozenset((0, 4)))
        return counting.asked

    assert looks(100_000) == looks(10)
