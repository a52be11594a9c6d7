"""Rules in files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from resolver.errors import ConfigError, ConfigErrors, ResolverError
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


@pytest.mark.parametrize(
    ("octets", "place", "words"),
    [
        (None, ":3:", "No such file"),
        (b"allow a.example\nallow \xff\xfe\n", "rules.txt:2:7", "the file is not UTF-8 text"),
        (b"rules:\n - allow: [a\n  b: {\n", "rules.txt:3:", "this is not YAML"),
    ],
)
async def test_what_keeps_the_server_from_its_rules_has_a_place(
    tmp_path: Path, octets: bytes | None, place: str, words: str
) -> None:
    if octets is not None:
        (tmp_path / "rules.txt").write_bytes(octets)
    scene = Scene("policy {\n rules rules.txt\n}", root=tmp_path)
    with pytest.raises(ConfigErrors) as raised:
        await scene.part.start()
    (error,) = raised.value.errors
    assert place in str(error.at)
    assert words in error.message


async def test_all_mistakes_of_a_file_are_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_text("allow *x.example\nalow a.example\n")
    with pytest.raises(ConfigErrors) as raised:
        await Scene("policy {\n rules rules.txt\n}", root=tmp_path).part.start()
    assert [error.at.line for error in raised.value.errors if error.at] == [1, 2]


async def test_a_zone_file_that_is_not_there_is_told_where_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        await Scene("policy {\n rpz local.rpz file rpz.db\n}", root=tmp_path).part.start()
    assert raised.value.at is not None
    assert raised.value.at.line == 3


def test_one_broken_group_does_not_hide_other_mistakes() -> None:
    lines = "group lab namspace lab\n deny a.example clients lab\n deny *db.test\n default maybe"
    with pytest.raises(ConfigErrors) as raised:
        Scene(f"policy bad..zone {{\n {lines}\n}}")
    assert len(raised.value.errors) == 4
    assert not any("no group" in str(error) for error in raised.value.errors)
