"""policy: who may resolve what."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from resolver.chain.capabilities import UNSETTLED, Identity
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.trail import Trail
from resolver.config.load import load_text
from resolver.config.model import ServerBlock
from resolver.errors import ConfigErrors
from resolver.plugins.policy.handler import PolicyPlugin
from resolver.plugins.policy.settings import Settings
from resolver.policy.rules import Decision
from resolver.wire.constants import AAAA, CNAME, NOERROR, NXDOMAIN, RA, REFUSED, SOA, A
from resolver.wire.names import from_text
from resolver.wire.records import record, soa_minimum
from tests.plugins.chains import World, answering, question
from tests.plugins.policy.scenes import Scene, records, shown, why

ALLOW_LIST = """policy {
    default deny
    allow .example.com as partners
    deny bad.example.com action nodata
}"""


async def test_names_without_a_rule_pass_unless_they_are_denied_by_default() -> None:
    assert (await Scene("policy {\n deny bad.example\n}").ask("other.example")).source == "forward"
    reply = await Scene(ALLOW_LIST).ask("other.example")
    assert (reply.rcode, reply.source, why(reply)) == (REFUSED, "policy", (18, "policy rule: default"))


async def test_what_is_allowed_passes_whatever_its_spelling() -> None:
    assert (await Scene(ALLOW_LIST).ask("API.Example.COM")).source == "forward"


async def test_the_more_specific_rule_decides() -> None:
    reply = await Scene(ALLOW_LIST).ask("bad.example.com")
    assert (reply.rcode, why(reply)) == (NOERROR, (15, "policy rule: deny bad.example.com"))


@pytest.mark.parametrize(("action", "rcode"), [("nxdomain", NXDOMAIN), ("nodata", NOERROR), ("sinkhole ::1", NOERROR)])
async def test_denials_without_records_say_how_long_they_hold(action: str, rcode: int) -> None:
    reply = await Scene(f"policy example {{\n deny bad.example action {action}\n ttl 7\n}}").ask("bad.example")
    (soa,) = reply.sections.authority
    assert (reply.rcode, reply.sections.answer) == (rcode, [])
    assert (soa.owner, soa.type, soa.ttl, soa_minimum(soa.rdata)) == (from_text("example"), SOA, 7, 7)


async def test_a_sinkhole_has_addresses_of_both_families() -> None:
    scene = Scene("policy {\n action sinkhole 192.0.2.80 2001:db8::80\n deny bad.example\n}")
    assert shown(await scene.ask("bad.example")) == ["bad.example. A 192.0.2.80"]
    assert shown(await scene.ask("bad.example", "AAAA")) == ["bad.example. AAAA 2001:db8::80"]
    assert shown(await scene.ask("bad.example", "TXT")) == []


async def test_a_dropped_query_gets_no_answer() -> None:
    assert (await Scene("policy {\n deny bad.example action drop\n}").ask("bad.example")).silent


async def test_types_are_told_apart() -> None:
    scene = Scene("policy {\n deny .example type AAAA TXT\n}")
    assert (await scene.ask("www.example", "A")).source == "forward"
    assert (await scene.ask("www.example", "AAAA")).rcode == REFUSED
    assert (await scene.ask("www.example", "ANY")).rcode == REFUSED


async def test_only_names_of_its_zones_are_checked() -> None:
    scene = Scene("policy corp.example {\n default deny\n}")
    assert (await scene.ask("www.corp.example")).rcode == REFUSED
    assert (await scene.ask("www.example")).source == "forward"


async def test_of_two_policies_the_one_with_the_longer_zone_counts() -> None:
    scene = Scene("policy . {\n default deny\n}\npolicy corp.example {\n default allow\n}")
    assert (await scene.ask("www.corp.example")).source == "forward"
    assert (await scene.ask("www.example")).rcode == REFUSED


async def test_audit_only_lets_pass_and_writes_down() -> None:
    scene, trail = Scene(f"{ALLOW_LIST[:-1]} mode audit-only\n}}"), Trail()
    reply = await scene.ask("other.example", trail=trail)
    assert (reply.source, trail.decision, trail.rule) == ("forward", "audit-only", "default")
    assert scene.world.metric("coredns_policy_decisions_total", "dns://:5300", "example.", "", "audit-only") == 1


async def test_a_rule_that_audits_lets_pass() -> None:
    scene, trail = Scene("policy {\n default deny\n audit .example as look\n}"), Trail()
    assert (await scene.ask("www.example", trail=trail)).source == "forward"
    assert (trail.decision, trail.rule) == ("audit-only", "look")
    assert scene.world.metric("coredns_policy_rule_decisions_total", "look", "audit-only") == 1


async def test_what_was_decided_is_written_down() -> None:
    trail = Trail()
    await Scene(ALLOW_LIST).ask("www.example.com", trail=trail)
    assert (trail.decision, trail.rule) == ("allow", "partners")
    await Scene(ALLOW_LIST).ask("other.example", trail=trail)
    assert (trail.decision, trail.rule) == ("deny", "default")


async def test_the_name_before_rewriting_is_checked_as_well() -> None:
    scene = Scene(ALLOW_LIST)
    assert (await scene.ask("www.example.com", was="other.example")).rcode == REFUSED
    assert (await scene.ask("other.example", was="www.example.com")).rcode == REFUSED
    assert (await scene.ask("a.example.com", was="b.example.com")).source == "forward"


# --- clients


async def test_networks_are_told_apart() -> None:
    scene = Scene("policy {\n default deny\n group build net 10.8.0.0/16\n allow .example clients build\n}")
    assert (await scene.ask("a.example", client="10.8.1.1")).source == "forward"
    assert (await scene.ask("a.example", client="10.9.1.1")).rcode == REFUSED
    assert scene.part.group("10.8.1.1") == scene.part.group("10.8.7.7") != scene.part.group("10.9.1.1")


async def test_all_clients_are_of_one_group_where_no_rule_tells_them_apart() -> None:
    part = Scene(ALLOW_LIST).part
    assert part.group("10.0.0.1") == part.group("2001:db8::1")


def test_rules_about_pods_need_somebody_who_knows_them() -> None:
    with pytest.raises(ConfigErrors, match="need the directive identity"):
        World().build(". {\n policy {\n  allow a.example namespace shop\n }\n}\n")


PODS = {"10.0.0.7": Identity("shop", "web-1", "web", labels={"app": "web"}), "10.0.0.8": Identity("ops", "x")}
POD_RULES = """policy {
    default deny
    allow .shop.example namespace shop
    allow .web.example label app=web
    allow .pay.example service_account shop/web
}"""


@pytest.mark.parametrize("zone", ["shop", "web", "pay"])
async def test_pods_are_told_apart(zone: str) -> None:
    scene = Scene(POD_RULES, pods=dict(PODS))
    assert (await scene.ask(f"a.{zone}.example", client="10.0.0.7")).source == "forward"
    assert (await scene.ask(f"a.{zone}.example", client="10.0.0.8")).rcode == REFUSED
    assert (await scene.ask(f"a.{zone}.example", client="10.0.0.99")).rcode == REFUSED


async def test_who_is_not_known_yet_is_waited_for_and_not_remembered() -> None:
    scene = Scene(POD_RULES, pods=dict(PODS))
    scene.people.late.add("10.0.0.7")
    assert scene.part.group("10.0.0.7") is UNSETTLED
    assert (await scene.ask("a.shop.example", client="10.0.0.7")).source == "forward"
    scene.people.pods["10.0.0.7"] = PODS["10.0.0.7"]
    scene.people.late.clear()
    assert scene.part.group("10.0.0.7") is not UNSETTLED


async def test_an_address_that_another_pod_has_now_is_sorted_anew() -> None:
    scene = Scene(POD_RULES, pods=dict(PODS))
    resorted: list[str | None] = []
    scene.world.host.resort = resorted.append
    await scene.part.start()
    before = scene.part.group("10.0.0.7")
    scene.people.move("10.0.0.7", Identity("ops", "y"))
    assert resorted == ["10.0.0.7"]
    assert scene.part.group("10.0.0.7") == scene.part.group("10.0.0.8") != before
    assert (await scene.ask("a.shop.example", client="10.0.0.7")).rcode == REFUSED
    await scene.part.stop()


# --- what comes back

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


# --- replays


async def test_denials_may_be_replayed_until_rules_change() -> None:
    scene = Scene(ALLOW_LIST)
    leave = (await scene.ask("other.example")).replay
    assert leave is not None
    assert (leave.until, leave.live) == (math.inf, True)
    scene.part.changed()
    assert scene.world.withdrawn == list(leave.tags)


async def test_replays_are_counted_as_the_answer_was() -> None:
    scene = Scene(ALLOW_LIST)
    for name in ("other.example", "www.example.com"):
        leave = (await scene.ask(name)).replay
        assert leave is not None
        for count in leave.counts:
            count(4)
    assert scene.world.metric("coredns_policy_rule_decisions_total", "default", "refused") == 5
    assert scene.world.metric("coredns_policy_rule_decisions_total", "partners", "allow") == 5


async def test_what_is_allowed_is_withdrawn_when_rules_change() -> None:
    scene = Scene(ALLOW_LIST)
    leave = (await scene.ask("www.example.com")).replay
    assert leave is not None
    scene.part.changed()
    assert scene.world.withdrawn[0] in leave.tags


async def test_a_denied_alias_is_replayed_no_longer_than_the_answer_it_was_found_in() -> None:
    reply = await Scene("policy {\n deny .bad.example\n}", ALIAS).ask("www.good.example")
    assert reply.replay is not None
    assert len(records(ALIAS["www.good.example."])) == 2


# --- mistakes


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


async def test_what_was_decided_before_a_change_is_not_replayed_after_it() -> None:
    scene = Scene(ALLOW_LIST)

    async def slow(query: Query) -> Reply:
        scene.part.changed()  # while the upstream is asked
        reply = from_records(query, "forward", authoritative=False)
        reply.replay = Replay(math.inf)
        return reply

    reply = await scene.part.resolve(question("www.example.com"), slow)
    assert (reply.source, reply.replay) == ("forward", None)


class Notes:
    """A learner that counts."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, str]] = []

    def group(self, client: str) -> str:
        return client.partition(".")[0]

    def note(self, query: Query, found: Decision, *, missing: bool = False) -> Callable[[int], None]:
        self.seen.append((query.name, found.action))
        return lambda times: self.seen.extend([(query.name, found.action)] * times)


async def test_a_learner_sees_every_decision_and_its_replays() -> None:
    scene, notes = Scene(ALLOW_LIST), Notes()
    scene.part.learner = notes
    for name in ("www.example.com", "other.example"):
        leave = (await scene.ask(name)).replay
        assert leave is not None
        for count in leave.counts:
            count(1)
    assert notes.seen == [(from_text("www.example.com"), "allow")] * 2 + [(from_text("other.example"), "refused")] * 2
    assert scene.part.group("10.1.1.1") == scene.part.group("10.2.2.2") != scene.part.group("11.1.1.1")


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


@pytest.mark.parametrize("action", ["refused", "nxdomain", "nodata", "sinkhole 192.0.2.80"])
async def test_every_denial_says_that_recursion_is_available(action: str) -> None:
    reply = await Scene(f"policy {{\n deny bad.example action {action}\n}}").ask("bad.example")
    assert reply.flags & RA
