"""Which conditions hold for a client, and what a policy decides for it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.capabilities import Identity
from resolver.errors import Place
from resolver.policy.clients import Classifier, holds, numbered
from resolver.policy.delegation import Delegation, confine
from resolver.policy.engine import DELEGATED, Policy, Settings
from resolver.policy.patterns import Pattern
from resolver.policy.reading import parse_rules
from resolver.policy.rules import ALLOW, AUDIT_ONLY, REFUSED, Answer, Who, Whos
from resolver.wire.constants import A
from resolver.wire.names import from_text

NETWORKS = [ip_network(text) for text in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32", "0.0.0.0/0")]
CLIENTS = [
    "10.1.2.3",
    "10.1.9.9",
    "10.9.9.9",
    "192.0.2.1",
    "2001:db8::1",
    "::1",
    "::ffff:10.1.2.3",
    "fe80::1%eth0",
    "no",
]
few = st.integers(0, 2)
WHO = st.builds(
    Who,
    st.lists(st.sampled_from(NETWORKS), max_size=2).map(tuple),
    st.lists(st.sampled_from(("shop", "ops")), max_size=2).map(tuple),
    st.lists(st.sampled_from((("app", "web"), ("tier", "front"))), max_size=2).map(tuple),
    st.lists(st.sampled_from(("shop/web", "ops/web")), max_size=1).map(tuple),
).filter(lambda who: who != Who())
IDENTITY = st.none() | st.builds(
    Identity,
    st.sampled_from(("shop", "ops", "other")),
    st.just("pod"),
    st.sampled_from(("web", "")),
    labels=st.dictionaries(st.sampled_from(("app", "tier")), st.sampled_from(("web", "front"))),
)


@given(
    whos=st.lists(st.lists(WHO, max_size=2).map(tuple), max_size=5), client=st.sampled_from(CLIENTS), identity=IDENTITY
)
def test_a_class_is_the_conditions_that_hold(whos: list[Whos], client: str, identity: Identity | None) -> None:
    conditions: dict[Whos, int] = {(): 0}
    for who in whos:
        conditions.setdefault(who, len(conditions))
    version, number = numbered(client)
    expected = {
        at for one, at in conditions.items() if not one or any(holds(who, version, number, identity) for who in one)
    }
    assert Classifier(conditions).classify(client, identity) == expected


def decided(policy: Policy, name: str, client: str = "192.0.2.1", identity: Identity | None = None) -> str:
    state = policy.state
    return state.decide(from_text(name), A, state.classify(client, identity)).action


def policy_of(text: str, settings: Settings | None = None) -> Policy:
    policy = Policy(settings)
    policy.put("configuration", parse_rules(text, "rules"))
    policy.rebuild()
    return policy


def test_a_rule_for_a_namespace_is_for_its_pods_alone() -> None:
    policy = policy_of("allow .example.com namespace shop", Settings(default=Answer()))
    assert decided(policy, "a.example.com", identity=Identity("shop", "web-1")) == ALLOW
    assert decided(policy, "a.example.com", identity=Identity("ops", "web-1")) == REFUSED
    assert decided(policy, "a.example.com") == REFUSED


def test_audit_only_lets_pass_and_says_what_would_have_been() -> None:
    policy = policy_of("deny bad.example action nodata", Settings(default=Answer(), audit_only=True))
    found = policy.state.decide(from_text("bad.example"), A)
    assert (found.action, found.would, found.denies) == (AUDIT_ONLY, "nodata", False)
    assert policy.state.decide(from_text("other.example"), A).would == REFUSED


def test_a_decision_knows_the_rule_and_its_place() -> None:
    found = policy_of("\n  deny bad.example as no-bad").state.decide(from_text("bad.example"), A)
    assert (found.rule, found.at) == ("no-bad", Place("rules", 2, 8))


def test_delegated_rules_cannot_change_what_operators_say() -> None:
    policy = policy_of("deny .bad.example", Settings(default=Answer()))
    shop = Delegation("shop", (Pattern.read(".example"),))
    rules, mistakes = confine(parse_rules("allow x.bad.example\nallow good.example", "ConfigMap shop/dns"), shop)
    policy.put("shop", rules, DELEGATED)
    policy.rebuild()
    pod = Identity("shop", "web-1")
    assert mistakes == []
    assert decided(policy, "x.bad.example", identity=pod) == REFUSED
    assert decided(policy, "good.example", identity=pod) == ALLOW
    assert decided(policy, "good.example", identity=Identity("ops", "x")) == REFUSED
    policy.remove("shop")
    policy.rebuild()
    assert decided(policy, "good.example", identity=pod) == REFUSED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("allow other.test", "other.test is not delegated"),
        ("allow .", "is not delegated"),
        ("allow a.example namespace ops", "no say about clients of the namespace ops"),
        ("allow a.example service_account ops/web", "no say about the service account ops/web"),
    ],
)
def test_a_namespace_keeps_to_what_was_delegated(text: str, words: str) -> None:
    kept, mistakes = confine(parse_rules(text, "cm"), Delegation("shop", (Pattern.read(".example"),)))
    assert kept == []
    assert words in str(mistakes[0])


def test_a_rule_of_a_namespace_for_a_network_is_for_its_pods_in_that_network() -> None:
    (rule,), _ = confine(parse_rules("allow a.example net 10.0.0.0/8", "cm"), Delegation("shop", (Pattern.read("."),)))
    assert rule.who == (Who((ip_network("10.0.0.0/8"),), ("shop",)),)


def test_what_is_remembered_of_clients_is_bounded() -> None:
    policy = policy_of("allow a.example net 10.0.0.0/8")
    for number in range(5000):
        policy.state.classify(f"10.0.{number >> 8}.{number & 255}")
    assert len(policy.state._classes) == 4096
    assert policy.state.known("10.0.0.0") is None
    assert policy.state.known("10.0.19.135") == frozenset((0, 1))


def test_who_may_be_any_pod_has_what_every_denial_for_pods_asks_for_and_nothing_that_allows() -> None:
    policy = policy_of(
        "deny a.example namespace shop\nallow b.example namespace shop\ndeny c.example net 10.0.0.0/8 label app=web\n"
        "deny . net 203.0.113.0/24\nallow . net 198.51.100.0/24",
        Settings(default=Answer()),
    )
    state = policy.state
    for name, client, action in (
        ("a.example", "192.0.2.1", REFUSED),
        ("b.example", "192.0.2.1", REFUSED),
        ("c.example", "10.0.0.1", REFUSED),
        ("c.example", "198.51.100.1", "allow"),
        ("a.example", "198.51.100.1", REFUSED),
        ("x.example", "198.51.100.1", "allow"),
    ):
        found = state.decide(from_text(name), A, state.classify(client, unknown=True))
        assert (name, client, found.action) == (name, client, action)
    surely_none = state.classify("198.51.100.1")
    assert state.decide(from_text("a.example"), A, surely_none).action == "allow"


def test_classes_of_who_may_be_any_pod_are_as_small_as_can_be() -> None:
    rules = "\n".join(f"allow a{n}.example namespace n{n}" for n in range(100)) + "\ndeny b.example namespace shop"
    state = policy_of(rules).state
    assert len(state.classify("192.0.2.1", unknown=True)) == 3
    assert state.classify("192.0.2.1", unknown=True) is state.classify("192.0.2.2", unknown=True)
