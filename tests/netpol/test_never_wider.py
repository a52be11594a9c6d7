"""Whatever the rules: no format lets a Pod reach a name that they do not allow to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.capabilities import Identity
from resolver.config.load import load_text
from resolver.manifests.settings import Settings
from resolver.netpol.grants import grants, meet
from resolver.netpol.resolving import Found
from resolver.netpol.writing import Workloads
from resolver.policy.engine import Policy
from resolver.policy.engine import Settings as EngineSettings
from resolver.policy.patterns import Pattern
from resolver.policy.reading import parse_rules
from resolver.policy.rules import Answer
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host
from resolver.wire.names import from_text
from tests.netpol.schemas import mistakes

LABEL = st.sampled_from(["a", "b", "cdn", "x-1", "_srv"])
NAME = st.lists(LABEL, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "example"]))
STARRED = st.lists(LABEL | st.just("*"), min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
PATTERN = st.one_of(NAME, STARRED, NAME.map("**.{}".format), NAME.map(".{}".format), STARRED.map(".{}".format))
FORMATS = ("kubernetes", "cilium", "gke", "openshift", "istio")


def workloads(*patterns: str) -> Workloads:
    """What these patterns allow to the namespace shop."""
    rules = "\n".join(f"        allow {pattern}" for pattern in patterns)
    text = f". {{\n    policy {{\n        default deny\n{rules}\n    }}\n    forward . 192.0.2.1\n}}\n"
    plan = assemble(load_text(text, environ={}), throwaway_host(), 53)
    return Workloads(grants(plan, ["shop"]), Settings(), [{"port": 53, "protocol": "UDP"}], [(443, "TCP")])


def ruled(*rules: str) -> Workloads:
    """What these lines of a policy allow to the namespace shop."""
    lines = "\n".join(rules)
    text = f". {{\nidentity\npolicy {{\ndefault deny\n{lines}\n}}\nforward . 192.0.2.1\n}}\n"
    plan = assemble(load_text(text, environ={}), throwaway_host(), 53)
    return Workloads(grants(plan, ["shop"]), Settings(), [{"port": 53, "protocol": "UDP"}], [(443, "TCP")])


def let_through(documents: list[dict[str, Any]]) -> Iterator[re.Pattern[str]]:
    """What a format opens, as the projects behind the formats read it: one expression for each name or wildcard."""
    for text, star in _selectors(documents):
        depth = {"label": r"[-a-z0-9_]+", "labels": r"([-a-z0-9_]+\.)*[-a-z0-9_]+"}
        parts = re.escape(text).replace(r"\*\*", depth["labels"])
        yield re.compile(parts.replace(r"\*", depth[star]))


def _selectors(documents: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each name or wildcard, and whether its star is one label or any number of them."""
    for document in documents:
        spec = document["spec"]
        for rule in spec.get("egress", ()):
            for name in rule.get("toFQDNs", ()):
                yield name.get("matchName") or name["matchPattern"], "label"
            for match in rule.get("matches", ()):
                yield match.get("name") or match["pattern"], "label"
            if "dnsName" in (to := rule.get("to", {})) and rule["type"] == "Allow":
                yield to["dnsName"], "label"
        for host in spec.get("hosts", ()):
            yield host, "labels"


@pytest.mark.parametrize("form", FORMATS[1:])
@given(patterns=st.lists(PATTERN, min_size=1, max_size=4), names=st.lists(NAME, min_size=1, max_size=20))
def test_a_name_that_no_rule_allows_is_never_let_through(form: str, patterns: list[str], names: list[str]) -> None:
    wanted = workloads(*patterns)
    documents = import_module(f"resolver.netpol.{form}").write(wanted)
    assert mistakes([_plain(one) for one in documents]) == []
    allowed = [Pattern.read(pattern) for pattern in patterns]
    opened = list(let_through(documents))
    for name in names:
        if any(one.fullmatch(name) for one in opened):
            assert any(pattern.matches(from_text(name)) for pattern in allowed), (name, patterns)


def opens(form: str, documents: list[dict[str, Any]], name: str) -> bool:
    """Whether a packet for the name goes through: an EgressFirewall has rules in their order."""
    if form != "openshift":
        return any(one.fullmatch(name) for one in let_through(documents))
    for rule in documents[0]["spec"]["egress"]:
        pattern = re.escape(rule["to"].get("dnsName", "")).replace(r"\*", r"[-a-z0-9_]+")
        if re.fullmatch(pattern, name):
            return bool(rule["type"] == "Allow")
    return False


WHO = st.sampled_from(["", " namespace shop", " label app=web", " net 10.0.0.0/8", " namespace other"])
RULE = st.builds("{} {}{}".format, st.sampled_from(["allow", "deny"]), PATTERN, WHO)


@pytest.mark.parametrize("form", ["openshift", "istio"])
@given(rules=st.lists(RULE, min_size=1, max_size=5), names=st.lists(NAME, min_size=1, max_size=20))
def test_a_name_that_may_be_denied_is_never_let_through(form: str, rules: list[str], names: list[str]) -> None:
    documents = import_module(f"resolver.netpol.{form}").write(ruled(*rules))
    assert mistakes([_plain(one) for one in documents]) == []
    policy = Policy(EngineSettings(default=Answer()))
    policy.put("rules", parse_rules("\n".join(rules), "rules"))
    policy.rebuild()
    pods = [Identity("shop", "one"), Identity("shop", "two", labels={"app": "web"})]
    classes = [policy.state.classify(client, pod, keep=False) for client in ("10.0.0.1", "192.0.2.1") for pod in pods]
    for name in names:
        if opens(form, documents, name):
            assert not any(policy.state.decide(from_text(name), 1, one).denies for one in classes), (name, rules)


def test_what_is_denied_inside_of_a_wildcard_stands_in_front_of_it() -> None:
    wanted = ruled(
        "allow www.example", "deny bad.in.example", "deny .worse.in.example label app=web", "allow .in.example"
    )
    (firewall,) = import_module("resolver.netpol.openshift").write(wanted)
    rules = [(rule["type"], rule["to"].get("dnsName")) for rule in firewall["spec"]["egress"]]
    assert rules == [
        ("Allow", "www.example"),
        ("Allow", "in.example"),
        ("Deny", "bad.in.example"),
        ("Deny", "worse.in.example"),
        ("Allow", "*.in.example"),
        ("Deny", None),
        ("Deny", None),
    ]
    assert mistakes([_plain(firewall)]) == []


def test_a_wildcard_with_denials_in_it_is_no_entry_of_the_mesh_and_that_is_said() -> None:
    wanted = ruled("deny a.b.in.example namespace shop", "allow .in.example", "allow .fine.example")
    documents = import_module("resolver.netpol.istio").write(wanted)
    assert [one["spec"]["hosts"] for one in documents if one["kind"] == "ServiceEntry"] == [
        ["in.example", "fine.example"],
        ["*.fine.example"],
    ]
    assert any("*.in.example would open what is denied (deny a.b.in.example)" in said for said in wanted.unsaid)


def test_who_forwards_for_others_does_not_say_which_pod_asks() -> None:
    wanted = ruled("deny a.in.example", "deny b.for.example label app=web", "allow .in.example", "allow .for.example")
    documents = import_module("resolver.netpol.gke").write(wanted)
    matches = [match for one in documents[1:] for rule in one["spec"]["egress"] for match in rule["matches"]]
    assert matches == [{"name": "in.example"}, {"pattern": "*.in.example"}, {"name": "for.example"}]
    assert any("deny a.in.example: denied by the resolver alone" in said for said in wanted.unsaid)
    assert any("(deny b.for.example)" in said for said in wanted.unsaid)


def test_a_name_that_is_denied_has_no_addresses() -> None:
    wanted = ruled("deny api.in.example label app=web", "allow .in.example", "allow api.in.example type A")
    at = "2026-11-23T10:00:00Z"
    wanted.known = {"api.in.example": [Found("api.in.example", "192.0.2.1", 60, at)]}
    kubernetes = import_module("resolver.netpol.kubernetes")
    assert kubernetes.names_to_resolve(wanted) == ["in.example"]
    assert "192.0.2.1/32" not in str(kubernetes.write(wanted))
    assert any("api.in.example itself is denied" in said for said in wanted.unsaid)


def test_names_of_another_policy_are_in_no_wildcard() -> None:
    text = """. {
        policy {
            default deny
            allow .example.org
        }
        policy corp.example.org {
            default deny
            allow open.corp.example.org
        }
        forward . 192.0.2.1
    }
    """
    plan = assemble(load_text(text, environ={}), throwaway_host(), 53)
    wanted = Workloads(grants(plan, ["shop"]), Settings(), [{"port": 53, "protocol": "UDP"}], [(443, "TCP")])
    documents = import_module("resolver.netpol.istio").write(wanted)
    assert documents[1]["spec"]["hosts"] == ["example.org", "open.corp.example.org"]
    (firewall,) = import_module("resolver.netpol.openshift").write(wanted)
    assert {"type": "Deny", "to": {"dnsName": "corp.example.org"}} in firewall["spec"]["egress"]


@pytest.mark.parametrize("form", FORMATS[1:])
@given(name=NAME.filter(lambda name: "_" not in name))
def test_a_name_that_is_allowed_as_it_is_is_let_through(form: str, name: str) -> None:
    documents = import_module(f"resolver.netpol.{form}").write(workloads(name))
    assert any(one.fullmatch(name) for one in let_through(documents))


@given(patterns=st.lists(PATTERN, min_size=1, max_size=4))
def test_what_is_not_written_is_said(patterns: list[str]) -> None:
    for form in FORMATS[1:]:
        wanted = workloads(*patterns)
        documents = import_module(f"resolver.netpol.{form}").write(wanted)
        opened = list(let_through(documents))
        for text in patterns:
            sample = text.removeprefix("**").removeprefix(".").replace("*", "q")
            sample = f"q.{sample}" if text.startswith("**") else sample
            if not any(one.fullmatch(sample) for one in opened):
                assert any(f": {text}: " in said for said in wanted.unsaid), (form, text)


@given(one=PATTERN, other=PATTERN, name=NAME)
def test_patterns_that_share_a_name_meet(one: str, other: str, name: str) -> None:
    left, right = Pattern.read(one), Pattern.read(other)
    wire = from_text(name)
    if left.matches(wire) and right.matches(wire):
        assert meet(left, right)
        assert meet(right, left)


def test_many_hosts_are_several_entries() -> None:
    documents = import_module("resolver.netpol.istio").write(
        workloads(*(f"h{number}.example" for number in range(600)))
    )
    entries = [one for one in documents if one["kind"] == "ServiceEntry"]
    assert [len(one["spec"]["hosts"]) for one in entries] == [256, 256, 88]
    assert len({one["metadata"]["name"] for one in entries}) == 3
    assert mistakes([_plain(one) for one in documents]) == []


def test_addresses_are_those_of_allowed_names_and_families_alone() -> None:
    wanted = workloads("api.example", "six.example type AAAA", "*.wild.example", ".within.example")
    at = "2026-11-23T10:00:00Z"
    wanted.known = {
        "api.example": [Found("api.example", "192.0.2.1", 60, at), Found("api.example", "2001:db8::1", 60, at)],
        "six.example": [Found("six.example", "192.0.2.6", 60, at), Found("six.example", "2001:db8::6", 60, at)],
        "within.example": [Found("within.example", "192.0.2.9", 60, at)],
        "other.example": [Found("other.example", "192.0.2.66", 60, at)],
    }
    documents = import_module("resolver.netpol.kubernetes").write(wanted)
    (_, rule) = documents[0]["spec"]["egress"]
    networks = [peer["ipBlock"]["cidr"] for peer in rule["to"] if isinstance(peer, dict)]
    assert networks == ["192.0.2.1/32", "2001:db8::1/128", "2001:db8::6/128", "192.0.2.9/32"]
    assert f"api.example, looked up {at}, good for 60 s" in rule["to"]
    assert mistakes([_plain(one) for one in documents]) == []
    assert any("*.wild.example" in said for said in wanted.unsaid)
    assert any("only the name itself" in said for said in wanted.unsaid)


def test_rules_that_namespaces_make_are_said_not_to_be_read() -> None:
    policy = "policy {\ndefault deny\nconfigmaps\ndelegate shop .shop.example\n}"
    text = f". {{\nidentity\n{policy}\nforward . 192.0.2.1\n}}\n"
    found = grants(assemble(load_text(text, environ={}), throwaway_host(), 53), ["shop"])
    assert found.grants == []
    assert any("ConfigMaps are not read" in said for said in found.unsaid)


def _plain(document: Any) -> Any:
    """As the API server gets it: without comments."""
    import yaml

    from resolver.manifests.text import render

    return yaml.safe_load(render(document))
