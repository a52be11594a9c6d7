"""What a zone says to questions."""

from __future__ import annotations

import pytest

from resolver.wire.constants import TYPE_NUMBERS
from resolver.wire.names import from_text
from resolver.zone.lookup import Found, Outcome, lookup
from tests.zone.zones import sections, zone_of

ZONE = zone_of("""
@ 3600 SOA ns1 host 2024 7200 1800 1209600 300
@ 3600 NS ns1
@ 3600 NS ns2.example.net.
@ 3600 MX 10 mail
ns1 A 192.0.2.53
mail A 192.0.2.25
mail AAAA 2001:db8::25
www A 192.0.2.1
WwW AAAA 2001:db8::1
alias CNAME WWW
chain CNAME alias
out CNAME www.Example.net.
dangling CNAME missing
loop1 CNAME loop2
loop2 CNAME loop1
deep.a.b A 192.0.2.2
*.wild A 192.0.2.3
real.wild A 192.0.2.4
*.cwild CNAME www
*.a.wild TXT "deeper"
sub NS ns1.sub
sub NS ns.else.example.net.
sub DS 4711 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
ns1.sub A 192.0.2.61
dn DNAME target
below.dn A 192.0.2.99
www.target A 192.0.2.5
_sip._tcp SRV 1 2 5060 mail
""")
SERVERS = ["example.org. NS", "example.org. NS"]
START = ["example.org. SOA"]


def ask(name: str, qtype: str = "A") -> Found:
    return lookup(ZONE, from_text(f"{name}.example.org." if name else "example.org."), TYPE_NUMBERS[qtype])


@pytest.mark.parametrize(
    ("name", "qtype", "answer"),
    [
        ("www", "A", ["www.example.org. A"]),
        ("www", "AAAA", ["www.example.org. AAAA"]),
        ("www", "ANY", ["www.example.org. A", "www.example.org. AAAA"]),
        ("alias", "CNAME", ["alias.example.org. CNAME"]),
        ("alias", "A", ["alias.example.org. CNAME", "www.example.org. A"]),
        ("chain", "A", ["alias.example.org. CNAME", "chain.example.org. CNAME", "www.example.org. A"]),
        ("x.wild", "A", ["x.wild.example.org. A"]),
        ("x.y.wild", "A", ["x.y.wild.example.org. A"]),
        ("real.wild", "A", ["real.wild.example.org. A"]),
        ("*.wild", "A", ["*.wild.example.org. A"]),
        ("x.a.wild", "TXT", ["x.a.wild.example.org. TXT"]),
        ("x.cwild", "A", ["www.example.org. A", "x.cwild.example.org. CNAME"]),
        ("sub", "DS", ["sub.example.org. DS"]),
        ("dn", "DNAME", ["dn.example.org. DNAME"]),
        ("www.dn", "A", ["dn.example.org. DNAME", "www.dn.example.org. CNAME", "www.target.example.org. A"]),
    ],
)
def test_positive_answers_come_with_the_name_servers(name: str, qtype: str, answer: list[str]) -> None:
    found = ask(name, qtype)
    assert (found.outcome, sections(found)) == (Outcome.ANSWER, (answer, SERVERS, []))


def test_the_apex_has_its_servers_in_the_answer_and_their_addresses_beside_it() -> None:
    found = ask("", "NS")
    assert sections(found) == (SERVERS, [], ["ns1.example.org. A"])


@pytest.mark.parametrize(("name", "qtype"), [("", "MX"), ("_sip._tcp", "SRV")])
def test_addresses_of_named_hosts_are_added(name: str, qtype: str) -> None:
    assert sections(ask(name, qtype))[2] == ["mail.example.org. A", "mail.example.org. AAAA"]


@pytest.mark.parametrize(
    ("name", "qtype"),
    [("www", "TXT"), ("b", "A"), ("a.b", "A"), ("wild", "A"), ("x.wild", "TXT"), ("a.wild", "A"), ("", "AAAA")],
)
def test_a_name_without_such_records_exists_all_the_same(name: str, qtype: str) -> None:
    found = ask(name, qtype)
    assert (found.outcome, sections(found)) == (Outcome.NO_DATA, ([], START, []))


@pytest.mark.parametrize("name", ["nope", "x.www", "x.real.wild", "x.deep.a.b", "x.b"])
def test_a_name_that_is_not_there_and_that_no_wildcard_covers(name: str) -> None:
    found = ask(name)
    assert (found.outcome, sections(found)) == (Outcome.NO_NAME, ([], START, []))


def test_a_wildcard_does_not_reach_below_a_name_that_exists() -> None:
    assert ask("x.a.wild", "A").outcome == Outcome.NO_DATA  # *.a.wild covers it, *.wild does not
    assert ask("x.y.a.wild", "TXT").outcome == Outcome.ANSWER


def test_an_alias_to_nowhere_is_a_denial_behind_the_alias() -> None:
    found = ask("dangling")
    assert (found.outcome, sections(found)) == (Outcome.NO_NAME, (["dangling.example.org. CNAME"], START, []))


def test_an_alias_out_of_the_zone_names_its_target() -> None:
    found = ask("out")
    assert (found.outcome, found.target) == (Outcome.ALIAS, b"\3www\7Example\3net\0")
    assert sections(found) == (["out.example.org. CNAME"], [], [])


def test_a_circle_of_aliases_ends() -> None:
    assert ask("loop1").outcome == Outcome.LOOP


@pytest.mark.parametrize(
    ("name", "qtype"), [("sub", "A"), ("sub", "NS"), ("ns1.sub", "A"), ("x.y.sub", "MX"), ("x.sub", "DS")]
)
def test_names_of_a_zone_below_are_referred_to_its_servers(name: str, qtype: str) -> None:
    found = ask(name, qtype)
    servers = ["sub.example.org. NS", "sub.example.org. NS"]
    assert (found.outcome, sections(found)) == (Outcome.REFERRAL, ([], servers, ["ns1.sub.example.org. A"]))


def test_what_stands_below_a_dname_is_hidden() -> None:
    assert "below.dn.example.org. CNAME" in sections(ask("below.dn"))[0]


def test_an_alias_that_a_dname_makes_too_long_is_none() -> None:
    zone = zone_of(f"@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\ndn DNAME {'.'.join(['t' * 60] * 3)}\n")
    name = from_text(".".join(["x" * 60] * 2) + ".dn.example.org.")
    assert lookup(zone, name, 1).outcome == Outcome.TOO_LONG
