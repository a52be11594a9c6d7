"""Which trigger of several response policy zones decides (draft-vixie-dnsop-dns-rpz section 5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from resolver.wire.constants import CNAME, A
from tests.plugins.policy.scenes import Scene, why
from tests.plugins.policy.test_feeds import write

BAD = "24.0.113.0.203.rpz-ip CNAME .\n"
DATA = {
    "good.example.": [("good.example", A, "203.0.113.9")],
    "www.example.": [("www.example", CNAME, "good.example"), ("good.example", A, "203.0.113.9")],
    "far.example.": [
        ("far.example", CNAME, "near.example"),
        ("near.example", CNAME, "good.example"),
        ("good.example", A, "203.0.113.9"),
    ],
    "several.example.": [("several.example", A, "203.0.113.9"), ("several.example", A, "198.51.100.1")],
    "inside.example.": [("inside.example", A, "10.0.0.1")],
}
Make = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def zones(tmp_path: Path) -> Make:
    """Makes a policy with two zones, whose lines may end with ``flag``, behind ``rules``."""

    @asynccontextmanager
    async def make(one: str, two: str = "", flag: str = "", rules: str = "") -> AsyncIterator[Scene]:
        write(tmp_path, one, "one.db")
        write(tmp_path, two, "two.db")
        lines = f"policy {{\n{rules}\nrpz one.test file one.db {flag}\nrpz two.test file two.db\n}}"
        scene = Scene(lines, DATA, root=tmp_path)
        await scene.part.start()
        yield scene
        await scene.part.stop()

    return make


async def decided(scene: Scene, name: str, client: str = "192.0.2.1", transport: str = "udp") -> str:
    """The trigger that decided, empty where the answer passed."""
    reply = await scene.ask(name, client=client, transport=transport)
    return "" if reply.source == "forward" else why(reply)[1].removeprefix("policy rule: rpz ")


@pytest.mark.parametrize(("one", "two"), [(BAD, ""), ("", BAD), (BAD, BAD)])
@pytest.mark.parametrize("name", ["good.example", "www.example", "far.example"])
async def test_what_a_name_let_pass_is_not_denied_for_its_addresses(zones: Make, one: str, two: str, name: str) -> None:
    async with zones(one, two) as scene:
        assert await decided(scene, name) == f"{'one' if one else 'two'}.test. 24.0.113.0.203.rpz-ip"
    async with zones(f"good.example CNAME rpz-passthru.\n{one}", two) as scene:
        assert await decided(scene, name) == ""


async def test_a_trigger_for_addresses_goes_before_one_for_the_same_name_in_a_later_zone(zones: Make) -> None:
    async with zones(BAD, "good.example CNAME rpz-passthru.\n") as scene:
        for name in ("good.example", "www.example"):
            assert await decided(scene, name) == "one.test. 24.0.113.0.203.rpz-ip"


async def test_a_trigger_for_a_name_goes_before_those_for_what_it_leads_to(zones: Make) -> None:
    async with zones(f"good.example CNAME .\n{BAD}", "www.example CNAME rpz-passthru.\n") as scene:
        assert await decided(scene, "www.example") == ""
        assert await decided(scene, "far.example") == "one.test. good.example"


async def test_a_trigger_for_a_client_that_lets_pass_ends_the_search(zones: Make) -> None:
    async with zones(f"32.1.2.0.192.rpz-client-ip CNAME rpz-passthru.\n{BAD}") as scene:
        assert await decided(scene, "good.example") == ""
        assert await decided(scene, "good.example", "192.0.2.2") == "one.test. 24.0.113.0.203.rpz-ip"


async def test_what_has_to_come_over_tcp_and_does_ends_the_search(zones: Make) -> None:
    async with zones(f"good.example CNAME rpz-tcp-only.\n{BAD}") as scene:
        assert await decided(scene, "good.example") == "one.test. good.example"
        assert await decided(scene, "good.example", transport="tcp") == ""


async def test_a_zone_that_only_notes_lets_nothing_pass(zones: Make) -> None:
    async with zones("good.example CNAME rpz-passthru.\n", BAD, "audit-only") as scene:
        assert await decided(scene, "good.example") == "two.test. 24.0.113.0.203.rpz-ip"


async def test_what_is_noted_and_let_pass_behind_it_is_noted(zones: Make) -> None:
    async with zones("good.example CNAME .\n", f"good.example CNAME rpz-passthru.\n{BAD}", "audit-only") as scene:
        assert await decided(scene, "good.example") == ""
        assert scene.world.metric("coredns_policy_decisions_total", "dns://:5300", "example.", "", "audit-only") == 1


async def test_the_order_of_zones_counts_and_not_that_of_the_addresses(zones: Make) -> None:
    async with zones("32.1.100.51.198.rpz-ip CNAME rpz-passthru.\n", BAD) as scene:
        assert await decided(scene, "several.example") == ""
        assert await decided(scene, "good.example") == "two.test. 24.0.113.0.203.rpz-ip"


@pytest.mark.parametrize(
    ("passing", "expected"), [("23.0.100.51.198", "one.test. 24.0.113.0.203.rpz-ip"), ("25.0.100.51.198", "")]
)
async def test_within_a_zone_the_longest_prefix_counts(zones: Make, passing: str, expected: str) -> None:
    async with zones(f"{BAD}{passing}.rpz-ip CNAME rpz-passthru.\n") as scene:
        assert await decided(scene, "several.example") == expected


async def test_rules_and_rebinding_hold_for_what_zones_let_pass(zones: Make) -> None:
    passing = "www.example CNAME rpz-passthru.\ninside.example CNAME rpz-passthru.\n"
    async with zones(passing, rules="deny good.example as no-good") as scene:
        assert await decided(scene, "www.example") == "policy rule: no-good"
        assert await decided(scene, "inside.example") == "policy rule: rebinding"
