"""policy tells clients apart: by network, by Pod, and waits for who is not known yet."""

from __future__ import annotations

import pytest

from resolver.chain.capabilities import UNSETTLED, Identity
from resolver.errors import ConfigErrors
from resolver.wire.constants import REFUSED
from tests.plugins.chains import World
from tests.plugins.policy.scenes import ALLOW_LIST, Scene


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
