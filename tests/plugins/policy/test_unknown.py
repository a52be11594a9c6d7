"""Clients of whom nobody can tell which Pod they are, if they are one."""

from __future__ import annotations

import asyncio

import pytest

from resolver.chain.capabilities import UNSETTLED, Identity
from resolver.chain.trail import Trail
from resolver.errors import ConfigErrors
from resolver.plugins.identity import knowledge
from resolver.plugins.policy.clients import DOUBTS_APART
from resolver.policy.engine import DELEGATED
from resolver.policy.reading import parse_rules
from resolver.wire.constants import NOERROR, REFUSED
from tests.plugins.chains import World, question, until
from tests.plugins.identity.pods import identifying, pod
from tests.plugins.policy.scenes import Scene, why
from tests.support.kubeapi.server import FakeApi

LAB = Identity("lab", "probe", labels={"app": "probe"})
SHOP = Identity("shop", "web")
DENY = "policy {\n deny bad.example namespace lab as no-lab\n}"
CLIENT = "10.1.0.9"


def scene(lines: str, *, doubted: bool = True) -> Scene:
    """A policy, and a client who may be any Pod unless he is surely none."""
    found = Scene(lines, pods={"10.1.0.1": LAB, "10.1.0.2": SHOP})
    if doubted:
        found.people.doubted.add(CLIENT)
    return found


@pytest.mark.parametrize("who", ["namespace lab", "label app=probe", "service_account lab/robot", "clients lab"])
async def test_a_denial_for_pods_holds_for_who_may_be_one_of_them(who: str) -> None:
    found = scene(f"policy {{\n group lab namespace lab\n deny bad.example {who}\n}}")
    reply = await found.ask("bad.example", client=CLIENT)
    assert reply.rcode == REFUSED
    assert why(reply) == (18, "policy rule: deny bad.example (it is not known which Pod asks)")
    assert (await found.ask("good.example", client=CLIENT)).rcode == NOERROR


async def test_it_holds_for_nobody_else() -> None:
    found = scene(DENY, doubted=False)
    assert (await found.ask("bad.example", client=CLIENT)).rcode == NOERROR
    assert (await found.ask("bad.example", client="10.1.0.2")).rcode == NOERROR
    assert why(await found.ask("bad.example", client="10.1.0.1")) == (18, "policy rule: no-lab")


async def test_whoever_wants_it_lets_them_pass() -> None:
    found = scene("policy {\n unknown allow\n deny bad.example namespace lab\n}")
    assert (await found.ask("bad.example", client=CLIENT)).rcode == NOERROR
    assert (await found.ask("bad.example", client="10.1.0.1")).rcode == REFUSED


def test_there_is_no_third_way() -> None:
    with pytest.raises(ConfigErrors, match="maybe"):
        Scene("policy {\n unknown maybe\n}")


async def test_what_pods_are_allowed_is_not_allowed_to_who_may_be_none() -> None:
    found = scene("policy {\n default deny\n allow .example namespace lab\n audit .test namespace lab\n}")
    assert (await found.ask("good.example", client=CLIENT)).rcode == REFUSED
    assert (await found.ask("www.test", client=CLIENT)).rcode == REFUSED


async def test_rules_keep_their_order_and_the_more_specific_one_decides() -> None:
    found = scene(
        "policy {\n deny .example namespace lab\n allow www.example\n allow a.example\n deny a.example label x=y\n}"
    )
    for name, rcode in (("x.example", REFUSED), ("www.example", NOERROR), ("a.example", NOERROR)):
        assert (await found.ask(name, client=CLIENT)).rcode == rcode


async def test_a_network_in_the_rule_still_has_to_hold() -> None:
    for network, rcode in (("10.1.0.0/24", REFUSED), ("10.2.0.0/24", NOERROR)):
        found = scene(f"policy {{\n deny bad.example net {network} namespace lab\n}}")
        assert (await found.ask("bad.example", client=CLIENT)).rcode == rcode


async def test_audit_only_lets_pass_and_counts() -> None:
    found, trail = scene(f"{DENY[:-1]} mode audit-only\n}}"), Trail()
    assert (await found.ask("bad.example", client=CLIENT, trail=trail)).rcode == NOERROR
    assert (trail.decision, trail.rule) == ("audit-only", "no-lab")
    assert _unknown(found.world, "audit-only") == 1


async def test_it_is_counted_each_time_and_said_once_in_ten_minutes() -> None:
    now = [0.0]
    found = Scene(DENY, world=World(clock=lambda: now[0]), pods={})
    found.people.doubted.add(CLIENT)
    for seconds in (0.0, 1.0, DOUBTS_APART):
        now[0] += seconds
        reply = await found.ask("bad.example", client=CLIENT)
    assert _unknown(found.world) == 3
    assert sum("cannot be told which Pod" in line for line in found.world.lines) == 2
    assert reply.replay is not None
    for count in reply.replay.counts:
        count(5)
    assert _unknown(found.world) == 8


async def test_what_was_decided_in_doubt_ends_with_it() -> None:
    found = scene(DENY)
    resorted: list[str | None] = []
    found.world.host.resort = resorted.append
    await found.part.start()
    assert (await found.ask("bad.example", client=CLIENT)).rcode == REFUSED
    doubted, known = found.part.group(CLIENT), found.part.group("10.1.0.2")
    assert UNSETTLED not in (doubted, known)
    assert doubted != known
    found.people.doubted.clear()
    found.people.tell(CLIENT)
    assert resorted == [CLIENT]
    assert (await found.ask("bad.example", client=CLIENT)).rcode == NOERROR
    assert found.part.group(CLIENT) not in (doubted, UNSETTLED)


async def test_rules_of_a_namespace_are_for_its_own_pods_alone() -> None:
    found = scene(DENY)
    (scope,) = found.part.scopes
    scope.policy.put("shop", parse_rules("deny other.example namespace shop", "shop"), DELEGATED)
    scope.policy.rebuild()
    assert (await found.ask("other.example", client=CLIENT)).rcode == NOERROR
    assert (await found.ask("other.example", client="10.1.0.2")).rcode == REFUSED


# --- with the directive that knows Pods


async def _ask(block: object, client: str) -> int:
    reply = await block.resolve(question("bad.example.", client=(client, 5353)))  # type: ignore[attr-defined]
    return int(reply.rcode)


@pytest.mark.parametrize("scope", ["cluster", "node one", "seen"])
async def test_while_the_api_has_not_answered_the_denial_holds_and_then_for_whom_it_is(
    api: FakeApi, scope: str
) -> None:
    api.store.apply("pods", pod("probe", CLIENT, namespace="lab"))
    api.store.apply("pods", pod("web", "10.1.0.2", namespace="shop"))
    api.failing = 500
    options = f"scope {scope}\nwait 10ms\nstartup_timeout 10ms\napiserver_qps 1000\napiserver_burst 1000"
    now = [100.0]
    world = World(clock=lambda: now[0])
    async with identifying(world, api.url, options, f"{DENY}\nwhoami") as (part, block):
        assert [await _ask(block, client) for client in (CLIENT, "10.1.0.2", "127.0.0.1")] == [
            REFUSED,
            REFUSED,
            NOERROR,
        ]
        api.failing = 0
        now[0] += 6  # an address is looked up again
        await asyncio.wait_for(_met(part, now), 8)
        assert [await _ask(block, client) for client in (CLIENT, "10.1.0.2")] == [REFUSED, NOERROR]


async def _met(part: object, now: list[float]) -> None:
    while await part.meet("10.1.0.2") is None:  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
        now[0] += 1


async def test_when_nothing_is_believed_any_more_the_denial_holds_for_all(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge, "LOOK", 0.01)
    api.store.apply("pods", pod("web", "10.1.0.2", namespace="shop"))
    now = [100.0]
    options = "scope cluster\nstale 1m\nwait 10ms\napiserver_qps 1000\napiserver_burst 1000"
    async with identifying(World(clock=lambda: now[0]), api.url, options, f"{DENY}\nwhoami") as (part, block):
        assert await _ask(block, "10.1.0.2") == NOERROR
        await api.stop()
        await until(lambda: _later(now) and part.identify("10.1.0.2") is None)
        assert [await _ask(block, client) for client in ("10.1.0.2", CLIENT)] == [REFUSED, REFUSED]


def _later(now: list[float]) -> bool:
    now[0] += 1
    return True


def _unknown(world: World, action: str = "refused") -> float:
    return world.metric("coredns_policy_unknown_clients_total", "dns://:5300", "example.", "", action)
