"""When the rules come and go: a virtual clock, a made-up firewall and link."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from resolver.node.keeper import MISSES, Keeper
from resolver.node.lease import RULES, Leases
from resolver.node.link import Link
from resolver.node.metrics import NodeMetrics
from resolver.node.rules import FirewallError
from resolver.node.settings import Address
from resolver.telemetry.log import Log

HOST = ip_address("169.254.20.10")


class Firewall:
    """Rules that are there or not. ``fails`` are the next failures."""

    name = "made-up"

    def __init__(self, *, shared: bool = False) -> None:
        self.shared = shared
        self.there = False
        self.installs = 0
        self.fails: list[FirewallError] = []

    def placed(self) -> bool:
        return self.there

    async def install(self) -> bool:
        if self.fails:
            raise self.fails.pop(0)
        self.installs += 1
        changed, self.there = not self.there, True
        return changed

    async def remove(self) -> bool:
        gone, self.there = self.there, False
        return gone

    async def close(self) -> None:
        self.there = False


class LinkOf(Link):
    """A link whose state the test says."""

    def __init__(self, log: Log) -> None:
        super().__init__("made-up", (HOST,), log, work=self._made)
        self.gone: list[str] = []

    def missing(self) -> list[str]:
        return self.gone

    async def _made(self, task: str, name: str, addresses: Sequence[Address]) -> dict[str, Any]:
        self.gone = []
        return {"changes": [f"added {name}"], "ipvs": []}


class Scene:
    def __init__(self, firewall: Firewall | None) -> None:
        self.now = 1000.0
        self.silent: tuple[Address, ...] = ()
        self.asked: list[bool] = []
        self.out = io.StringIO()
        log = Log(self.out)
        self.metrics, self.link = NodeMetrics(), LinkOf(log)
        self.name = secrets.token_hex(5)
        self.leases = Leases(self.name, log)
        self.other = Leases(self.name, log)
        self.firewall = firewall
        self.keeper = Keeper(
            self.link, firewall, self.leases, self.probe, self.metrics, log, sync=60.0, clock=lambda: self.now
        )

    async def probe(self, rules: bool) -> tuple[Address, ...]:
        self.asked.append(rules)
        return self.silent

    def close(self) -> None:
        for leases in (self.leases, self.other):
            leases.release(RULES)

    async def look(self, times: int = 1, *, silent: bool = False) -> None:
        self.silent = (HOST,) if silent else ()
        for _ in range(times):
            await self.keeper.look()
            self.now += 2.0


Make = Callable[[Firewall | None], Scene]


@pytest.fixture
def make() -> Iterator[Make]:
    scenes: list[Scene] = []

    def one(firewall: Firewall | None) -> Scene:
        scenes.append(Scene(firewall))
        return scenes[-1]

    yield one
    for scene in scenes:
        scene.close()


async def test_rules_come_when_the_addresses_answer_and_not_before(make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    await scene.look(5, silent=True)
    assert not firewall.placed()
    await scene.look()
    assert firewall.placed()
    assert scene.metrics.rules.value == 1
    await scene.look()
    assert scene.asked == [False] * 6 + [True]


async def test_rules_are_looked_at_every_interval_and_not_more_often(make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    await scene.look(30)
    assert firewall.installs == 1
    firewall.there = False
    await scene.look(2)
    assert (firewall.installs, firewall.there) == (2, True)
    assert "in place again, as they had been changed" in scene.out.getvalue()


async def test_rules_go_after_three_misses_and_come_back_when_there_is_an_answer(make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    await scene.look()
    scene.now += 100.0
    await scene.look(MISSES - 1, silent=True)
    assert firewall.placed()
    await scene.look(1, silent=True)
    assert not firewall.placed()
    assert (scene.metrics.rules.value, scene.metrics.fallbacks.value) == (0, 1)
    await scene.look()
    assert firewall.placed()


async def test_a_single_miss_is_forgotten_with_the_next_answer(make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    await scene.look()
    for _ in range(5):
        await scene.look(MISSES - 1, silent=True)
        await scene.look()
    assert firewall.placed()


async def test_a_miss_has_the_rules_looked_at_as_it_may_be_they_that_are_gone(make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    await scene.look()
    firewall.there = False
    await scene.look(1, silent=True)
    assert firewall.placed()


async def test_a_server_that_hangs_again_and_again_gets_its_rules_later_each_time(make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    pauses = []
    for _ in range(8):
        begun = scene.now
        while not firewall.placed():
            await scene.look()
        pauses.append(scene.now - begun)
        await scene.look(MISSES, silent=True)
    assert pauses == sorted(pauses)
    assert pauses[1] < 10 < 300 <= pauses[-1] < 310


async def test_a_link_that_is_gone_is_made_again_and_counted(make: Make) -> None:
    scene = make(None)
    await scene.look()
    scene.link.gone = ["the link made-up"]
    await scene.look(1, silent=True)
    assert scene.link.gone == []
    assert scene.metrics.errors["interface_check"].value == 1
    assert "the link made-up is not there any more" in scene.out.getvalue()


@pytest.mark.parametrize("kind", ["iptables", "iptables_lock", "nftables"])
async def test_a_failure_is_counted_by_kind_said_once_and_tried_again(kind: str, make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    firewall.fails = [FirewallError("no luck", kind)] * 2
    await scene.look(3 * 5)
    assert firewall.placed()
    assert scene.metrics.errors[kind].value == 2
    assert scene.out.getvalue().count("no luck") == 1


async def test_at_the_end_the_rules_go_for_good(make: Make) -> None:
    firewall = Firewall()
    scene = make(firewall)
    await scene.look()
    await scene.keeper.end()
    await scene.look(40)
    assert not firewall.placed()


async def test_shared_rules_stay_while_another_instance_serves(make: Make) -> None:
    firewall = Firewall(shared=True)
    scene = make(firewall)
    await scene.look()
    scene.other.hold(RULES)
    await scene.keeper.end()
    assert firewall.placed()
    assert scene.other.others(RULES) == 0
    scene.other.release(RULES)
    await scene.keeper.end()
    assert not firewall.placed()
