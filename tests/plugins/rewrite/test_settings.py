"""What can be written behind rewrite, and what cannot."""

from __future__ import annotations

import pytest

from resolver.errors import ConfigErrors
from tests.plugins.chains import World, question
from tests.plugins.rewrite.rewriting import Rewriting


@pytest.mark.parametrize(
    "rule",
    [
        "name a b",
        "NAME a b",
        "STOP name a b",
        "continue name EXACT a. b.",
        "name prefix a b answer auto",
        "name regex (.*)\\.a {1}.b answer name (.*)\\.b {1}.a value x y",
        "name regex ^(.*)-(.*)-(.*)-(.*)\\.example\\.org\\.$ {1}.{2}.{3}.{4}",
        "name exact a b answer value c d answer value e f",
        "name suffix a b answer name auto answer value c d",
        "name suffix a b answer name auto",
        "name regex (a) {5}",
        "name regex a {0}.b",
        "type any TYPE65280",
        "class ch in",
        "edns0 local set 0xffee 0x6162",
        "edns0 LOCAL SET 65518 text revert",
        "edns0 local append 0o17 {qname}",
        "edns0 local replace 017 {client_ip} revert",
        "edns0 local set 0b11 {forward/upstream}",
        "edns0 local unset 0xffee",
        "edns0 nsid set",
        "edns0 nsid append revert",
        "edns0 nsid unset",
        "edns0 subnet set 24 56",
        "edns0 subnet replace 0 0 revert",
        "edns0 subnet unset",
        "ttl a 30",
        "ttl regex (.*) 30-300",
        "ttl suffix a -30",
        "ttl prefix a 4294967295",
        "rcode a 2 0",
        "rcode substring a nxdomain Refused",
        "cname a b",
        "cname regex (.*)\\.A\\. {1}.b.",
        "{\n name a b\n}",
        "continue {\n name regex (.*)\\.a {1}.b\n answer name (.*)\\.b {1}.a\n}",
        "name {\n exact a b\n}",
    ],
)
def test_rules_are_read(rule: str) -> None:
    assert World().part(f". {{\n rewrite {rule}\n}}\n").program.rules


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("", "needs a rule"),
        ("stop", "needs a rule"),
        ("nme a b", "did you mean name"),
        ("answer auto", "behind a name rule"),
        ("name a", "something is missing"),
        ("name", "something is missing"),
        ("name a b answer auto", "no way to match"),
        ("name exact a b c", "begins with answer"),
        ("name exact a b answer", "auto, name or value"),
        ("name exact a b answer naem a b", "kind of answer rule"),
        ("name suffix a b answer value a", "needs a regexp and a name"),
        ("name suffix a b answer auto answer name a b", "exclude each other"),
        ("name regex ( b", "cannot use regexp"),
        ("name regex a {1}", "uses 1 group and the regexp has 0"),
        ("name suffix a b answer name x {1}.{2}", "uses 2 groups"),
        ("type A", "something is missing"),
        ("type A B", "not a record type"),
        ("type A AAAA MX", "too much"),
        ("class IN XX", "not a class"),
        ("edns0 local", "something is missing"),
        ("edns0 nonsense set", "not known here"),
        ("edns0 local get 1 2", "not known here"),
        ("edns0 local set 1", "something is missing"),
        ("edns0 local set 65536 x", "out of range"),
        ("edns0 local set x y", "not an option code"),
        ("edns0 local set -1 y", "out of range|not an option code"),
        ("edns0 local set 1 0xabc", "not in hexadecimal"),
        ("edns0 local set 1 0x" + "00" * 4097, "longer than 4096"),
        ("edns0 local set 1 {nonsense}", "is no variable"),
        ("edns0 local set 1 {/nonsense}", "is no variable"),
        ("edns0 local unset 1 2", "too much"),
        ("edns0 nsid set 1", "too much"),
        ("edns0 nsid unset revert", "too much"),
        ("edns0 subnet set 24", "something is missing"),
        ("edns0 subnet set 33 56", "out of range"),
        ("edns0 subnet set 24 129", "out of range"),
        ("edns0 subnet unset 24", "too much"),
        ("ttl a", "something is missing"),
        ("ttl a b", "not a TTL"),
        ("ttl a -", "not a TTL"),
        ("ttl a 1-2-3", "not a TTL"),
        ("ttl a 5-4", "not a range"),
        ("ttl a 4294967296", "not a range"),
        ("ttl nonsense a 5", "no way to match"),
        ("rcode a 2", "something is missing"),
        ("rcode a 2 24", "out of range"),
        ("rcode a 2 NOPE", "not a response code"),
        ("rcode exact a 2 0 1", "too much"),
        ("cname a", "something is missing"),
        ("cname suffix a b c", "too much"),
        ("name a b {\n answer auto\n}", "either behind rewrite or in its block"),
        ("{\n name a b {\n answer auto\n }\n}", "no block of its own"),
    ],
)
def test_mistakes_are_told(rule: str, complaint: str) -> None:
    with pytest.raises(ConfigErrors, match=complaint):
        World().build(f". {{\n rewrite {rule}\n}}\n")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigErrors) as found:
        World().build(". {\n rewrite name a\n rewrite type A B\n}\n")
    assert [error.at.line for error in found.value.errors if error.at] == [2, 3]


@pytest.mark.parametrize(
    ("rule", "warning"),
    [
        ("name a..b c", "no name can match a..b"),
        ("name suffix a..b c", "no name can match"),
        ("ttl prefix a..b 30", "no name can match"),
        ("name a b..c", "questions for a fail"),
        ("cname suffix .a.net .b.net.", "no target ends in .a.net"),
    ],
)
async def test_what_cannot_be_meant_so_is_said_at_the_start(rule: str, warning: str) -> None:
    rewriting = Rewriting(rule)
    await rewriting.part.start()
    assert any(warning in line and "WARNING" in line for line in rewriting.world.lines)


async def test_a_rule_that_leads_to_no_name_fails_its_questions() -> None:
    rewriting = Rewriting("name a b..c")
    reply = await rewriting.ask(question("a"))
    assert (reply.rcode, "cannot be rewritten" in reply.error, rewriting.seen) == (2, True, [])
