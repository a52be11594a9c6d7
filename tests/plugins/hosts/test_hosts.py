"""hosts: answers from a file and from the configuration."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from resolver.chain.reply import Reply
from resolver.errors import ConfigErrors
from resolver.plugins.hosts import Hosts
from resolver.wire.constants import AA, NOERROR, SERVFAIL
from tests.plugins.chains import World, nobody, question, until

PASSED_ON = 11


def made(block: str, *, args: str = "", world: World | None = None, root: Path = Path(), zone: str = ".") -> Hosts:
    part: Hosts = (world or World()).part(f"{zone} {{\n hosts {args} {{\n{block}\n}}\n}}\n", root)
    return part


async def ask(plugin: Hosts, name: str, qtype: str = "A") -> Reply:
    return await plugin.resolve(question(name, qtype), nobody)


async def outcome(plugin: Hosts, name: str, qtype: str = "A") -> tuple[int, list[str]]:
    reply = await ask(plugin, name, qtype)
    return reply.rcode, [record.rdata.hex() for record in reply.sections.answer]


async def test_a_known_name_is_answered_with_authority() -> None:
    reply = await ask(made("192.0.2.1 www.example.org"), "WWW.example.org")
    assert (reply.rcode, reply.flags, reply.source) == (NOERROR, AA, "hosts")
    assert [record.rdata for record in reply.sections.answer] == [bytes((192, 0, 2, 1))]
    assert reply.sections.answer[0].owner == b"\3WWW\7example\3org\0"


async def test_another_type_of_a_known_name_is_empty() -> None:
    plugin = made("192.0.2.1 www.example.org\nfallthrough")
    assert [await outcome(plugin, "www.example.org", qtype) for qtype in ("AAAA", "TXT", "ANY")] == [(NOERROR, [])] * 3


async def test_an_unknown_name_fails_without_fallthrough() -> None:
    reply = await ask(made("192.0.2.1 www.example.org"), "other.example.org")
    assert (reply.rcode, reply.flags, reply.replay, reply.error) == (SERVFAIL, 0, None, "")
    assert reply.source == ""


async def test_fallthrough_passes_unknown_names_on() -> None:
    assert (await ask(made("192.0.2.1 a\nfallthrough"), "b")).rcode == PASSED_ON


async def test_fallthrough_may_be_bound_to_zones() -> None:
    plugin = made("192.0.2.1 a\nfallthrough example.org 192.0.2.0/24")
    assert (await ask(plugin, "b.Example.org")).rcode == PASSED_ON
    assert (await ask(plugin, "b.example.net")).rcode == SERVFAIL
    assert (await ask(plugin, "x.2.0.192.in-addr.arpa", "TXT")).rcode == PASSED_ON


async def test_a_pointer_that_is_not_known_is_always_passed_on() -> None:
    plugin = made("192.0.2.1 a.example.org", zone="example.org")
    assert (await ask(plugin, "9.2.0.192.in-addr.arpa", "PTR")).rcode == PASSED_ON
    assert await outcome(plugin, "1.2.0.192.in-addr.arpa", "PTR") == (NOERROR, [b"\1a\7example\3org\0".hex()])


async def test_names_outside_of_the_zones_are_passed_on(tmp_path: Path) -> None:
    plugin = made("192.0.2.1 www.example.org www.example.net", args="none example.org", root=tmp_path)
    assert (await ask(plugin, "www.example.net")).rcode == PASSED_ON
    assert (await ask(plugin, "www.example.org")).rcode == NOERROR


async def test_types_that_a_file_cannot_hold_may_fall_through() -> None:
    plugin = made("192.0.2.1 www.example.org www.example.net\nfallthrough example.org\nfallthrough_unsupported")
    assert (await ask(plugin, "www.example.org", "HTTPS")).rcode == PASSED_ON
    assert (await ask(plugin, "www.example.net", "HTTPS")).rcode == NOERROR
    assert (await ask(plugin, "www.example.org", "AAAA")).rcode == NOERROR


async def test_answers_may_be_replayed_until_the_data_changes(tmp_path: Path) -> None:
    world = World()
    file = tmp_path / "list"
    file.write_text("192.0.2.1 www.example.org\n")
    plugin = made("reload 10ms", args="list", world=world, root=tmp_path)
    await plugin.start()
    try:
        leave = (await ask(plugin, "www.example.org")).replay
        assert leave is not None
        assert (leave.until, leave.base) == (math.inf, None)
        world.withdrawn.clear()
        file.write_text("192.0.2.2 www.example.org extra.example.org\n")
        await until(lambda: bool(world.withdrawn))
        assert set(world.withdrawn) == set(leave.tags)
        assert await outcome(plugin, "extra.example.org") == (NOERROR, ["c0000202"])
        assert await outcome(plugin, "www.example.org") == (NOERROR, ["c0000202"])
    finally:
        await plugin.stop()


async def test_two_instances_never_share_a_tag() -> None:
    leaves = [(await ask(made("192.0.2.1 a"), "a")).replay for _ in range(2)]
    assert all(leaves)
    assert len({leave.tags for leave in leaves if leave}) == 2


async def test_entries_of_the_file_stand_before_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("192.0.2.1 both\n192.0.2.1 file\n")
    plugin = made("192.0.2.9 both inline\nreload 0", args="list", root=tmp_path)
    await plugin.start()
    assert await outcome(plugin, "both") == (NOERROR, ["c0000201", "c0000209"])
    assert (await outcome(plugin, "file"))[1] == ["c0000201"]
    assert (await outcome(plugin, "inline"))[1] == ["c0000209"]
    await plugin.stop()


async def test_a_missing_file_is_a_warning_and_is_read_once_it_is_there(tmp_path: Path) -> None:
    world = World()
    plugin = made("192.0.2.9 inline\nreload 10ms", args="list", world=world, root=tmp_path)
    await plugin.start()
    try:
        assert world.lines == [f"[WARNING] plugin/hosts: cannot read {tmp_path / 'list'}: No such file or directory"]
        assert (await outcome(plugin, "inline"))[0] == NOERROR
        (tmp_path / "list").write_text("192.0.2.1 file\n")
        await until(lambda: plugin.table.knows(b"\4file\0"))
        (tmp_path / "list").unlink()
        await until(lambda: len(world.lines) == 2)
        assert (await outcome(plugin, "file"))[0] == NOERROR
    finally:
        await plugin.stop()


async def test_neither_a_directory_nor_a_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        world = World()
        plugin = made("reload 0", args=name, world=world, root=tmp_path)
        await plugin.start()
        assert "[WARNING] plugin/hosts: cannot read" in world.lines[0]


async def test_the_null_device_is_no_file_at_all() -> None:
    world = World()
    plugin = made("192.0.2.9 inline\nreload 0", args=os.devnull, world=world)
    await plugin.start()
    assert world.lines == []
    assert await outcome(plugin, "inline") == (NOERROR, ["c0000209"])
    await plugin.stop()


async def test_odd_lines_are_told_once(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "list").write_text("192.0.2.1 good\nbad bad\n")
    plugin = made("reload 0", args="list", world=world, root=tmp_path)
    await plugin.start()
    assert [line for line in world.lines if line.endswith("address and names: 1, the first is line 2")]


async def test_entries_and_time_of_the_file_are_exported(tmp_path: Path) -> None:
    world = World()
    file = tmp_path / "list"
    file.write_text("192.0.2.1 a\n")
    os.utime(file, (1000, 1000))
    first = made("reload 0", args="list", world=world, root=tmp_path)
    second = made("192.0.2.2 b\nreload 0", args="list", world=world, root=tmp_path)
    await first.start()
    await second.start()
    assert world.metric("coredns_hosts_entries", str(file)) == 6
    assert world.metric("coredns_hosts_reload_timestamp_seconds") == 1000
    await first.stop()
    assert world.metric("coredns_hosts_entries", str(file)) == 4


def test_defaults() -> None:
    settings = World().part(". {\n hosts\n}\n").settings
    assert (str(settings.path), settings.ttl, settings.reload, settings.reverse) == ("/etc/hosts", 3600, 5.0, True)
    assert settings.zones == (b"\0",)


def test_options_are_read() -> None:
    settings = made("ttl 60\nreload 1m\nno_reverse\nfallthrough", args="/x example.org 10.0.0.0/8").settings
    assert (str(settings.path), settings.ttl, settings.reload, settings.reverse) == ("/x", 60, 60.0, False)
    assert settings.zones == (b"\7example\3org\0", b"\x0210\7in-addr\4arpa\0")
    assert settings.fallthrough == (b"\0",)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("ttl", "ttl needs 1 argument"),
        ("ttl 0", "0 is out of range"),
        ("ttl 65536", "65536 is out of range"),
        ("ttl 60 70", "ttl takes 1 argument"),
        ("reload x", "x is not a duration"),
        ("reload 1ms", "reload is shorter than 10ms"),
        ("reload -1s", "-1s is not a duration"),
        ("no_reverse yes", "no_reverse takes no arguments"),
        ("fallthruogh", "hosts has no option fallthruogh (did you mean fallthrough?)"),
        ("www.example.org 192.0.2.1", "hosts has no option www.example.org"),
        ("fallthrough\n192.0.2.1 a", "entries stand before fallthrough"),
        ("fallthrough_unsupported", "fallthrough_unsupported needs fallthrough"),
        ("192.0.2.1", "192.0.2.1 needs at least 1 argument"),
        ("192.0.2.1 a..b", "empty label"),
        ("192.0.2.1 a {\n x\n }", "192.0.2.1 takes no block"),
    ],
)
def test_mistakes_are_found(block: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        made(block)
    assert message in str(caught.value)


def test_one_block_has_one_hosts() -> None:
    with pytest.raises(ConfigErrors, match="hosts may stand only once"):
        World().build(". {\n hosts\n hosts\n}\n")
