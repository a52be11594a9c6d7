"""learn: who asks for what is written down."""

from __future__ import annotations

import asyncio
import json
import math
import time
from pathlib import Path
from typing import Any

import pytest

from resolver.chain.capabilities import UNSETTLED, Identity
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.config.load import load_text
from resolver.errors import ConfigErrors, ResolverError
from resolver.plugins.policy.learning import Learning
from resolver.wire.constants import NXDOMAIN, A
from tests.plugins.chains import World, answering, question
from tests.plugins.policy.scenes import Scene

SHOP = Identity("shop", "web-1", "web")


def learning(scene: Scene) -> Learning:
    learner = scene.part.learner
    assert isinstance(learner, Learning)
    return learner


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(path: Path) -> dict[tuple[str, str], int]:
    """Counts by who asked and for what."""
    return {
        (line.get("namespace") or line["net"], line["name"]): line["count"] for line in written(path) if "name" in line
    }


def scene(root: Path, more: str = "", **options: Any) -> Scene:
    return Scene(f"policy {{\n default deny\n allow .example\n learn learnt.json {more}\n}}", root=root, **options)


async def test_names_are_written_with_who_asked_how_often_and_what_was_decided(tmp_path: Path) -> None:
    one = scene(tmp_path, pods={"10.0.0.7": SHOP})
    await one.part.start()
    await one.ask("API.example", client="10.0.0.7")
    await one.ask("api.example", "AAAA", client="10.0.0.7")
    await one.ask("other.test", client="10.9.9.9")
    await one.part.stop()
    shop, other = [line for line in written(tmp_path / "learnt.json") if "name" in line]
    assert (shop["namespace"], shop["name"], shop["types"]) == ("shop", "api.example.", ["A", "AAAA"])
    assert (shop["count"], shop["decisions"], shop["rule"]) == (2, {"allow": 2}, "allow .example")
    assert (other["net"], other["decisions"]) == ("10.9.9.0/24", {"deny": 1})
    assert shop["first"] <= shop["last"]


async def test_a_name_that_was_rewritten_is_learnt_as_asked_and_as_it_became(tmp_path: Path) -> None:
    one = scene(tmp_path)
    await one.part.start()
    reply = await one.ask("new.example", was="old.example")
    assert reply.replay is not None
    for count in reply.replay.counts:
        count(4)
    await one.part.stop()
    assert names(tmp_path / "learnt.json") == {
        ("192.0.2.0/24", "new.example."): 5, ("192.0.2.0/24", "old.example."): 5,
    }  # fmt: skip


async def test_replays_count_also_those_that_were_not_told_before_the_file_is_written(tmp_path: Path) -> None:
    one = scene(tmp_path)
    await one.part.start()
    reply = await one.ask("api.example")
    leave = reply.replay
    assert leave is not None
    untold = [3]

    def tell() -> None:
        while untold:
            times = untold.pop()
            for count in leave.counts:
                count(times)

    one.world.host.registry.before_read(tell)
    await one.part.stop()
    assert names(tmp_path / "learnt.json") == {("192.0.2.0/24", "api.example."): 4}


async def test_what_was_learnt_goes_on_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        one = scene(tmp_path)
        await one.part.start()
        await one.ask("api.example")
        await one.part.stop()
    assert names(tmp_path / "learnt.json") == {("192.0.2.0/24", "api.example."): 2}


async def test_a_configuration_that_takes_the_place_of_another_goes_on_with_its_table(tmp_path: Path) -> None:
    world = World()
    old, new = scene(tmp_path, world=world), scene(tmp_path, world=world)
    await old.part.start()
    await old.ask("old.example")
    await new.part.start()
    await old.ask("late.example")
    await new.ask("new.example")
    await old.part.stop()
    await new.part.stop()
    assert {name for _, name in names(tmp_path / "learnt.json")} == {"old.example.", "late.example.", "new.example."}


async def test_the_file_is_written_while_it_serves(tmp_path: Path) -> None:
    one = scene(tmp_path, "every 50ms")
    await one.part.start()
    await one.ask("api.example")
    deadline = time.monotonic() + 10
    while not names(tmp_path / "learnt.json") and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert names(tmp_path / "learnt.json")
    await one.part.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["learnt.json"]


async def test_each_of_several_workers_has_a_file(tmp_path: Path) -> None:
    one = scene(tmp_path)
    one.world.host.worker, one.world.host.is_one_of_several = 3, True
    await one.part.start()
    await one.part.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["learnt.json.3"]


async def test_lines_that_are_none_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "learnt.json").write_text('{"net":"x","name":"a."}\n[]\nnothing\n')
    one = scene(tmp_path)
    await one.part.start()
    await one.part.stop()
    assert any("3 lines are not what was learnt" in line for line in one.world.lines)


async def test_the_server_does_not_start_where_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(ResolverError, match="learnt"):
        await scene(tmp_path / "missing").part.start()


async def test_clients_who_are_not_known_yet_are_not_sorted(tmp_path: Path) -> None:
    one = scene(tmp_path, pods={"10.0.0.7": SHOP})
    one.people.late.add("10.0.0.7")
    assert one.part.group("10.0.0.7") is UNSETTLED
    one.people.late.clear()
    assert one.part.group("10.0.0.7") != one.part.group("10.0.0.8") == one.part.group("10.0.0.9")


def test_without_learn_nobody_learns() -> None:
    assert Scene("policy {\n default deny\n}").part.learner is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("learn", "needs"),
        ("learn a names", "one value"),
        ("learn a names 1", "out of range"),
        ("learn a nmaes 5", "unexpected 'nmaes'"),
        ("learn a names 5 names 6", "twice"),
        ("learn a names 20000 namespaces 10000", "more than 5000000"),
        ("learn a\n learn b", "already given"),
    ],
)
def test_mistakes_are_said(lines: str, message: str) -> None:
    with pytest.raises(Exception, match=message) as found:
        World().build_source(load_text(f". {{\npolicy {{\n {lines}\n}}\n}}\n", environ={}).blocks[0])
    assert isinstance(found.value, ResolverError | ConfigErrors)


def test_limits_may_stand_in_a_block(tmp_path: Path) -> None:
    one = Scene("policy {\n learn learnt.json {\n names 5\n namespaces 6\n every 10s\n }\n}", root=tmp_path)
    (settings,) = [scope.settings.learn for scope in one.part.scopes]
    assert settings is not None
    assert (settings.limits.names, settings.limits.namespaces, settings.every) == (5, 6, 10.0)


@pytest.mark.parametrize("mode", ["enforce", "audit-only"])
async def test_what_a_rule_denied_and_what_does_not_exist_is_written_down(tmp_path: Path, mode: str) -> None:
    lines = "deny bad.example as block\n audit look.example\n deny now.example"
    one = Scene(
        f"policy {{\n mode {mode}\n default deny\n allow www.example gone.example\n {lines}\n learn learnt.json\n}}",
        {"www.example.": [("www.example.", A, "192.0.2.1")]}, root=tmp_path,
    )  # fmt: skip
    await one.part.start()
    for name in ("bad.example", "look.example", "www.example", "other.example"):
        await one.ask(name)
    query = question("gone.example", client=("192.0.2.1", 1))
    missing = await one.part.resolve(query, answering(_missing))
    assert missing.replay is not None
    for count in missing.replay.counts:
        count(4)
    await one.part.stop()
    lines_of = {line["name"]: line for line in written(tmp_path / "learnt.json")[1:]}
    denied_by = {name: line["denied_by"] for name, line in lines_of.items() if "denied_by" in line}
    assert denied_by == {"bad.example.": "block"}
    assert {name: line["missing"] for name, line in lines_of.items() if "missing" in line} == {"gone.example.": 5}


def _missing(query: Query) -> Reply:
    reply = from_records(query, "forward", rcode=NXDOMAIN)
    reply.replay = Replay(math.inf)
    return reply
