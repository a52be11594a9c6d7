"""Pods of a node and of the cluster."""

from __future__ import annotations

import asyncio

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.identity import knowledge
from tests.plugins.chains import World, question, until
from tests.plugins.identity.pods import identifying, pod
from tests.support.kubeapi.server import FakeApi


async def test_the_log_names_the_pod_that_asks(api: FakeApi) -> None:
    api.store.apply("pods", pod("web-1", "10.1.0.5", labels={"app": "web"}))
    world = World()
    rest = 'metadata\nlog . "{/identity/namespace}/{/identity/pod} {/identity/label/app} {name}"\nwhoami'
    async with identifying(world, api.url, "scope cluster", rest) as (_, block):
        await block.resolve(question("example.org.", client=("10.1.0.5", 5353)))
    assert any("shop/web-1 web example.org." in line for line in world.lines)


async def test_a_node_knows_its_own_pods_only(api: FakeApi) -> None:
    api.store.apply("pods", pod("here", "10.1.0.5", node="one"))
    api.store.apply("pods", pod("there", "10.1.0.6", node="two"))
    async with identifying(World(), api.url, "scope node one\nwait 0s") as (part, _):
        found = part.identify("10.1.0.5")
        assert found is not None
        assert (found.pod, found.node, found.service_account) == ("here", "one", "default")
        assert part.identify("10.1.0.6") is None
    assert "spec.nodeName=one" in api.watches("pods")[0].query["fieldSelector"]


async def test_both_families_and_clothed_addresses_are_the_same_pod(api: FakeApi) -> None:
    api.store.apply("pods", pod("web", "10.1.0.5", "fd00::0:5"))
    async with identifying(World(), api.url, "scope cluster") as (part, _):
        found = part.identify("10.1.0.5")
        assert found is not None
        assert [part.identify(one) for one in ("::ffff:10.1.0.5", "fd00::5")] == [found, found]


async def test_an_address_that_changes_hands_belongs_to_the_youngest(api: FakeApi) -> None:
    api.store.apply("pods", pod("old", "10.1.0.5", namespace="one"))
    told: list[str] = []
    async with identifying(World(), api.url, "scope cluster") as (part, _):
        part.subscribe(told.append)
        api.store.apply("pods", pod("new", "10.1.0.5", namespace="two", born="2026-02-01T00:00:00Z"))
        await until(lambda: told == ["10.1.0.5"])
        found = part.identify("10.1.0.5")
        assert found is not None
        assert found.namespace == "two"
        api.store.delete("pods", "one/old")
        api.store.apply("pods", pod("other", "10.1.0.6", namespace="one"))
        await until(lambda: part.identify("10.1.0.6") is not None)
        assert part.identify("10.1.0.5") == found
        assert told == ["10.1.0.5", "10.1.0.6"]


async def test_a_pod_that_has_ended_loses_its_address(api: FakeApi) -> None:
    api.store.apply("pods", pod("job", "10.1.0.5"))
    async with identifying(World(), api.url, "scope cluster") as (part, _):
        assert part.identify("10.1.0.5") is not None
        api.store.apply("pods", pod("job", "10.1.0.5", phase="Succeeded"))
        await until(lambda: part.identify("10.1.0.5") is None)


async def test_pods_with_the_address_of_their_node_are_nobody_and_are_not_waited_for(api: FakeApi) -> None:
    api.store.apply("pods", pod("proxy", "10.0.0.1", host=True))
    async with identifying(World(), api.url, "scope cluster") as (part, _):
        assert part.identify("10.0.0.1") is None
        assert part.settled("10.0.0.1")
        assert part.settled("127.0.0.1")


async def test_the_first_query_of_a_new_pod_waits_until_its_address_is_known(api: FakeApi) -> None:
    async with identifying(World(), api.url, "scope cluster\nwait 5s") as (part, _):
        assert not part.settled("10.1.0.9")
        meeting = asyncio.ensure_future(part.meet("10.1.0.9"))
        await asyncio.sleep(0)
        api.store.apply("pods", pod("new", "10.1.0.9"))
        found = await asyncio.wait_for(meeting, 4)
        assert found is not None
        assert found.pod == "new"


async def test_a_stranger_is_waited_for_once(api: FakeApi) -> None:
    async with identifying(World(), api.url, "scope cluster\nwait 10ms") as (part, _):
        assert await part.meet("192.0.2.1") is None
        assert part.settled("192.0.2.1")
        api.store.apply("pods", pod("late", "192.0.2.1"))
        await until(lambda: part.identify("192.0.2.1") is not None)


async def test_what_the_api_does_not_confirm_is_believed_for_a_time(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge, "LOOK", 0.01)
    api.store.apply("pods", pod("web", "10.1.0.5"))
    now = [100.0]
    world = World(clock=lambda: now[0])
    told: list[str] = []
    async with identifying(world, api.url, "scope cluster\nstale 1h\napiserver_burst 1000\napiserver_qps 1000") as (
        part,
        _,
    ):
        part.subscribe(told.append)
        await api.stop()
        await until(lambda: _away(world, now))
        assert part.identify("10.1.0.5") is not None
        now[0] += 3601
        await until(lambda: part.identify("10.1.0.5") is None)
        assert told == ["10.1.0.5"]
        assert any("none is identified" in line for line in world.lines)
        await api.start()
        await until(lambda: part.identify("10.1.0.5") is not None)


def _away(world: World, now: list[float]) -> bool:
    now[0] += 0.1
    list(world.host.registry.families())
    return world.metric("coredns_identity_unverified_seconds", "cluster") > 0


async def test_a_scope_of_a_node_needs_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_NAME", raising=False)
    with pytest.raises(ConfigErrors, match="NODE_NAME is not set"):
        World().build(". {\nidentity {\nscope node\n}\n}")
    monkeypatch.setenv("NODE_NAME", "three")
    part = World().part(". {\nidentity\n}")
    assert (part.settings.scope, part.settings.node) == ("node", "three")


async def test_what_the_api_refuses_is_said_by_the_directive_that_asked(api: FakeApi) -> None:
    api.failing = 500
    world = World()
    async with identifying(world, api.url, "scope cluster\nstartup_timeout 10ms"):
        await until(lambda: any("what is known is kept" in line for line in world.lines))
    assert all("plugin/identity" in line for line in world.lines)


async def test_who_is_no_pod_is_unknown_until_the_watch_has_not_named_him_for_a_while(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge, "LOOK", 0.01)
    api.store.apply("pods", pod("web", "10.1.0.5"))
    now = [100.0]
    told: list[str] = []
    async with identifying(World(clock=lambda: now[0]), api.url, "scope cluster\nwait 0s") as (part, _):
        part.subscribe(told.append)
        assert [part.unknown(one) for one in ("10.1.0.5", "10.0.0.1", "127.0.0.1")] == [False, False, False]
        assert await part.meet("192.0.2.1") is None
        assert (part.settled("192.0.2.1"), part.unknown("192.0.2.1")) == (True, True)
        now[0] += knowledge.SURE_AFTER
        await until(lambda: told == ["192.0.2.1"])
        assert not part.unknown("192.0.2.1")


async def test_who_was_no_pod_may_be_one_while_the_api_is_away(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge, "LOOK", 0.01)
    api.store.apply("pods", pod("web", "10.1.0.5"))
    now = [100.0]
    told: list[str] = []
    options = "scope cluster\nwait 0s\napiserver_burst 1000\napiserver_qps 1000"
    async with identifying(World(clock=lambda: now[0]), api.url, options) as (part, _):
        await part.meet("192.0.2.1")
        now[0] += knowledge.SURE_AFTER
        await until(lambda: not part.unknown("192.0.2.1"))
        part.subscribe(told.append)
        await api.stop()
        await until(lambda: part.unknown("192.0.2.1"))
        assert told == ["192.0.2.1"]
        assert not part.unknown("10.1.0.5")
        now[0] += 2 * knowledge.SURE_AFTER
        await asyncio.sleep(0.05)
        assert part.unknown("192.0.2.1")
        await api.start()
        await until(lambda: _later(now) and not part.unknown("192.0.2.1"))
        assert told == ["192.0.2.1", "192.0.2.1"]


async def test_nobody_is_known_where_the_api_refuses_or_nothing_is_believed(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge, "LOOK", 0.01)
    api.failing = 403
    now = [100.0]
    told: list[str] = []
    options = "scope cluster\nwait 0s\nstale 1m\napiserver_burst 1000\napiserver_qps 1000"
    async with identifying(World(clock=lambda: now[0]), api.url, options) as (part, _):
        await part.meet("192.0.2.1")
        now[0] += 1000
        await asyncio.sleep(0.05)
        assert part.unknown("192.0.2.1")
        assert part.unknown("10.1.0.5")  # nothing is believed by now, so nobody waits
        part.subscribe(told.append)
        api.store.apply("pods", pod("web", "10.1.0.5"))
        api.failing = 0
        await until(lambda: _later(now) and not (part.unknown("10.1.0.5") or part.unknown("192.0.2.1")))
        assert {"10.1.0.5", "192.0.2.1"} <= set(told)


def _later(now: list[float]) -> bool:
    now[0] += 0.1
    return True
