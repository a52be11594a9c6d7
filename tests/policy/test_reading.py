"""Rules as text."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import ConfigErrors, Place
from resolver.policy.patterns import Pattern
from resolver.policy.reading import parse_rules
from resolver.policy.rules import ALLOW, DENY, Answer, Who
from resolver.wire.constants import AAAA, A


def test_a_line_makes_a_rule_for_each_destination() -> None:
    one, two = parse_rules(
        "\n# comment\nallow api.example.com .example.net type A aaaa as partners # and so on", "rules.txt"
    )
    assert (one.verdict, one.pattern, one.types, one.name) == (
        ALLOW, Pattern.read("api.example.com"), frozenset((A, AAAA)), "partners",
    )  # fmt: skip
    assert (one.at, two.at) == (Place("rules.txt", 3, 7), Place("rules.txt", 3, 23))
    assert two.pattern == Pattern.read(".example.net")


def test_clients_are_conditions() -> None:
    clients = "net 10.0.0.0/8 namespace shop ops label app=web label tier=front service_account shop/web"
    text = f"deny x.example {clients} action nodata"
    (rule,) = parse_rules(text, "rules")
    assert rule.who == (
        Who((ip_network("10.0.0.0/8"),), ("shop", "ops"), (("app", "web"), ("tier", "front")), ("shop/web",)),
    )
    assert (rule.verdict, rule.answer) == (DENY, Answer("nodata"))


def test_groups_are_clients_with_a_name() -> None:
    text = "group web label app=web\ngroup office net 192.0.2.0/24\nallow a.example clients web office"
    (rule,) = parse_rules(text, "rules")
    assert rule.who == (Who(labels=(("app", "web"),)), Who((ip_network("192.0.2.0/24"),)))


def test_a_sinkhole_has_addresses() -> None:
    (rule,) = parse_rules("deny a.example action sinkhole 192.0.2.1 2001:db8::1", "rules")
    assert rule.answer == Answer("sinkhole", (bytes((192, 0, 2, 1)), bytes.fromhex("20010db8") + bytes(11) + b"\1"))


def test_yaml_says_the_same() -> None:
    yaml = """
groups:
  web: {namespaces: [shop], labels: {app: web}}
rules:
  - allow .example.org namespace shop
  - deny: [a.example.com, b.example.com]
    types: [A, AAAA]
    groups: web
    action: sinkhole 192.0.2.1
    name: no-tracking
"""
    lines = """
group web namespace shop label app=web
allow .example.org namespace shop
deny a.example.com b.example.com type A AAAA clients web action sinkhole 192.0.2.1 as no-tracking
"""

    def shape(text: str) -> list[object]:
        return [(one.verdict, one.pattern, one.who, one.types, one.answer, one.name) for one in parse_rules(text, "f")]

    assert shape(yaml) == shape(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("permit a.example", "permit is no rule"),
        ("allow", "does not say which names"),
        ("allow type A", "does not say which names"),
        ("allow a.example type", "nothing behind type"),
        ("allow a.example type FOO", "FOO is not a record type"),
        ("allow db-*.example", "only a part of a label"),
        ("allow a.example action nxdomain", "what is allowed has no action"),
        ("deny a.example action explode", "explode is no action"),
        ("deny a.example action sinkhole", "sinkhole needs an address"),
        ("deny a.example action nodata 192.0.2.1", "takes no arguments"),
        ("allow a.example namespace Shop", "not the name of a namespace"),
        ("allow a.example label app", "is not a label"),
        ("allow a.example service_account web", "is not a service account"),
        ("allow a.example clients web", "there is no group web"),
        ("group web namespace a\nallow x clients web net 10.0.0.0/8", "not both"),
        ("group web", "a group has a name"),
        ("allow a.example as x y", "one name"),
        ("rules: 5", "rules are a list"),
        ("rules: [{types: A}]", "one of the keys allow, deny and audit"),
        ("rules: []\nother: 1", "other is not known here"),
        ("rules: [{allow: x, deny: y}]", "unexpected deny"),
        ("groups: {web: {nets: x, as: y}}", "unexpected as"),
        ("rules: [{allow: x, nonsense: y}]", "unexpected nonsense"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, words: str) -> None:
    with pytest.raises(ConfigErrors, match=words) as caught:
        parse_rules(text, "rules.txt")
    assert all(error.at is not None and error.at.file == "rules.txt" for error in caught.value.errors)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_rules("allow a..b\nallow fine.example\nforbid x", "rules")
    assert [error.at.line for error in caught.value.errors if error.at] == [1, 3]


@given(text=st.text(max_size=200) | st.text("allow deny *.:-[]{}\nrulesp", max_size=100))
def test_any_text_is_rules_or_config_errors(text: str) -> None:
    try:
        parse_rules(text, "rules")
    except ConfigErrors:
        pass
