"""What policy takes in a Corefile and in YAML, and the mistakes that it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resolver.config.load import load_text
from resolver.config.model import ServerBlock
from resolver.errors import ConfigErrors
from resolver.plugins.policy.handler import PolicyPlugin
from resolver.plugins.policy.settings import Settings
from tests.plugins.chains import World
from tests.plugins.policy.scenes import Scene


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("default maybe", "maybe is not known"),
        ("default allow nxdomain", "what is allowed has no action"),
        ("default deny explode", "explode is no action"),
        ("mode dry", "dry is not known"),
        ("allow", "does not say which names"),
        ("rebinding refuse 10.0.0.0/8", "unexpected"),
        ("rebinding refuse private", "nothing behind private"),
        ("rebinding refuse private 10.0.0.0/99", "10.0.0.0/99"),
        ("rules a b c", "unexpected"),
        ("rules a reload 1ms", "shorter"),
        ("rpz x", "at least 3"),
        ("rpz x file a key b", "key has one word"),
        ("rpz x file a transfer from 192.0.2.1", "a file or by transfer"),
        ("rpz x transfer 192.0.2.1", "from where"),
        ("rpz x file a servfail-until-ready", "for zones by transfer"),
        ("rpz x transfer from 192.0.2.1 servfail-until-ready audit-only", "ends the line"),
        ("rpz x transfer from 192.0.2.1 audit-only except a.example", "ends the line"),
        ("rpz x transfer from example", "not an IP address"),
        ("group web", "a group has a name"),
        ("group web net 10.0.0.0/8\ngroup web net 10.0.0.0/9", "is there twice"),
        ("nonsense", "no option nonsense"),
    ],
)
def test_mistakes_are_refused(line: str, words: str) -> None:
    with pytest.raises(ConfigErrors, match=words):
        World().build(f". {{\n policy {{\n  {line}\n }}\n}}\n")


def test_two_policies_for_the_same_zone_are_refused() -> None:
    with pytest.raises(ConfigErrors, match="for the same zone"):
        World().build(". {\n policy\n policy\n}\n")


def test_yaml_says_the_same_as_a_corefile() -> None:
    corefile = """. {
    policy example {
        default deny nxdomain
        group web net 127.0.0.0/8
        allow .example.com *.example.net clients web as x
        ttl 5
    }
}"""
    yaml = """
".":
  - policy example:
      - default deny nxdomain
      - group web net 127.0.0.0/8
      - allow .example.com *.example.net clients web as x
      - ttl 5
"""
    one, other = (
        build_policy(load_text(text, name=file, environ={}).blocks[0])
        for text, file in ((corefile, "C"), (yaml, "c.yaml"))
    )
    assert [(rule.pattern, rule.who, rule.name) for rule in one.rules] == [
        (rule.pattern, rule.who, rule.name) for rule in other.rules
    ]
    assert replace(one, rules=()) == replace(other, rules=())


def build_policy(block: ServerBlock) -> Settings:
    part = World().build_source(block).parts[0]
    assert isinstance(part, PolicyPlugin)
    return part.scopes[0].settings


@pytest.mark.parametrize("line", ["policy deny bad.example", "policy default deny", "policy example.org rules FILE"])
def test_a_rule_without_a_block_is_not_taken_for_a_zone(line: str) -> None:
    with pytest.raises(ConfigErrors, match="is no zone"):
        Scene(line)
