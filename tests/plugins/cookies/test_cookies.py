"""cookies: who brings one, who gets one, and who has to have one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.errors import ConfigErrors, ResolverError
from resolver.plugins.cookies.handler import Cookies
from resolver.wire.constants import BADCOOKIE, FORMERR, NOERROR, TC
from resolver.wire.cookie import age, cookie_of, cookie_option
from resolver.wire.edns import Edns, extended_error, option
from tests.plugins.chains import World, answering, question

MINE = b"my-cooky"
SECRET, OLD = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"


@dataclass
class Scene:
    """A server with two clocks that stand still unless they are moved: seconds since the start, and since 1970."""

    lines: str = ""
    root: Path = field(default_factory=Path)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.world = World(clock=lambda: self.now)
        self.world.host.log.clock = lambda: self.now + 1_700_000_000
        self.part: Cookies = self.world.part(f". {{\n cookies {self.lines}\n}}\n", self.root)

    async def ask(self, options: bytes | None = None, client: str = "192.0.2.1", transport: str = "udp") -> Reply:
        query = question("www.example.org", client=(client, 4711), transport=transport)
        query.edns = None if options is None else Edns(1232, options=options)
        reply: Reply = await self.part.resolve(query, answering(_answered))
        return reply

    async def cookie(self, client: str = "192.0.2.1") -> bytes:
        """The option that a client sends once it was given a cookie."""
        found = cookie_of((await self.ask(cookie_option(MINE), client)).options)
        assert found is not None
        return cookie_option(*found)

    def count(self, cookie: str) -> float:
        return self.world.metric("coredns_cookies_queries_total", "", ".", "", cookie)


def _answered(query: Query) -> Reply:
    reply = failure(query, "forward", NOERROR, ede=29)
    reply.replay = Replay(math.inf)
    return reply


async def test_a_client_is_given_a_cookie_and_keeps_it_for_half_an_hour() -> None:
    scene = Scene()
    first = await scene.ask(cookie_option(MINE))
    assert first.options.startswith(extended_error(29)), "other options stay"
    mine = await scene.cookie()
    scene.now += 1799
    assert (await scene.ask(mine)).options.endswith(mine)
    scene.now += 1
    renewed = (await scene.ask(mine)).options
    assert not renewed.endswith(mine)
    assert (scene.count("new"), scene.count("valid")) == (2, 2)


async def test_who_brings_none_gets_none() -> None:
    scene = Scene()
    reply = await scene.ask(option(3, b""))
    assert cookie_of(reply.options) is None
    assert (await scene.ask()).replay is not None
    assert scene.count("none") == 2


@pytest.mark.parametrize("payload", [b"", b"short", b"nine-octe", MINE + b"sevenoc", MINE + bytes(33)])
async def test_a_cookie_of_an_impossible_size_is_a_format_error(payload: bytes) -> None:
    assert (await Scene().ask(option(10, payload))).rcode == FORMERR


async def test_a_cookie_of_somebody_else_is_answered_with_a_good_one() -> None:
    scene = Scene()
    stolen = await scene.cookie("192.0.2.66")
    reply = await scene.ask(stolen)
    found = cookie_of(reply.options)
    assert found is not None
    assert (found[0], cookie_option(*found) != stolen, scene.count("invalid")) == (MINE, True, 1)
    assert age(scene.part.secrets[0], *found, "192.0.2.1", int(scene.world.host.log.clock())) == 0


async def test_an_answer_is_replayed_to_its_client_alone_and_while_the_cookie_is_young() -> None:
    scene = Scene()
    assert (await scene.ask(cookie_option(MINE))).replay is None
    mine = await scene.cookie()
    scene.now += 100
    leave = (await scene.ask(mine)).replay
    assert leave is not None
    assert leave.until == scene.now + 1700
    (guard,) = leave.guards
    assert guard(("192.0.2.1", 9), b"", b"answer", scene.now) == b"answer"
    assert guard(("192.0.2.2", 9), b"", b"answer", scene.now) is None


# --- require


async def test_who_has_to_have_a_cookie_is_given_one_with_the_error() -> None:
    scene = Scene("{\n require\n}")
    reply = await scene.ask(cookie_option(MINE))
    found = cookie_of(reply.options)
    assert (reply.rcode, found is not None) == (BADCOOKIE, True)
    assert found is not None
    assert (await scene.ask(cookie_option(*found))).source == "forward"


@pytest.mark.parametrize("options", [None, b""])
async def test_who_knows_no_cookies_is_asked_to_come_by_tcp(options: bytes | None) -> None:
    scene = Scene("{\n require\n}")
    reply = await scene.ask(options)
    assert (reply.flags & TC, reply.body.answers, reply.replay) == (TC, 0, None)
    assert (await scene.ask(options, transport="tcp")).source == "forward"


async def test_some_need_none_and_replays_are_for_these_alone() -> None:
    scene = Scene("{\n require\n except 10.0.0.0/8\n}")
    reply = await scene.ask(client="10.1.2.3")
    assert reply.replay is not None
    (guard,) = reply.replay.guards
    assert guard(("10.9.9.9", 9), b"", b"answer", scene.now) == b"answer"
    assert guard(("192.0.2.2", 9), b"", b"answer", scene.now) is None


async def test_several_workers_need_a_common_secret_to_require_one() -> None:
    scene = Scene("{\n require\n}")
    scene.world.host.is_one_of_several = True
    with pytest.raises(ResolverError, match="needs a file of secrets"):
        await scene.part.start()


# --- secrets


def _secrets(root: Path, *lines: str) -> None:
    (root / "secrets").write_text("# for all Pods\n" + "\n".join(lines) + "\n")


async def test_a_secret_can_be_changed_without_a_cookie_that_fails(tmp_path: Path) -> None:
    _secrets(tmp_path, OLD)
    first, second = Scene("{\n secret secrets\n}", tmp_path), Scene("{\n secret secrets\n}", tmp_path)
    first.part.refresh()
    mine = await first.cookie()
    for lines in ((OLD, SECRET), (SECRET, OLD)):
        _secrets(tmp_path, *lines)
        second.part.refresh()
        assert (await second.ask(mine)).options.endswith(mine) == (lines[0] == OLD)
    assert second.count("valid") == 2
    _secrets(tmp_path, SECRET)
    second.part.refresh()
    await second.ask(mine)
    assert second.count("invalid") == 1


async def test_a_broken_file_is_told_once_and_changes_nothing(tmp_path: Path) -> None:
    _secrets(tmp_path, OLD)
    scene = Scene("{\n secret secrets\n}", tmp_path)
    scene.part.refresh()
    mine = await scene.cookie()
    _secrets(tmp_path, "not a secret")
    scene.part.refresh()
    scene.part.refresh()
    assert (await scene.ask(mine)).options.endswith(mine)
    assert sum("secrets stay as they are" in line for line in scene.world.lines) == 1


async def test_a_reload_keeps_a_secret_that_was_drawn() -> None:
    old, new = Scene(), Scene()
    mine = await old.cookie()
    new.part.succeed(old.part)
    await new.ask(mine)
    assert new.count("valid") == 1


async def test_two_servers_draw_different_secrets() -> None:
    assert Scene().part.secrets != Scene().part.secrets


async def test_what_is_vouched_for_is_what_is_valid() -> None:
    scene = Scene()
    mine = await scene.cookie()
    for options, client, expected in ((mine, "192.0.2.1", True), (mine, "192.0.2.2", False), (b"", "192.0.2.1", False)):
        query = question("www.example.org", client=(client, 1))
        query.edns = Edns(1232, options=options)
        assert scene.part.vouches(query) == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("now", "takes no arguments"),
        ("{\n except 10.0.0.0/8\n}", "with require alone"),
        ("{\n secret nowhere\n}", "No such file"),
        ("{\n secret short\n}", "32 hexadecimal digits"),
        ("{\n secret empty\n}", "no secret"),
    ],
)
def test_mistakes_are_told(lines: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("abcd\n")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigErrors, match=message):
        Scene(lines, tmp_path)
