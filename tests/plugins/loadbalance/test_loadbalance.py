"""loadbalance: another order each time, replayed or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from resolver.chain.reply import Replay, Reply, from_records
from resolver.errors import ConfigErrors, ResolverError
from resolver.plugins.loadbalance import LoadBalance
from resolver.plugins.loadbalance.handler import DEALT_FOR, MAX_VARIANTS
from resolver.wire.constants import NXDOMAIN, A
from resolver.wire.records import Body, Record
from tests.plugins.chains import World, answering, question, until

NAME = b"\3www\7example\3org\0"
THREE = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def made(line: str = "loadbalance", *, world: World | None = None, root: Path = Path()) -> LoadBalance:
    part: LoadBalance = (world or World()).part(". {\n" + line + "\n}\n", root)
    return part


async def ask(
    plugin: LoadBalance, addresses: list[str], *, leave: Replay | None = None, rcode: int = 0, qtype: str = "A"
) -> Reply:
    records = [Record(NAME, A, 1, 60, ip_address(address).packed) for address in addresses]
    handler = answering(lambda query: replace(from_records(query, "x", records, rcode=rcode), replay=leave))
    return await plugin.resolve(question("www.example.org", qtype), handler)


def order(reply: Reply, body: Body | None = None) -> list[str]:
    given = reply if body is None else reply.with_body(body)
    return [str(ip_address(record.rdata)) for record in given.sections.answer]


async def firsts(plugin: LoadBalance, addresses: list[str], times: int) -> Counter[str]:
    return Counter([order(await ask(plugin, addresses))[0] for _ in range(times)])


async def test_every_address_is_first_now_and_then_and_none_is_missing() -> None:
    plugin = made()
    assert set(await firsts(plugin, THREE, 100)) == set(THREE)
    assert sorted(order(await ask(plugin, THREE))) == THREE


async def test_what_has_nothing_to_shuffle_passes_untouched() -> None:
    plugin = made()
    for addresses, rcode, qtype in ([], 0, "A"), (["192.0.2.1"], 0, "A"), (THREE, NXDOMAIN, "A"), (THREE, 0, "AXFR"):
        leave = Replay(9.0)
        reply = await ask(plugin, addresses, leave=leave, rcode=rcode, qtype=qtype)
        assert order(reply) == addresses
        assert reply.replay is leave
        assert leave.variants == ()


async def test_replays_rotate_with_every_address_first_equally_often() -> None:
    leave = Replay(100.0, 5.0, tags=("t",))
    reply = await ask(made(), THREE, leave=leave)
    assert reply.replay is not None
    variants = reply.replay.variants
    assert reply.body is variants[0]
    assert sorted(order(reply, body)[0] for body in variants) == THREE
    assert all(sorted(order(reply, body)) == THREE for body in variants)
    assert (reply.replay.until, reply.replay.base, reply.replay.tags) == (100.0, 5.0, ("t",))
    assert leave.variants == ()


async def test_a_large_set_is_dealt_anew_every_second() -> None:
    world = World(clock=lambda: 50.0)
    many = [f"192.0.2.{n}" for n in range(1, 13)]
    reply = await ask(made(world=world), many, leave=Replay(1e9))
    assert reply.replay is not None
    assert len(reply.replay.variants) == MAX_VARIANTS
    assert len({order(reply, body)[0] for body in reply.replay.variants}) == MAX_VARIANTS
    assert reply.replay.until == 50.0 + DEALT_FOR
    soon = await ask(made(world=world), many, leave=Replay(50.5))
    assert soon.replay is not None
    assert soon.replay.until == 50.5


async def test_preferred_networks_come_first_in_their_order() -> None:
    plugin = made("loadbalance round_robin {\n prefer 10.9.0.0/16 192.0.2.0/24\n prefer 2001:db8::/32\n}")
    for _ in range(20):
        assert order(await ask(plugin, ["198.51.100.1", "192.0.2.1", "10.9.8.7"])) == [
            "10.9.8.7", "192.0.2.1", "198.51.100.1",
        ]  # fmt: skip


async def test_preferred_addresses_rotate_among_themselves() -> None:
    plugin = made("loadbalance {\n prefer 192.0.2.0/24\n}")
    reply = await ask(plugin, [*THREE, "10.0.0.1"], leave=Replay(9.0))
    assert reply.replay is not None
    assert sorted(order(reply, body)[0] for body in reply.replay.variants) == THREE
    assert all(order(reply, body)[3] == "10.0.0.1" for body in reply.replay.variants)


# --- weighted


WEIGHTS = "# comment\n\nWWW.example.org\n192.0.2.1 3\n192.0.2.2 1\n192.0.2.3 2\n"


async def weighted(tmp_path: Path, text: str, *, world: World | None = None, options: str = "reload 0s") -> LoadBalance:
    (tmp_path / "weights").write_text(text)
    plugin = made(f"loadbalance weighted weights {{\n{options}\n}}", world=world, root=tmp_path)
    await plugin.start()
    return plugin


async def test_heavy_addresses_are_first_more_often(tmp_path: Path) -> None:
    found = await firsts(await weighted(tmp_path, WEIGHTS), THREE, 3000)
    assert 1300 < found["192.0.2.1"] < 1700
    assert 350 < found["192.0.2.2"] < 650
    assert 800 < found["192.0.2.3"] < 1200


async def test_only_the_first_address_changes_its_place(tmp_path: Path) -> None:
    plugin = await weighted(tmp_path, "www.example.org\n192.0.2.3 255\n")
    found = {tuple(order(await ask(plugin, THREE))) for _ in range(100)}
    assert found <= {tuple(THREE), ("192.0.2.2", "192.0.2.1", "192.0.2.3"), ("192.0.2.3", "192.0.2.2", "192.0.2.1")}
    assert ("192.0.2.3", "192.0.2.2", "192.0.2.1") in found


async def test_replays_follow_the_weights_exactly(tmp_path: Path) -> None:
    plugin = await weighted(tmp_path, WEIGHTS)
    reply = await ask(plugin, THREE, leave=Replay(9.0, tags=("t",)))
    assert reply.replay is not None
    variants = reply.replay.variants
    assert reply.body is variants[0]
    assert Counter(order(reply, body)[0] for body in variants) == {"192.0.2.1": 3, "192.0.2.2": 1, "192.0.2.3": 2}
    assert reply.replay.tags[0] == "t"
    assert len(reply.replay.tags) == 2


async def test_weights_that_need_many_variants_are_drawn_each_time(tmp_path: Path) -> None:
    plugin = await weighted(tmp_path, "www.example.org\n192.0.2.1 255\n192.0.2.2 2\n")
    assert (await ask(plugin, THREE[:2], leave=Replay(9.0))).replay is None


async def test_addresses_without_a_weight_weigh_one(tmp_path: Path) -> None:
    found = await firsts(await weighted(tmp_path, "other.example.org\n192.0.2.1 255\n"), THREE, 600)
    assert all(120 < found[address] < 290 for address in THREE)


async def test_other_types_are_not_weighted(tmp_path: Path) -> None:
    plugin = await weighted(tmp_path, WEIGHTS)
    assert {tuple(order(await ask(plugin, THREE, qtype="ANY"))) for _ in range(20)} == {tuple(THREE)}


async def test_weights_and_preference_go_together(tmp_path: Path) -> None:
    plugin = await weighted(tmp_path, WEIGHTS, options="prefer 192.0.2.2/32\nreload 0")
    assert {order(await ask(plugin, THREE))[0] for _ in range(30)} == {"192.0.2.2"}


async def test_changed_weights_are_read_and_end_replays(tmp_path: Path) -> None:
    world = World()
    plugin = await weighted(tmp_path, WEIGHTS, world=world, options="reload 10ms")
    try:
        reply = await ask(plugin, THREE, leave=Replay(9.0))
        assert reply.replay is not None
        world.withdrawn.clear()
        (tmp_path / "weights").write_text("www.example.org\n192.0.2.2 200\n")
        await until(lambda: bool(world.withdrawn))
        assert set(world.withdrawn) == set(reply.replay.tags)
        (tmp_path / "weights").write_text("nonsense 1\n")
        await until(lambda: "[ERROR]" in world.lines[-1])
        assert plugin.weights == {NAME: {b"\xc0\x00\x02\x02": 200}}
    finally:
        await plugin.stop()


async def test_a_missing_file_is_waited_for_unless_it_is_never_looked_at_again(tmp_path: Path) -> None:
    world = World()
    plugin = made("loadbalance weighted weights {\n reload 10ms\n}", world=world, root=tmp_path)
    await plugin.start()
    try:
        assert "[WARNING] plugin/loadbalance: cannot read weights" in world.lines[0]
        (tmp_path / "weights").write_text(WEIGHTS)
        await until(lambda: bool(plugin.weights))
    finally:
        await plugin.stop()
    with pytest.raises(ResolverError, match="cannot read weights"):
        await made("loadbalance weighted missing {\n reload 0\n}", root=tmp_path).start()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("192.0.2.1 3\n", "weights:1:1: a name must stand before the first address"),
        ("a\n192.0.2.1\n", "weights:2:1: address 192.0.2.1 has no weight"),
        ("a\n192.0.2.1 0\n", "is not a number from 1 to 255"),
        ("a\n192.0.2.1 256\n", "is not a number from 1 to 255"),
        ("a\nb 1\n", "'b' is not an IP address"),
        ("a\n192.0.2.1 1 2\n", "a line has a name, or an address and its weight"),
        ("a..b\n", "'a..b' is not a name"),
        ("é\n", "is not a name"),
    ],
)
async def test_mistakes_in_the_file_stop_the_start(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ResolverError) as caught:
        await weighted(tmp_path, text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("loadbalance rnd", "rnd is not known here"),
        ("loadbalance weighted", "weighted needs a file of weights"),
        ("loadbalance round_robin x", "round_robin takes no arguments"),
        ("loadbalance weighted a b", "loadbalance takes at most 2 arguments"),
        ("loadbalance {\n prefer\n}", "prefer needs at least 1 argument"),
        ("loadbalance {\n prefer 10.0.0.0/33\n}", "10.0.0.0/33 is not a network"),
        ("loadbalance {\n reload 5s\n}", "reload belongs to the weighted policy"),
        ("loadbalance weighted a {\n reload 1ms\n}", "reload is shorter than 10ms"),
        ("loadbalance weighted a {\n relaod 1s\n}", "did you mean reload?"),
        ("loadbalance\nloadbalance", "loadbalance may stand only once"),
    ],
)
def test_mistakes_are_found(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        made(line)
    assert message in str(caught.value)
