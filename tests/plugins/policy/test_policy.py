"""policy: who may resolve what."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.trail import Trail
from resolver.policy.rules import Decision
from resolver.wire.constants import NOERROR, NXDOMAIN, RA, REFUSED, SOA
from resolver.wire.names import from_text
from resolver.wire.records import soa_minimum
from tests.plugins.chains import question
from tests.plugins.policy.scenes import ALLOW_LIST, Scene, shown, why


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


@pytest.mark.parametrize("action", ["refused", "nxdomain", "nodata", "sinkhole 192.0.2.80"])
async def test_every_denial_says_that_recursion_is_available(action: str) -> None:
    reply = await Scene(f"policy {{\n deny bad.example action {action}\n}}").ask("bad.example")
    assert reply.flags & RA


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
