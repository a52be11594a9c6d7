"""autopath: who knows the search path of a client, and lines that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.autopath import Autopath
from resolver.wire.constants import NXDOMAIN
from resolver.wire.names import from_text
from tests.plugins.autopath.paths import (
    POD,
    STRANGER,
    Below,
    Nothing,
    PodsOfZone,
    lines,
    with_file,
    with_pods,
)
from tests.plugins.chains import World, question


async def test_the_path_of_the_client_is_walked() -> None:
    part = await with_pods(PodsOfZone())
    below = Below("api.example.org")
    query = question("api.example.org.shop.svc.cluster.local", client=POD)
    reply = await part.resolve(query, below)
    assert lines(reply)[0] == "api.example.org.shop.svc.cluster.local. 60 CNAME api.example.org."
    assert below.asked == [
        "api.example.org.shop.svc.cluster.local", "api.example.org.svc.cluster.local", "api.example.org.cluster.local",
        "api.example.org.node.test", "api.example.org",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "client"),
    [("www.example.org.shop.svc.cluster.local", STRANGER), ("www.example.org.other.svc.cluster.local", POD)],
)
async def test_nothing_is_completed_for_a_stranger_or_another_namespace(name: str, client: tuple[str, int]) -> None:
    below = Below("www.example.org")
    reply = await (await with_pods(PodsOfZone())).resolve(question(name, client=client), below)
    assert (reply.rcode, below.asked) == (NXDOMAIN, [name])


@pytest.mark.parametrize(("mode", "warned"), [("verified", False), ("insecure", True)])
async def test_a_cluster_that_knows_no_pods_is_worth_a_warning(mode: str, warned: bool) -> None:
    world = World()
    await with_pods(PodsOfZone(), world, mode)
    assert any("with pods verified only" in line for line in world.lines) is warned


async def test_a_directive_that_knows_no_search_path_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="kubernetes knows no search path"):
        await with_pods(Nothing())


async def test_erratic_knows_a_search_path_to_try_this_with() -> None:
    block = World().build(". {\n autopath @erratic\n erratic {\n  drop 0\n }\n}\n")
    part = next(part for part in block.parts if isinstance(part, Autopath))
    await part.start()
    reply = await part.resolve(question("www.a.example.org"), Below("www.b.example.org"))
    assert lines(reply)[0] == "www.a.example.org. 60 CNAME www.b.example.org."


def test_a_directive_that_is_not_in_the_block_is_a_mistake() -> None:
    with pytest.raises(ConfigErrors, match="no directive kubernetes in this server block"):
        World().build(". {\n autopath @kubernetes\n forward . 127.0.0.1\n}\n")


@pytest.mark.parametrize(
    "line", ["autopath", "autopath {\n}", "autopath not..a..zone search.conf", 'autopath ""', "autopath @"]
)
def test_lines_that_make_no_sense_are_refused(line: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n {line}\n}}\n")


def test_a_second_line_is_refused() -> None:
    with pytest.raises(ConfigErrors, match="only once"):
        World().build(". {\n autopath a\n autopath b\n}\n")


async def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    part: Autopath = World().part(". {\n autopath missing.conf\n}\n", tmp_path)
    with pytest.raises(ConfigError, match=r"cannot read .*missing\.conf"):
        await part.start()


@pytest.mark.parametrize(
    ("text", "said"), [("search a..b", "empty label"), ("search " + "x.test " * 33, "more than 32 elements")]
)
async def test_a_search_path_that_cannot_be_walked_stops_the_start(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        await with_file(tmp_path, text)


async def test_a_file_without_a_search_path_is_worth_a_warning(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "search.conf").write_text("nameserver 127.0.0.1\n")
    part: Autopath = world.part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()
    assert any("names no search path" in line for line in world.lines)
    assert (await part.resolve(question("www.one.test"), Below("www"))).rcode == NXDOMAIN


async def test_the_last_search_or_domain_line_counts(tmp_path: Path) -> None:
    part = await with_file(tmp_path, "search a.test b.test\n# search c.test\ndomain One.Test.")
    assert part.search == (from_text("one.test"),)
