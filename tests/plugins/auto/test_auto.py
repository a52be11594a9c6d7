"""auto: zones that are found in a directory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolver.chain.capabilities import Overlay
from resolver.chain.reply import Reply
from resolver.errors import ConfigErrors
from resolver.plugins.auto import Auto
from resolver.wire.constants import NOERROR, NXDOMAIN
from resolver.wire.names import from_text, to_text
from resolver.zone.serving import ZoneSource
from tests.plugins.chains import World, nobody, question, until

NOBODY = 11
COREFILE = ". {\n auto {\n  directory zones\n  reload 10ms\n }\n}"


def write(path: Path, serial: int = 1, records: str = "www A 192.0.2.1") -> None:
    """A zone file that was not changed in the last seconds, and whose time of change is always another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"$TTL 60\n@ SOA ns host {serial} 2 3 4 5\n{records}\n"
    beside = path.with_name("." + path.name)
    beside.write_text(text)
    os.utime(beside, ns=(0, 10**18 + serial * 10**9 + len(records)))
    beside.rename(path)


@asynccontextmanager
async def started(folder: Path, corefile: str = COREFILE, world: World | None = None) -> AsyncIterator[Auto]:
    part = (world or World()).part(corefile, folder)
    await part.start()
    try:
        yield part
    finally:
        await part.stop()


async def ask(part: Auto, name: str) -> Reply:
    return await part.resolve(question(name), nobody)


def served(part: Auto) -> dict[str, int]:
    """The serials by origin."""
    return {to_text(origin): zone.serial for origin, zone in part.zones().items()}


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def awaited() -> None:
        await test()

    asyncio.run(asyncio.wait_for(awaited(), 20))


def test_zones_are_named_by_their_files(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org")
    write(tmp_path / "zones/below/db.Example.NET")
    write(tmp_path / "zones/README")

    async def test() -> None:
        async with started(tmp_path) as part:
            assert isinstance(part, ZoneSource)
            assert isinstance(part, Overlay)
            assert served(part) == {"example.org.": 1, "example.net.": 1}
            assert (await ask(part, "www.example.net")).rcode == NOERROR
            assert (await ask(part, "nope.example.net")).rcode == NXDOMAIN
            assert (await ask(part, "www.example.com")).rcode == NOBODY

    run(test)


@pytest.mark.parametrize(
    ("arguments", "name", "origin"),
    [
        (r"(.*)\.zone {1}", "example.org.zone", "example.org."),
        (r"^(.*)_(.*)\.zone$ {2}.{1}", "org_example.zone", "example.org."),
        (r"^(?P<zone>.*)\.db$ {zone}", "example.org.db", "example.org."),
        (r"^(.*)\.db$ ${1}.internal", "example.db", "example.internal."),
    ],
)
def test_a_pattern_may_say_which_zone_a_file_holds(arguments: str, name: str, origin: str, tmp_path: Path) -> None:
    write(tmp_path / "zones" / name)
    write(tmp_path / "zones" / "db.other.org")

    async def test() -> None:
        async with started(tmp_path, f". {{\n auto {{\n  directory zones {arguments}\n }}\n}}") as part:
            assert list(served(part)) == [origin]

    run(test)


def test_zones_come_change_move_and_go_with_their_files(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org")

    async def test() -> None:
        async with started(tmp_path) as part:
            write(tmp_path / "zones/db.example.net")
            await until(lambda: "example.net." in served(part))
            write(tmp_path / "zones/db.example.net", 5)
            await until(lambda: served(part)["example.net."] == 5)
            write(tmp_path / "zones/a/db.example.org", 2)
            await until(lambda: served(part)["example.org."] == 1)
            (tmp_path / "zones/db.example.org").unlink()
            await until(lambda: served(part)["example.org."] == 2)
            (tmp_path / "zones/a/db.example.org").unlink()
            await until(lambda: "example.org." not in served(part))
            assert (await ask(part, "www.example.org")).rcode == NOBODY

    run(test)


def test_answers_from_behind_end_when_a_zone_appears(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    world = World()

    async def test() -> None:
        async with started(tmp_path, world=world) as part:
            name = from_text("www.example.org.")
            tags = part.overlay_tags(name)
            assert tags
            assert not part.claims(name)
            write(tmp_path / "zones/db.example.org")
            await until(lambda: part.claims(name))
            assert set(tags) <= set(world.withdrawn)

    run(test)


def test_a_broken_file_is_one_line_in_the_log_and_others_are_served(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org")
    write(tmp_path / "zones/db.broken.test", 1, "www A nonsense")
    world = World()

    async def test() -> None:
        async with started(tmp_path, world=world) as part:
            assert served(part) == {"example.org.": 1}
            write(tmp_path / "zones/db.example.org", 2, "www A nonsense")
            await until(lambda: any("db.example.org:3:7" in line for line in world.lines))
            assert (await ask(part, "www.broken.test")).rcode == NOBODY
            assert (await ask(part, "www.example.org")).rcode == NOERROR

    run(test)
    assert sum("db.broken.test:3:7" in line for line in world.lines) == 1


def test_a_directory_that_goes_leaves_all_zones(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org")
    world = World()

    async def test() -> None:
        async with started(tmp_path, world=world) as part:
            (tmp_path / "zones").rename(tmp_path / "moved")
            await until(lambda: any("cannot read" in line for line in world.lines))
            assert served(part) == {"example.org.": 1}

    run(test)
    assert sum("cannot read" in line for line in world.lines) == 1


def test_a_directory_may_come_later(tmp_path: Path) -> None:
    async def test() -> None:
        async with started(tmp_path) as part:
            assert served(part) == {}
            write(tmp_path / "zones/db.example.org")
            await until(lambda: bool(served(part)))

    run(test)


def test_only_zones_of_the_directive_are_read_and_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org")
    write(tmp_path / "zones/db.example.net")
    write(tmp_path / "zones/db.org", 1, "www.sub.other A 192.0.2.1")
    world = World()

    async def test() -> None:
        async with started(tmp_path, ". {\n auto sub.other.org example.net {\n  directory zones\n }\n}", world) as part:
            assert served(part) == {"example.net.": 1, "org.": 1}
            assert (await ask(part, "www.sub.other.org")).rcode == NOERROR
            assert (await ask(part, "www.example.org")).rcode == NOBODY

    run(test)
    assert "example.org. is not within the zones of the directive" in world.lines[0]


def test_a_volume_of_kubernetes_is_read_by_its_links(tmp_path: Path) -> None:
    """As the kubelet lays out a ConfigMap: a directory by time, a link to it, and links through that one."""
    volume = tmp_path / "zones"
    write(volume / "..2026_01/db.example.org")
    (volume / "..data").symlink_to("..2026_01")
    (volume / "db.example.org").symlink_to("..data/db.example.org")
    world = World()

    async def test() -> None:
        async with started(tmp_path, world=world) as part:
            assert served(part) == {"example.org.": 1}
            write(volume / "..2026_02/db.example.org", 2)
            (volume / "..new").symlink_to("..2026_02")
            (volume / "..new").rename(volume / "..data")
            await until(lambda: served(part) == {"example.org.": 2})

    run(test)
    assert not any("left out" in line for line in world.lines)


def test_of_two_files_for_a_zone_the_first_counts(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org", 1)
    write(tmp_path / "zones/more/db.example.org", 2)
    world = World()

    async def test() -> None:
        async with started(tmp_path, world=world) as part:
            assert served(part) == {"example.org.": 1}

    run(test)
    assert "zones/more/db.example.org is left out" in world.lines[0]


def test_a_name_that_cannot_be_an_origin_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.")
    write(tmp_path / "zones/db.a..b")
    world = World()

    async def test() -> None:
        async with started(tmp_path, world=world) as part:
            assert served(part) == {}

    run(test)
    assert "leaves nothing for the origin" in world.lines[0]
    assert "empty label" in world.lines[1]


def test_fallthrough_passes_missing_names_on(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org")

    async def test() -> None:
        async with started(tmp_path, ". {\n auto {\n  directory zones\n  fallthrough\n }\n}") as part:
            assert (await ask(part, "www.example.org")).rcode == NOERROR
            assert (await ask(part, "nope.example.org")).rcode == NOBODY

    run(test)


def test_a_new_configuration_takes_zones_over(tmp_path: Path) -> None:
    write(tmp_path / "zones/db.example.org")

    async def test() -> None:
        async with started(tmp_path) as before:
            after = World().part(COREFILE, tmp_path)
            after.succeed(before)
            await after.start()
            assert after.zones()[from_text("example.org.")] is before.zones()[from_text("example.org.")]
            await after.stop()

    run(test)


def test_a_thousand_zones_are_served(tmp_path: Path) -> None:
    for number in range(1000):
        write(tmp_path / f"zones/db.z{number}.test")

    async def test() -> None:
        async with started(tmp_path) as part:
            assert len(part.zones()) == 1000
            assert (await ask(part, "www.z999.test")).rcode == NOERROR

    run(test)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("", "auto needs a directory"),
        ("directory", "directory needs"),
        ("directory zones (.*)", "a pattern needs an origin behind it"),
        ("directory zones .* {1}", "the pattern needs a group"),
        ("directory zones (.*) {2}", "the pattern has no group 2"),
        ("directory zones (.* {1}", "cannot use regexp"),
        ("directory zones (.*) {1} more", "directory takes 1 to 3"),
        ("directory file", "is not a directory"),
        ("directory zones\n reload -1s", "is not a duration"),
    ],
)
def test_what_cannot_be_meant_is_refused(block: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigErrors, match=message):
        World().build(f". {{\n auto {{\n {block}\n }}\n}}", tmp_path)
