"""Only the Pods that ask, looked up one by one."""

from __future__ import annotations

import asyncio

import pytest

from resolver.plugins.identity import Identities, knowledge
from tests.plugins.chains import World, until
from tests.plugins.identity.pods import identifying, pod
from tests.support.kubeapi.server import FakeApi

SEEN = "scope seen\nlookups 1000 1000"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at what has aged come often."""
    monkeypatch.setattr(knowledge, "LOOK", 0.01)


async def test_many_queries_of_an_address_are_one_lookup(api: FakeApi) -> None:
    api.store.apply("pods", pod("web", "10.1.0.5"))
    async with identifying(World(), api.url, SEEN) as (part, _):
        assert not part.settled("10.1.0.5")
        found = await asyncio.gather(*[part.meet("10.1.0.5") for _ in range(20)])
        assert {one.pod for one in found if one is not None} == {"web"}
        assert None not in found
        assert part.settled("10.1.0.5")
    assert len(api.lists("pods")) == 1
    assert api.watches("pods") == []
    assert "status.podIP=10.1.0.5" in api.lists("pods")[0].query["fieldSelector"]


async def test_an_address_is_verified_when_it_asks_again(api: FakeApi) -> None:
    api.store.apply("pods", pod("old", "10.1.0.5", namespace="one"))
    now = [100.0]
    told: list[str] = []
    async with identifying(World(clock=lambda: now[0]), api.url, SEEN) as (part, _):
        part.subscribe(told.append)
        await part.meet("10.1.0.5")
        api.store.delete("pods", "one/old")
        api.store.apply("pods", pod("new", "10.1.0.5", namespace="two"))
        told.clear()
        now[0] += 31
        await until(lambda: told == ["10.1.0.5"])
        assert not part.settled("10.1.0.5")
        found = await part.meet("10.1.0.5")
        assert found is not None
        assert found.namespace == "two"


async def test_a_pod_that_asks_before_the_api_knows_its_address_is_looked_up_again(api: FakeApi) -> None:
    async with identifying(World(), api.url, f"{SEEN}\nwait 5s") as (part, _):
        meeting = asyncio.ensure_future(part.meet("10.1.0.5"))
        await until(lambda: len(api.lists("pods")) == 1)
        api.store.apply("pods", pod("new", "10.1.0.5"))
        found = await asyncio.wait_for(meeting, 4)
        assert found is not None
        assert found.pod == "new"


async def test_the_address_of_a_node_is_nobody(api: FakeApi) -> None:
    api.store.apply("pods", pod("proxy", "10.0.0.1", host=True))
    async with identifying(World(), api.url, SEEN) as (part, _):
        assert await part.meet("10.0.0.1") is None
        assert part.settled("10.0.0.1")


async def test_the_last_known_is_believed_while_the_api_is_away_but_not_for_ever(api: FakeApi) -> None:
    api.store.apply("pods", pod("web", "10.1.0.5"))
    now = [100.0]
    world = World(clock=lambda: now[0])
    async with identifying(world, api.url, f"{SEEN}\nstale 10m\nwait 50ms") as (part, _):
        await part.meet("10.1.0.5")
        await api.stop()
        now[0] += 60
        found = await part.meet("10.1.0.5")
        assert found is not None
        await until(lambda: any("cannot look up" in line for line in world.lines))
        now[0] += 600
        assert part.identify("10.1.0.5") is None


async def test_no_more_addresses_are_remembered_than_were_asked_for(api: FakeApi) -> None:
    for number in range(4):
        api.store.apply("pods", pod(f"web-{number}", f"10.1.0.{number}"))
    async with identifying(World(), api.url, f"{SEEN}\naddresses 2") as (part, _):
        for number in range(4):
            await part.meet(f"10.1.0.{number}")
        assert [part.identify(f"10.1.0.{number}") is not None for number in range(4)] == [False, False, True, True]


async def test_an_address_is_nobodys_only_when_the_api_has_said_so_for_a_while(api: FakeApi) -> None:
    now = [100.0]
    told: list[str] = []
    async with identifying(World(clock=lambda: now[0]), api.url, f"{SEEN}\nwait 50ms") as (part, _):
        assert part.unknown("192.0.2.1")
        part.subscribe(told.append)
        await _meet(part, now)
        assert part.unknown("192.0.2.1")
        for _ in range(2):
            now[0] += knowledge.SURE_AFTER / 2
            await _meet(part, now)
        assert not part.unknown("192.0.2.1")
        assert told[-1] == "192.0.2.1"
        api.failing = 500
        now[0] += 31
        assert part.unknown("192.0.2.1")  # it has to be verified first
        await _meet(part, now)
        assert part.unknown("192.0.2.1")


async def test_a_pod_is_known_until_nothing_is_believed_any_more(api: FakeApi) -> None:
    api.store.apply("pods", pod("web", "10.1.0.5"))
    api.store.apply("pods", pod("proxy", "10.0.0.1", host=True))
    now = [100.0]
    async with identifying(World(clock=lambda: now[0]), api.url, f"{SEEN}\nstale 10m\nwait 50ms") as (part, _):
        for address in ("10.1.0.5", "10.0.0.1"):
            await part.meet(address)
            assert not part.unknown(address)
        now[0] += 601
        assert [part.unknown(one) for one in ("10.1.0.5", "10.0.0.1", "127.0.0.1")] == [True, True, False]


async def _meet(part: Identities, now: list[float]) -> None:
    """Ask until the API has answered, in a time that does not wait for it."""
    meeting = asyncio.ensure_future(part.meet("192.0.2.1"))
    while not meeting.done():
        await asyncio.sleep(0.005)
        now[0] += 0.005
