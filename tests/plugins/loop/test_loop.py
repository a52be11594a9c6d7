"""loop: what follows when forwarded queries come back."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records
from resolver.errors import ConfigErrors
from resolver.plugins.loop import Loop
from resolver.plugins.loop.probe import Timing
from resolver.wire.constants import HINFO, SERVFAIL
from resolver.wire.names import to_text
from tests.plugins.chains import World, nobody, question, until

FAST = Timing(retry=0.001, patience=0.05, first_round=2.0, later_round=0.05)
PASSED_ON = 11


class Network:
    """What stands behind the plugin: an upstream that answers, fails, or sends the question back."""

    def __init__(self, plugin: Loop, behaviour: str) -> None:
        self.plugin = plugin
        self.behaviour = behaviour
        self.seen: list[Query] = []

    async def upstream(self, query: Query) -> Reply:
        self.seen.append(query)
        if self.behaviour == "loops":
            asyncio.get_running_loop().call_soon(self._send_back, query)
            await asyncio.sleep(0.02)
            return failure(query, "forward", error="i/o timeout")
        if self.behaviour == "fails":
            return failure(query, "forward", error="connection refused")
        return from_records(query, "forward", rcode=3)

    def _send_back(self, query: Query) -> None:
        again = query.derive(transport="udp", client=("127.0.0.1", 55953))
        coroutine = self.plugin.resolve(again, nobody)
        with pytest.raises(StopIteration):
            coroutine.send(None)


def made(world: World, behaviour: str, options: str = "", zone: str = "example.org") -> tuple[Loop, Network]:
    block = world.build(f"{zone}:1053 other.test:1053 {{\n loop {{\n{options}\n}}\n}}\n")
    part: Any = block.parts[0]
    plugin = Loop(part.settings, block, world.host, FAST)
    network = Network(plugin, behaviour)

    async def chain(query: Query) -> Reply:
        return await plugin.resolve(query, network.upstream)

    block.resolve = chain
    return plugin, network


async def test_the_question_is_two_numbers_below_the_first_zone() -> None:
    plugin, network = made(World(), "answers")
    await plugin.start()
    await until(lambda: bool(network.seen))
    await plugin.stop()
    query = network.seen[0]
    assert query.qtype == HINFO
    assert query.site.server == "dns://:1053"
    assert re.fullmatch(r"\d+\.\d+\.example\.org\.", to_text(query.name))


async def test_a_loop_at_the_start_ends_the_server() -> None:
    world = World()
    plugin, _ = made(world, "loops")
    await plugin.start()
    await until(lambda: bool(world.failures))
    await plugin.stop()
    assert re.fullmatch(
        r'plugin/loop: Loop \(127\.0\.0\.1:55953 -> :1053\) detected for zone "example\.org\.", see .*\. '
        r'Query: "HINFO \d+\.\d+\.example\.org\."',
        world.failures[0],
    )
    assert world.suspended == {}


async def test_without_a_loop_nothing_happens_and_nothing_more_is_asked() -> None:
    world = World()
    plugin, network = made(world, "answers")
    await plugin.start()
    await until(lambda: plugin._running is not None and plugin._running.done())
    assert len(network.seen) == 1
    assert (world.failures, world.suspended, world.lines) == ([], {}, [])
    await plugin.stop()


async def test_only_the_very_name_counts() -> None:
    world = World()
    plugin, _ = made(world, "answers")
    plugin.prober.names.add(b"\x011\x012\7example\3org\0")
    for name in ("1.3.example.org", "x.1.2.example.org", "1.2"):
        await plugin.resolve(question(name, "HINFO", transport="udp"), nobody)
    await plugin.resolve(question("1.2.example.org", "A", transport="udp"), nobody)
    await plugin.resolve(question("1.2.example.org", "HINFO", transport="internal"), nobody)
    assert plugin.prober.returned == []
    await plugin.resolve(question("1.2.Example.ORG", "HINFO", transport="udp"), nobody)
    assert len(plugin.prober.returned) == 1


async def test_action_unready_keeps_the_server_alive_and_fails_the_zone_until_the_loop_is_gone() -> None:
    world = World()
    plugin, network = made(world, "loops", "action unready\nwatch 1s")
    plugin.settings = replace(plugin.settings, watch=0.01)
    await plugin.start()
    try:
        await until(lambda: plugin.looped)
        (who,) = world.suspended
        assert "Loop (127.0.0.1:55953 -> :1053)" in world.suspended[who]
        assert world.failures == []
        refused = await plugin.resolve(question("www.example.org", do=False), nobody)
        assert (refused.rcode, refused.replay, refused.source) == (SERVFAIL, None, "loop")
        assert refused.options[4:] == b"\0\x0eforwarding loop"
        assert (await plugin.resolve(question("www.other.test"), nobody)).rcode == PASSED_ON
        network.behaviour = "fails"
        network.seen.clear()
        await until(lambda: len(network.seen) > 3)
        assert plugin.looped
        network.behaviour = "answers"
        await until(lambda: not plugin.looped)
        assert world.suspended == {who: ""}
        assert (await plugin.resolve(question("www.example.org"), nobody)).rcode == PASSED_ON
        assert world.lines[-1] == "[INFO] plugin/loop: the loop for zone example.org. is gone"
    finally:
        await plugin.stop()


@pytest.mark.parametrize(("options", "ends"), [("watch 1s", False), ("watch 1s\naction exit", True)])
async def test_a_loop_that_appears_later_ends_the_server_only_where_that_is_wanted(options: str, ends: bool) -> None:
    world = World()
    plugin, network = made(world, "answers", options)
    plugin.settings = replace(plugin.settings, watch=0.01)
    await plugin.start()
    await until(lambda: len(network.seen) > 1)
    network.behaviour = "loops"
    await until(lambda: bool(world.failures) or plugin.looped)
    assert bool(world.failures) == ends
    assert plugin.looped != ends
    await plugin.stop()
    assert all(reason == "" for reason in world.suspended.values())


async def test_a_zone_without_room_for_numbers_is_told() -> None:
    world = World()
    plugin, network = made(world, "answers", zone=".".join(["a" * 63] * 3 + ["b" * 30]))
    await plugin.start()
    await plugin.stop()
    assert "too long a name" in world.lines[0]
    assert network.seen == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", (0.0, True, False)),
        ("watch 1m", (60.0, True, False)),
        ("action exit", (0.0, True, True)),
        ("action unready", (30.0, False, False)),
        ("action unready\nwatch 5s", (5.0, False, False)),
    ],
)
def test_options_are_read(options: str, expected: tuple[float, bool, bool]) -> None:
    settings = World().part(f". {{\n loop {{\n{options}\n}}\n}}\n").settings
    assert (settings.watch, settings.exit_at_start, settings.exit_later) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("loop 5s", "loop takes no arguments"),
        ("loop {\n watch 10ms\n}", "10ms is out of range"),
        ("loop {\n action die\n}", "die is not known here"),
        ("loop {\n wacht 10s\n}", "did you mean watch?"),
        ("loop\nloop", "loop may stand only once"),
    ],
)
def test_mistakes_are_found(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        World().build(". {\n" + line + "\n}\n")
    assert message in str(caught.value)
