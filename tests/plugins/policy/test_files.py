"""Rules in files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from resolver.errors import ResolverError
from resolver.wire.constants import REFUSED
from tests.plugins.chains import until
from tests.plugins.policy.scenes import Scene, why

LINES = "policy {\n default deny\n rules rules.txt reload 50ms\n}"


async def test_rules_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("allow .example\ndeny bad.example action nxdomain as no-bad\n")
    scene = Scene(LINES, root=tmp_path)
    await scene.part.start()
    assert (await scene.ask("www.example")).source == "forward"
    assert why(await scene.ask("bad.example")) == (15, "policy rule: no-bad")
    assert scene.world.metric("coredns_policy_rules", str(tmp_path / "rules.txt")) == 2
    await scene.part.stop()


async def test_a_changed_file_counts_at_once_and_withdraws_what_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "rules.txt"
    path.write_text("allow www.example\n")
    scene = Scene(LINES, root=tmp_path)
    await scene.part.start()
    leave = (await scene.ask("www.example")).replay
    assert leave is not None
    scene.world.withdrawn.clear()
    path.write_text("allow other.example # and www no more\n")
    await until(lambda: bool(scene.world.withdrawn))
    assert scene.world.withdrawn[0] in leave.tags
    assert (await scene.ask("www.example")).rcode == REFUSED
    await scene.part.stop()


async def test_a_broken_file_changes_nothing_and_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "rules.txt"
    path.write_text("allow www.example\n")
    scene = Scene(LINES, root=tmp_path)
    await scene.part.start()
    path.write_text("allow www.example\npermit everything\n")
    failures = scene.part.metrics.failures
    await until(lambda: failures.cell(str(path)).value == 1)
    assert (await scene.ask("www.example")).source == "forward"
    (line,) = [line for line in scene.world.lines if "[ERROR]" in line]
    assert "rules.txt:2:1: permit is no rule" in line
    path.unlink()
    await until(lambda: failures.cell(str(path)).value >= 3)
    assert len([line for line in scene.world.lines if "[ERROR]" in line]) == 2
    assert (await scene.ask("www.example")).source == "forward"
    await scene.part.stop()


@pytest.mark.parametrize("text", [None, "permit everything", "allow a.example namespace shop", "rules: {"])
async def test_the_server_does_not_start_without_its_rules(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "rules.txt").write_text(text)
    with pytest.raises(ResolverError):
        await Scene(LINES, root=tmp_path).part.start()


async def test_a_pipe_is_no_file_of_rules(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rules.txt")
    with pytest.raises(ResolverError, match="not a regular file"):
        await Scene(LINES, root=tmp_path).part.start()


async def test_the_lines_of_the_directive_go_before_those_of_files(tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("allow bad.example\nallow good.example clients office\n")
    lines = "policy {\n default deny\n group office net 192.0.2.0/24\n deny bad.example as first\n rules rules.txt\n}"
    scene = Scene(lines, root=tmp_path)
    await scene.part.start()
    assert why(await scene.ask("bad.example")) == (15, "policy rule: first")
    assert (await scene.ask("good.example")).source == "forward"
    await scene.part.stop()


async def test_two_files_that_change_together_both_count(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("")
    scene = Scene("policy {\n default deny\n rules a reload 50ms\n rules b reload 50ms\n}", root=tmp_path)
    await scene.part.start()
    for name in ("a", "b"):
        (tmp_path / name).write_text("".join(f"allow {name}{number}.example\n" for number in range(3000)))
    await until(lambda: scene.part.scopes[0].state.count == 6000)
    assert (await scene.ask("a7.example")).source == (await scene.ask("b7.example")).source == "forward"
    await scene.part.stop()


async def test_queries_are_answered_while_many_rules_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.txt"
    path.write_text("allow www.example\n")
    scene = Scene(LINES, root=tmp_path)
    await scene.part.start()
    path.write_text("allow www.example\n" + "".join(f"allow host{number}.example\n" for number in range(20_000)))
    turns = 0
    while scene.part.scopes[0].state.count < 20_000:
        await asyncio.sleep(0)
        if scene.part.scopes[0].state.count == 1:
            turns += 1
            assert (await scene.ask("www.example")).source == "forward"
    assert turns > 20
    await scene.part.stop()
