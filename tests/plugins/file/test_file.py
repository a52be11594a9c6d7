"""file: zones that are named in the configuration."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolver.chain.reply import Reply
from resolver.errors import ConfigError
from resolver.plugins.file import File
from resolver.wire.constants import AA, NOERROR, NXDOMAIN, SERVFAIL
from resolver.wire.names import from_text
from resolver.zone.serving import ZoneSource
from tests.plugins.chains import World, nobody, question, until

SOA = "$TTL 60\n@ SOA ns host {serial} 2 3 4 5\n@ NS ns\n"
NOBODY = 11


def write(path: Path, serial: int, records: str = "www A 192.0.2.1") -> None:
    """A zone file that was not changed in the last seconds, and whose time of change is always another one."""
    path.write_text(SOA.format(serial=serial) + records + "\n")
    os.utime(path, ns=(0, 10**18 + serial * 10**9 + len(records)))


@asynccontextmanager
async def started(corefile: str, folder: Path, world: World | None = None) -> AsyncIterator[File]:
    part = (world or World()).part(corefile, folder)
    await part.start()
    try:
        yield part
    finally:
        await part.stop()


async def ask(part: File, name: str, qtype: str = "A") -> Reply:
    return await part.resolve(question(name, qtype), nobody)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_awaited(test), 20))


async def _awaited(test: Callable[[], Awaitable[None]]) -> None:
    await test()


def test_a_zone_is_answered_from_its_file(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)

    async def test() -> None:
        async with started("example.org {\n file db\n}", tmp_path) as part:
            assert (await ask(part, "www.example.org")).flags & AA
            assert (await ask(part, "nope.example.org")).rcode == NXDOMAIN
            assert (await ask(part, "www.example.net")).rcode == NOBODY

    run(test)


def test_several_zones_may_come_from_one_file_and_several_files_stand_in_a_block(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)
    write(tmp_path / "other", 7)

    async def test() -> None:
        corefile = ". {\n file db example.net example.com\n file other sub.example.com\n}"
        async with started(corefile, tmp_path) as part:
            assert isinstance(part, ZoneSource)
            serials = {origin: zone.serial for origin, zone in part.zones().items()}
            names = ("example.net.", "example.com.", "sub.example.com.")
            assert serials == dict(zip(map(from_text, names), (1, 1, 7), strict=True))
            assert (await ask(part, "www.sub.example.com")).flags & AA

    run(test)


def test_a_higher_serial_is_served_soon(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)
    world = World()

    async def test() -> None:
        async with started("example.org {\n file db {\n  reload 10ms\n }\n}", tmp_path, world) as part:
            assert (await ask(part, "new.example.org")).rcode == NXDOMAIN
            write(tmp_path / "db", 2, "new A 192.0.2.9")
            await until(lambda: part.zones()[from_text("example.org.")].serial == 2)
            assert (await ask(part, "new.example.org")).rcode == NOERROR
            await until(lambda: any("example.org. has the serial 2" in line for line in world.lines))

    run(test)


def test_a_broken_file_leaves_the_zone_and_one_line_in_the_log(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)
    world = World()

    async def test() -> None:
        async with started("example.org {\n file db {\n  reload 10ms\n }\n}", tmp_path, world) as part:
            write(tmp_path / "db", 2, "www A nonsense")
            await until(lambda: any("db:4:7: the record cannot be read" in line for line in world.lines))
            await asyncio.sleep(0.05)
            assert (await ask(part, "www.example.org")).rcode == NOERROR
            (tmp_path / "db").unlink()
            await until(lambda: any("No such file" in line for line in world.lines))
            assert (await ask(part, "www.example.org")).rcode == NOERROR
            write(tmp_path / "db", 3)
            await until(lambda: part.zones()[from_text("example.org.")].serial == 3)

    run(test)
    assert sum("db:4:7" in line for line in world.lines) == 1
    assert sum("No such file" in line for line in world.lines) == 1
    assert all("what was read before stays" in line for line in world.lines if "No such file" in line)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("www 60 A 192.0.2.1", "has no SOA record for example.org."),
        (SOA.format(serial=1) + "www A x", "db:4:7: the record cannot be read"),
        (SOA.format(serial=1) + "@ CNAME x", "example.org. is an alias and has other records beside it"),
        (SOA.format(serial=1) + SOA.format(serial=2), "has more than one SOA record"),
    ],
)
def test_a_file_that_cannot_be_served_stops_the_start(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "db").write_text(text)

    async def test() -> None:
        async with started("example.org {\n file db\n}", tmp_path):
            pass

    with pytest.raises(ConfigError, match="file: ") as caught:
        run(test)
    assert message in str(caught.value)
    assert caught.value.at is not None


def test_a_missing_file_is_looked_for_again(tmp_path: Path) -> None:
    world = World()

    async def test() -> None:
        async with started("example.org {\n file db {\n  reload 10ms\n }\n}", tmp_path, world) as part:
            assert (await ask(part, "www.example.org")).rcode == SERVFAIL
            assert "it is looked for again every 0.01 s" in world.lines[0]
            write(tmp_path / "db", 1)
            await until(lambda: bool(part.zones()))
            assert (await ask(part, "www.example.org")).rcode == NOERROR

    run(test)


def test_a_missing_file_is_looked_for_more_often_than_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.plugins.file.handler.MISSING_INTERVAL", 0.01)
    world = World()

    async def test() -> None:
        async with started("example.org {\n file db {\n  reload 1h\n }\n}", tmp_path, world) as part:
            assert "it is looked for again every 0.01 s" in world.lines[0]
            write(tmp_path / "db", 1)
            await until(lambda: bool(part.zones()))
            assert (await ask(part, "www.example.org")).rcode == NOERROR

    run(test)


def test_a_missing_file_that_is_never_looked_for_again_stops_the_start(tmp_path: Path) -> None:
    async def test() -> None:
        async with started("example.org {\n file db {\n  reload 0\n }\n}", tmp_path):
            pass

    with pytest.raises(ConfigError, match=r"cannot read .*db"):
        run(test)


def test_reload_by_mtime_takes_what_the_file_says(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)

    async def test() -> None:
        corefile = "example.org {\n file db {\n  reload 10ms\n  reload_by_mtime\n }\n}"
        async with started(corefile, tmp_path) as part:
            write(tmp_path / "db", 1, "other A 192.0.2.1")
            await until(lambda: from_text("other.example.org.") in part.zones()[from_text("example.org.")].nodes)

    run(test)


def test_fallthrough_passes_missing_names_on(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)

    async def test() -> None:
        corefile = "example.org {\n file db {\n  fallthrough sub.example.org\n }\n}"
        async with started(corefile, tmp_path) as part:
            assert (await ask(part, "nope.example.org")).rcode == NXDOMAIN
            assert (await ask(part, "x.sub.example.org")).rcode == NOBODY

    run(test)


def test_a_new_configuration_takes_over_zones_and_reads_what_has_changed(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)
    write(tmp_path / "other", 1)
    corefile = ". {\n file db example.org\n file other example.net\n}"

    async def test() -> None:
        async with started(corefile, tmp_path) as before:
            write(tmp_path / "other", 1, "changed A 192.0.2.7")
            after = World().part(corefile, tmp_path)
            after.succeed(before)
            await after.start()
            same, changed = from_text("example.org."), from_text("example.net.")
            assert after.zones()[same] is before.zones()[same]
            assert from_text("changed.example.net.") in after.zones()[changed].nodes
            await after.stop()

    run(test)


def test_the_old_option_upstream_is_told_to_have_no_effect(tmp_path: Path) -> None:
    write(tmp_path / "db", 1)
    world = World()

    async def test() -> None:
        async with started("example.org {\n file db {\n  upstream 192.0.2.1\n }\n}", tmp_path, world):
            assert "upstream has no effect" in world.lines[0]

    run(test)


@pytest.mark.parametrize(
    ("directive", "message"),
    [
        ("file", "file needs at least 1 argument"),
        ("file db {\n reload 1ms\n}", "reload is shorter than 10ms"),
        ("file db {\n reload\n}", "reload needs 1 argument"),
        ("file db {\n reload_by_mtime x\n}", "reload_by_mtime"),
        ("file db {\n transfer to *\n}", "no option transfer"),
    ],
)
def test_what_cannot_be_meant_is_refused(directive: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=message):
        World().build(f"example.org {{\n {directive}\n}}", tmp_path)
