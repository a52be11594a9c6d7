"""Rules that namespaces make for their own Pods."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from resolver.chain.capabilities import Identity
from resolver.errors import ConfigErrors
from resolver.plugins.policy import configmaps, sheets
from resolver.wire.constants import NXDOMAIN, REFUSED
from tests.plugins.chains import World, until
from tests.plugins.policy.scenes import Scene, config_map, why
from tests.support.kubeapi.server import FakeApi, Refuse, Request
from tests.support.kubeapi.store import Selects

SHOP, BANK, NOBODY = "10.1.0.5", "10.2.0.5", "10.3.0.5"
DELEGATED = "configmaps\ndelegate shop .shop.example\ndelegate * .public.example"


def scene_of(api: FakeApi, lines: str = DELEGATED, head: str = "default deny") -> Scene:
    """A policy that reads the ConfigMaps of the API."""
    pods = {SHOP: Identity("shop", "web"), BANK: Identity("bank", "web")}
    text = f"kubernetes cluster.test {{\nendpoint {api.url}\n}}\npolicy {{\n{head}\n{lines}\n}}"
    return Scene(text, pods=pods)


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[Scene]:
    """The policy of the scene, started."""
    await scene.part.start()
    try:
        yield scene
    finally:
        scene.world.host.stopping = True
        await scene.part.stop()


async def passes(scene: Scene, name: str, client: str = SHOP) -> bool:
    """Whether the client gets what he asks for."""
    return (await scene.ask(name, client=client)).source == "forward"


def states(world: World) -> tuple[float, ...]:
    """How many ConfigMaps are in force, outdated and ignored."""
    return tuple(world.metric("coredns_policy_configmaps", state) for state in ("in force", "outdated", "ignored"))


def errors(world: World) -> list[str]:
    """What the log has of errors."""
    return [line for line in world.lines if "[ERROR]" in line]


async def test_a_namespace_opens_what_was_delegated_to_it_for_its_own_pods(api: FakeApi) -> None:
    api.store.apply("configmaps", config_map("rules", "allow api.shop.example www.public.example"))
    async with running(scene_of(api)) as scene:
        assert await passes(scene, "api.shop.example")
        assert await passes(scene, "www.public.example")
        assert not await passes(scene, "api.shop.example", BANK)
        assert not await passes(scene, "api.shop.example", NOBODY)
        assert not await passes(scene, "other.shop.example")
        assert states(scene.world) == (1, 0, 0)
        assert scene.world.metric("coredns_policy_rules", "configmaps") == 2
    assert states(scene.world) == (0, 0, 0)
    assert api.watches("configmaps")[0].query["labelSelector"] == "resolver.k8s/policy"


async def test_changes_count_while_the_server_runs_and_withdraw_what_was_answered(api: FakeApi) -> None:
    api.store.apply("configmaps", config_map("rules", "allow api.shop.example"))
    async with running(scene_of(api)) as scene:
        leave = (await scene.ask("api.shop.example", client=SHOP)).replay
        assert leave is not None
        scene.world.withdrawn.clear()
        api.store.apply("configmaps", config_map("rules", "allow www.shop.example"))
        await until(lambda: bool(scene.world.withdrawn))
        assert scene.world.withdrawn[0] in leave.tags
        assert await passes(scene, "www.shop.example")
        assert not await passes(scene, "api.shop.example")
        api.store.delete("configmaps", "shop/rules")
        await until(lambda: states(scene.world) == (0, 0, 0))
        assert not await passes(scene, "www.shop.example")


async def test_a_namespace_denies_to_its_own_pods_alone(api: FakeApi) -> None:
    api.store.apply("configmaps", config_map("rules", "deny ads.shop.example action nxdomain as no-ads"))
    async with running(scene_of(api, head="default allow")) as scene:
        denial = await scene.ask("ads.shop.example", client=SHOP)
        assert denial.rcode == NXDOMAIN
        assert why(denial)[1] == "policy rule: shop/no-ads"
        assert await passes(scene, "ads.shop.example", BANK)


@pytest.mark.parametrize("operator", ["deny api.shop.example", "deny .shop.example", "deny ."])
async def test_what_an_operator_decides_stays_decided(api: FakeApi, operator: str) -> None:
    api.store.apply("configmaps", config_map("rules", "allow api.shop.example"))
    async with running(scene_of(api, head=f"default deny\n{operator}")) as scene:
        assert (await scene.ask("api.shop.example", client=SHOP)).rcode == REFUSED


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("allow api.bank.example", "api.bank.example is not delegated to the namespace shop"),
        ("allow .", "is not delegated"),
        ("allow .example", "is not delegated"),
        ("allow api.shop.example namespace bank", "no say about clients of the namespace bank"),
        ("deny api.shop.example service_account bank/web", "no say about the service account bank/web"),
        ("group them namespace bank\nallow api.shop.example clients them", "no say about clients"),
        ("audit api.shop.example", "audit is for operators"),
        ("deny api.shop.example action sinkhole 192.0.2.1", "no sinkhole"),
        ("permit api.shop.example", "permit is no rule"),
        ("allow api.shop.example clients office", "there is no group"),
        (f"allow api.shop.example as {'x' * 64}", "at most 63 characters"),
    ],
)
async def test_one_mistake_and_nothing_of_the_config_map_counts(api: FakeApi, line: str, reason: str) -> None:
    api.store.apply("configmaps", config_map("rules", f"allow www.shop.example\n{line}"))
    scene = scene_of(api, head="default deny\ngroup office net 192.0.2.0/24")
    async with running(scene):
        assert not await passes(scene, "www.shop.example")
        assert not await passes(scene, "api.shop.example")
        assert states(scene.world) == (0, 0, 1)
        (complaint,) = errors(scene.world)
        assert "shop/rules" in complaint
        assert reason in complaint


async def test_the_last_good_version_stays_in_force_and_the_mistake_is_said_once(api: FakeApi) -> None:
    api.store.apply("configmaps", config_map("rules", "allow www.shop.example"))
    api.store.apply("configmaps", config_map("more", "allow more.shop.example"))
    async with running(scene_of(api)) as scene:
        api.store.apply("configmaps", config_map("rules", "allow www.bank.example"))
        await until(lambda: states(scene.world) == (1, 1, 0))
        assert await passes(scene, "www.shop.example")
        api.store.apply("configmaps", config_map("more", "allow other.shop.example"))
        await until(lambda: scene.part.scopes[0].policy.rules(("configmaps", "shop"))[0].pattern.text[:5] == "other")
        assert await passes(scene, "www.shop.example")
        assert len(errors(scene.world)) == 1
        assert scene.world.metric("coredns_policy_reload_failures_total", "configmaps") == 1
        api.store.apply("configmaps", config_map("rules", "allow new.shop.example"))
        await until(lambda: states(scene.world) == (2, 0, 0))
        assert not await passes(scene, "www.shop.example")


async def test_a_reload_keeps_the_last_good_version_as_far_as_it_is_still_delegated(api: FakeApi) -> None:
    for name in ("inside", "outside"):
        api.store.apply("configmaps", config_map(name, f"allow www.{name}.shop.example"))
    before = scene_of(api)
    async with running(before):
        for name in ("inside", "outside"):
            api.store.apply("configmaps", config_map(name, "a mistake"))
        await until(lambda: states(before.world) == (0, 2, 0))
        after = scene_of(api, "configmaps\ndelegate shop .inside.shop.example")
        after.part.succeed(before.part)
        async with running(after):
            assert await passes(after, "www.inside.shop.example")
            assert not await passes(after, "www.outside.shop.example")
            assert states(after.world) == (0, 1, 1)


async def test_a_namespace_without_delegation_has_no_say(api: FakeApi) -> None:
    api.store.apply("configmaps", config_map("rules", "allow www.bank.example", "bank"))
    async with running(scene_of(api, "configmaps\ndelegate shop .shop.example .bank.example")) as scene:
        assert not await passes(scene, "www.bank.example", BANK)
        assert "nothing is delegated to the namespace bank" in errors(scene.world)[0]


async def test_only_the_namespaces_that_are_named_are_watched(api: FakeApi) -> None:
    for namespace in ("shop", "bank"):
        api.store.apply("configmaps", config_map("rules", "allow www.public.example", namespace))
    lines = "configmaps resolver.k8s/policy namespace shop\ndelegate * .public.example"
    async with running(scene_of(api, lines)) as scene:
        assert await passes(scene, "www.public.example", SHOP)
        assert not await passes(scene, "www.public.example", BANK)
    assert {request.path for request in api.watches("configmaps")} == {"/api/v1/namespaces/shop/configmaps"}


async def test_config_maps_count_in_the_order_of_their_names(api: FakeApi) -> None:
    api.store.apply("configmaps", config_map("b", "allow www.shop.example"))
    api.store.apply("configmaps", config_map("a", "rules:\n  - deny: [www.shop.example]\n    name: first\n"))
    async with running(scene_of(api)) as scene:
        assert why(await scene.ask("www.shop.example", client=SHOP))[1] == "policy rule: shop/first"


async def test_rules_of_a_namespace_are_limited(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configmaps, "MAX_RULES", 3)
    monkeypatch.setattr(configmaps, "MAX_SHEETS_OF_ONE", 2)
    api.store.apply("configmaps", config_map("a", "allow a.shop.example aa.shop.example"))
    api.store.apply("configmaps", config_map("b", "allow b.shop.example bb.shop.example"))
    api.store.apply("configmaps", config_map("c", "allow c.shop.example"))
    api.store.apply("configmaps", config_map("c", "allow www.public.example", "bank"))
    async with running(scene_of(api)) as scene:
        assert await passes(scene, "a.shop.example")
        assert not await passes(scene, "b.shop.example")
        assert not await passes(scene, "c.shop.example")
        assert await passes(scene, "www.public.example", BANK)
        said = " ".join(errors(scene.world))
        assert "more than 3 rules" in said
        assert "at most 2 ConfigMaps" in said


async def test_a_namespace_that_changes_its_rules_all_the_time_waits_and_keeps_nobody_else_waiting(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configmaps, "AGAIN", 0.5)
    api.store.apply("configmaps", config_map("rules", "allow 0.shop.example"))
    async with running(scene_of(api)) as scene:
        begun = time.monotonic()
        api.store.apply("configmaps", config_map("rules", "allow 1.shop.example"))
        api.store.apply("configmaps", config_map("rules", "allow www.public.example", "bank"))
        await until(lambda: scene.part.scopes[0].state.count == 2)
        assert await passes(scene, "www.public.example", BANK)
        if time.monotonic() - begun < 0.4:  # the machine was not busy elsewhere
            assert await passes(scene, "0.shop.example")
        await until(lambda: scene.part.scopes[0].policy.rules(("configmaps", "shop"))[0].pattern.text[0] == "1")
        assert time.monotonic() - begun > 0.4
        await until(lambda: len(scene.world.withdrawn) >= 3)
        assert await passes(scene, "1.shop.example")


async def test_names_of_rules_are_limited_since_metrics_have_them(api: FakeApi) -> None:
    text = "\n".join(f"allow {number}.shop.example as rule-{number}" for number in range(configmaps.MAX_NAMES + 1))
    api.store.apply("configmaps", config_map("rules", text))
    async with running(scene_of(api)) as scene:
        assert not await passes(scene, "1.shop.example")
        assert "names" in errors(scene.world)[0]


async def test_what_is_too_long_or_no_text_is_ignored(api: FakeApi) -> None:
    long = "#" * (sheets.MAX_OCTETS + 1)
    api.store.apply("configmaps", config_map("long", long))
    api.store.apply("configmaps", config_map("octets", "allow www.shop.example", binaryData={"x": "AA=="}))
    api.store.apply("configmaps", config_map("good", "allow good.shop.example"))
    async with running(scene_of(api)) as scene:
        assert states(scene.world) == (1, 0, 2)
        assert await passes(scene, "good.shop.example")


async def test_new_config_maps_do_not_count_when_there_are_too_many(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configmaps, "MAX_SHEETS", 1)
    api.store.apply("configmaps", config_map("a", "allow a.shop.example"))
    async with running(scene_of(api)) as scene:
        api.store.apply("configmaps", config_map("b", "allow b.shop.example"))
        await until(lambda: any("more than 1 ConfigMaps" in line for line in scene.world.lines))
        assert await passes(scene, "a.shop.example")
        assert states(scene.world) == (1, 0, 0)


async def test_an_api_that_refuses_is_said_and_the_server_serves(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configmaps, "STARTUP", 0.05)
    await api.stop()
    async with running(scene_of(api)) as scene:
        assert any("serving before all ConfigMaps" in line for line in scene.world.lines)
        assert not scene.part.is_ready()
        assert not await passes(scene, "www.shop.example")


async def test_it_is_ready_when_the_rules_of_the_first_lists_are_in_force(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configmaps, "STARTUP", 0.05)
    api.store.apply("configmaps", config_map("rules", "allow www.shop.example"))
    api.store.apply("configmaps", config_map("rules", "a mistake", "bank"))
    api.forbidden.add("configmaps")
    async with running(scene_of(api)) as scene:
        assert not scene.part.is_ready()
        assert not await passes(scene, "www.shop.example")
        api.forbidden.clear()
        await until(scene.part.is_ready)
        assert await passes(scene, "www.shop.example")


async def test_it_is_ready_when_all_lists_came_not_the_first_of_them(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configmaps, "STARTUP", 0.05)
    closed, admit = {"/api/v1/namespaces/bank/configmaps"}, api._admit

    def guard(request: Request) -> tuple[str, Selects]:
        if request.path in closed:
            raise Refuse(403, "Forbidden", "configmaps are forbidden")
        return admit(request)

    monkeypatch.setattr(api, "_admit", guard)
    api.store.apply("configmaps", config_map("rules", "allow www.public.example"))
    api.store.apply("configmaps", config_map("rules", "allow www.public.example", "bank"))
    async with running(
        scene_of(api, "configmaps resolver.k8s/policy namespace shop bank\ndelegate * .public.example")
    ) as scene:
        await until(lambda: states(scene.world) == (1, 0, 0))
        assert await passes(scene, "www.public.example")
        assert not scene.part.is_ready()
        closed.clear()
        await until(scene.part.is_ready)
        assert await passes(scene, "www.public.example", BANK)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("configmaps", "nothing is delegated"),
        ("delegate shop .shop.example", "no ConfigMaps are read"),
        ("configmaps\nconfigmaps\ndelegate shop .x.example", "configmaps"),
        ("configmaps -x\ndelegate shop .x.example", "is not a label"),
        ("configmaps a b\ndelegate shop .x.example", "unexpected"),
        ("configmaps a namespace\ndelegate shop .x.example", "nothing behind namespace"),
        ("configmaps a namespace UPPER\ndelegate shop .x.example", "not the name of a namespace"),
        ("configmaps\ndelegate shop", "delegate"),
        ("configmaps\ndelegate Shop .x.example", "not the name of a namespace"),
        ("configmaps\ndelegate shop db-*.example", "whole one"),
    ],
)
async def test_lines_that_mean_nothing_are_refused(api: FakeApi, lines: str, reason: str) -> None:
    with pytest.raises(ConfigErrors, match=reason):
        scene_of(api, lines)


async def test_identity_has_to_be_there() -> None:
    with pytest.raises(ConfigErrors, match="needs the directive identity"):
        Scene(f"policy {{\n{DELEGATED}\n}}")
