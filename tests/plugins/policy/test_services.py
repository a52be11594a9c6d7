"""The targets of SVCB and HTTPS records in answers (RFC 9460)."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.trail import Trail
from resolver.plugins.policy.inspection import leads_on
from resolver.wire.constants import CNAME, HTTPS, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, SVCB, A
from resolver.wire.names import from_text
from resolver.wire.records import Record, record
from tests.plugins.chains import answering, question
from tests.plugins.policy.scenes import Scene, why
from tests.plugins.policy.test_feeds import write

DENY = "policy {\n deny .bad.example as no-bad\n}"
ASKED = "www.good.example"
ALPN = b"\0\1\0\3\2h2"


def service(target: str, owner: str = ASKED, *, priority: int = 1, rtype: int = HTTPS) -> Record:
    """A record that says where a service is; priority 0 makes it an alias."""
    rdata = priority.to_bytes(2, "big") + from_text(target) + (ALPN if priority else b"")
    return record(from_text(owner), rtype, 60, rdata)


async def ask(
    scene: Scene, answer: list[Record], additional: list[Record] | None = None, qtype: str = "HTTPS"
) -> Reply:
    """What the client gets of an answer from outside."""

    def say(query: Query) -> Reply:
        reply = from_records(query, "forward", answer, [], additional or [], authoritative=False)
        reply.replay = Replay(math.inf)
        return reply

    return await scene.part.resolve(question(ASKED, qtype), answering(say))


@pytest.mark.parametrize("priority", [0, 1])
@pytest.mark.parametrize(("rtype", "qtype"), [(HTTPS, "HTTPS"), (SVCB, "SVCB")])
async def test_a_denied_target_denies_the_answer(priority: int, rtype: int, qtype: str) -> None:
    scene = Scene(DENY)
    reply = await ask(scene, [service("Svc.BAD.example", priority=priority, rtype=rtype)], qtype=qtype)
    assert (reply.rcode, reply.sections.answer, why(reply)) == (REFUSED, [], (15, "policy rule: no-bad"))
    passing = await ask(scene, [service("svc.good.example", priority=priority, rtype=rtype)], qtype=qtype)
    assert (passing.rcode, len(passing.sections.answer)) == (NOERROR, 1)


async def test_one_denied_target_of_several_is_enough() -> None:
    reply = await ask(Scene(DENY), [service("a.good.example"), service("b.bad.example", priority=2)])
    assert reply.rcode == REFUSED


async def test_what_the_target_leads_to_is_checked_where_the_answer_brings_it_along() -> None:
    scene, middle = Scene(DENY), "cdn.good.example"
    alias = record(from_text(middle), CNAME, 60, from_text("b.bad.example"))
    assert (await ask(scene, [service(middle, priority=0)], [alias])).rcode == REFUSED
    further = service("b.bad.example", middle, priority=0)
    assert (await ask(scene, [service(middle, priority=0)], [further])).rcode == REFUSED
    assert (await ask(scene, [service(middle, priority=0)])).rcode == NOERROR


async def test_a_service_behind_an_alias_is_checked() -> None:
    alias = record(from_text(ASKED), CNAME, 60, from_text("other.example"))
    assert (await ask(Scene(DENY), [alias, service("svc.bad.example", "other.example")])).rcode == REFUSED


@pytest.mark.parametrize("target", [".", ASKED])
@pytest.mark.parametrize("aliases", ["follow", "strict"])
async def test_a_service_at_its_own_name_needs_nothing_more(target: str, aliases: str) -> None:
    scene = Scene(f"policy {{\n default deny\n allow {ASKED}\n aliases {aliases}\n}}")
    assert (await ask(scene, [service(target)])).rcode == NOERROR


@pytest.mark.parametrize(("aliases", "rcode"), [("follow", NOERROR), ("strict", REFUSED)])
async def test_a_target_without_a_rule_is_as_aliases_says(aliases: str, rcode: int) -> None:
    scene = Scene(f"policy {{\n default deny\n allow {ASKED}\n aliases {aliases}\n}}")
    assert (await ask(scene, [service("svc.elsewhere.example")])).rcode == rcode


async def test_a_target_that_is_only_audited_is_written_down() -> None:
    scene, trail = Scene("policy {\n mode audit-only\n deny .bad.example as no-bad\n}"), Trail()
    query = question(ASKED, "HTTPS")
    query.trail = trail
    reply = await scene.part.resolve(
        query, answering(lambda asked: from_records(asked, "forward", [service("b.bad.example")]))
    )
    assert (reply.rcode, trail.decision, trail.rule) == (NOERROR, "audit-only", "no-bad")


async def test_the_denial_is_replayed_no_longer_than_the_answer_and_ends_with_a_change() -> None:
    scene = Scene(DENY)
    leave = (await ask(scene, [service("b.bad.example")])).replay
    assert leave is not None
    assert not leave.live
    scene.part.changed()
    assert scene.world.withdrawn[0] in leave.tags


async def test_a_target_that_cannot_be_read_fails() -> None:
    broken = record(from_text(ASKED), HTTPS, 60, b"\0\1\xc0\x0c")
    assert (await ask(Scene("policy"), [broken])).rcode == SERVFAIL


async def test_triggers_of_response_policy_zones_count_for_targets(tmp_path: Path) -> None:
    write(tmp_path, "b.bad.example CNAME .\na.good.example CNAME rpz-passthru.\n24.0.113.0.203.rpz-ip CNAME *.\n")
    scene = Scene("policy {\n rpz rpz.test file rpz.db\n}", root=tmp_path)
    await scene.part.start()
    assert (await ask(scene, [service("b.bad.example", priority=0)])).rcode == NXDOMAIN
    one, other = service("a.good.example"), service("b.bad.example")
    assert (await ask(scene, [one, other])).rcode == NXDOMAIN  # each is there for itself
    address = record(from_text("a.good.example"), A, 60, bytes((203, 0, 113, 1)))
    assert (await ask(scene, [one], [address])).source == "policy"
    await scene.part.stop()


def test_answers_that_lead_nowhere_else_are_not_taken_apart() -> None:
    asked = question(ASKED, "HTTPS")
    for answer, expected in (([service(".")], False), ([service(".", priority=0)], False), ([service("x.")], True)):
        assert leads_on(from_records(asked, "forward", answer).body) is expected
