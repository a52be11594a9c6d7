"""policy looks into answers: aliases, addresses of the inside."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, from_records
from resolver.chain.trail import Trail
from resolver.wire.constants import AAAA, CNAME, NOERROR, REFUSED, A
from resolver.wire.names import from_text
from resolver.wire.records import record
from tests.plugins.chains import answering, question
from tests.plugins.policy.scenes import Scene, records, why

ALIAS = {"www.good.example.": [("www.good.example", CNAME, "www.bad.example"), ("www.bad.example", A, "192.0.2.9")]}


async def test_the_target_of_an_alias_is_checked() -> None:
    reply = await Scene("policy {\n deny .bad.example as no-bad\n}", ALIAS).ask("www.good.example")
    assert (reply.rcode, why(reply)) == (REFUSED, (15, "policy rule: no-bad"))
    assert reply.question.startswith(from_text("www.good.example"))


@pytest.mark.parametrize(("aliases", "source"), [("follow", "forward"), ("strict", "policy")])
async def test_a_target_without_a_rule_is_as_aliases_says(aliases: str, source: str) -> None:
    lines = f"policy {{\n default deny\n allow www.good.example\n aliases {aliases}\n}}"
    assert (await Scene(lines, ALIAS).ask("www.good.example")).source == source


async def test_an_alias_that_is_only_audited_is_written_down() -> None:
    trail = Trail()
    reply = await Scene("policy {\n audit .bad.example as look\n}", ALIAS).ask("www.good.example", trail=trail)
    assert (reply.source, trail.decision, trail.rule) == ("forward", "audit-only", "look")


INSIDE = {"rebind.example.": [("rebind.example", A, "192.0.2.1"), ("rebind.example", A, "10.0.0.1")]}
INSIDE6 = {"rebind.example.": [("rebind.example", AAAA, "::ffff:127.0.0.1")]}


@pytest.mark.parametrize(("data", "qtype"), [(INSIDE, "A"), (INSIDE6, "AAAA")])
async def test_inside_addresses_from_outside_are_refused(
    data: dict[str, list[tuple[str, int, str]]], qtype: str
) -> None:
    reply = await Scene("policy", data).ask("rebind.example", qtype)
    assert (reply.rcode, reply.sections.answer, why(reply)) == (REFUSED, [], (15, "policy rule: rebinding"))


@pytest.mark.parametrize(
    "line",
    ["rebinding off", "rebinding refuse allow .example", "rebinding refuse net 10.0.0.0/24", "rebinding audit-only"],
)
async def test_inside_addresses_pass_where_they_are_allowed(line: str) -> None:
    assert (await Scene(f"policy {{\n {line}\n}}", INSIDE).ask("rebind.example")).source == "forward"


async def test_what_the_server_itself_has_may_be_inside() -> None:
    assert (await Scene("policy", INSIDE, source="hosts").ask("rebind.example")).source == "hosts"


async def test_what_the_cache_has_may_be_from_outside() -> None:
    assert (await Scene("policy", INSIDE, source="cache").ask("rebind.example")).source == "policy"


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("203.0.113.9", "policy"), ("::ffff:203.0.113.9", "policy"), ("64:ff9b::cb00:7109", "policy"),
        ("2002:cb00:7109::", "policy"), ("2001:db8:1::1", "policy"), ("10.0.0.1", "policy"),
        ("203.0.113.130", "forward"), ("198.51.100.1", "forward"), ("2001:db8:2::1", "forward"),
        ("64:ff9b::198.51.100.1", "forward"),
    ],
)  # fmt: skip
async def test_more_addresses_may_count_as_inside(address: str, source: str) -> None:
    qtype, rtype = ("AAAA", AAAA) if ":" in address else ("A", A)
    lines = "rebinding refuse allow own.example net 203.0.113.128/25 private 203.0.113.0/24 2001:db8:1::/48"
    data = {name: [(name, rtype, address)] for name in ("any.example.", "own.example.")}
    scene = Scene(f"policy {{\n {lines}\n}}", data)
    assert (await scene.ask("any.example", qtype)).source == source
    assert (await scene.ask("own.example", qtype)).source == "forward"


@pytest.mark.parametrize(
    ("hint", "rcode"),
    [
        (b"\0\4\0\4" + bytes((192, 168, 0, 1)), REFUSED),
        (b"\0\4\0\x08" + bytes((192, 0, 2, 1, 240, 0, 0, 1)), REFUSED),
        (b"\0\6\0\x10" + ip_address("fd00::1").packed, REFUSED),
        (b"\0\4\0\4" + bytes((192, 0, 2, 1)) + b"\0\6\0\x10" + ip_address("feff::1").packed, REFUSED),
        (b"\0\4\0\4" + bytes((192, 0, 2, 1)) + b"\0\6\0\x10" + ip_address("2001:db8::1").packed, NOERROR),
    ],
)
@pytest.mark.parametrize("rtype", ["HTTPS", "SVCB"])
async def test_address_hints_count_as_addresses(hint: bytes, rcode: int, rtype: str) -> None:
    def answer(query: Query) -> Reply:
        return from_records(query, "forward", [record(query.qname, query.qtype, 60, b"\0\1\0" + hint)])

    reply = await Scene("policy").part.resolve(question("rebind.example", rtype), answering(answer))
    assert reply.rcode == rcode


async def test_a_denied_alias_is_replayed_no_longer_than_the_answer_it_was_found_in() -> None:
    reply = await Scene("policy {\n deny .bad.example\n}", ALIAS).ask("www.good.example")
    assert reply.replay is not None
    assert len(records(ALIAS["www.good.example."])) == 2
