"""ratelimit: clients within their limit are answered, others are not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from resolver.chain.capabilities import Identity
from resolver.chain.plugin import Part
from resolver.chain.query import Query, Site
from resolver.chain.reply import Guard, Replay, Reply, failure
from resolver.chain.setup import Block
from resolver.chain.trail import Trail
from resolver.config.load import load_text
from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.ratelimit import RateLimit
from resolver.plugins.ratelimit.settings import parse
from resolver.wire.constants import REFUSED, TC
from resolver.wire.edns import Edns, extended_error
from resolver.wire.message import scan
from tests.plugins.chains import World, answering, question

REFUSAL = extended_error(18, "too many queries")


@dataclass
class Scene:
    """A limit whose clock stands still unless it is moved."""

    lines: str
    now: float = 1000.0
    more: str = ""
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(clock=lambda: self.now)
        source = load_text(f". {{\n ratelimit {self.lines}\n {self.more}\n}}\n", environ={}).blocks[0]
        self.block = Block((b"\0",), (Site("dns://:53", "."),), directives=source.directives)
        self.part = RateLimit(parse(source.directives[0], self.block), self.block, self.world.host)

    async def ask(self, client: str = "192.0.2.1", transport: str = "udp", **more: object) -> Reply:
        query = question("www.example.org", client=(client, 4711), transport=transport, site=self.block.sites[0])
        for name, given in more.items():
            setattr(query, name, given)
        return await self.part.resolve(query, answering(_answered))

    async def passed(self, times: int, client: str = "192.0.2.1", transport: str = "udp") -> int:
        replies = [await self.ask(client, transport) for _ in range(times)]
        return sum(reply.source == "forward" for reply in replies)

    def count(self, action: str) -> float:
        return self.world.metric("coredns_ratelimit_limited_requests_total", "dns://:53", ".", "", action)


def _answered(query: Query) -> Reply:
    reply = failure(query, "forward", 0)
    reply.replay = Replay(math.inf)
    return reply


async def test_a_client_may_send_its_rate_at_once_and_another_one_as_well() -> None:
    scene = Scene("3")
    assert await scene.passed(9) == 3
    assert await scene.passed(9, "192.0.2.2") == 3


async def test_tokens_come_back_with_time() -> None:
    scene = Scene("2 {\n burst 6\n}")
    assert await scene.passed(9) == 6
    scene.now += 1.0
    assert await scene.passed(9) == 2


async def test_every_second_refusal_over_udp_asks_to_come_by_tcp_and_the_others_are_silent() -> None:
    scene = Scene("1")
    await scene.ask()
    replies = [await scene.ask() for _ in range(4)]
    assert [(reply.silent, reply.flags & TC) for reply in replies] == [(True, 0), (False, TC)] * 2
    assert (scene.count("dropped"), scene.count("truncated")) == (2, 2)


async def test_refuse_answers_where_nothing_would_be_sent() -> None:
    scene = Scene("1 {\n slip 0\n refuse\n}")
    await scene.ask()
    reply = await scene.ask()
    assert (reply.rcode, reply.options, reply.silent) == (REFUSED, REFUSAL, False)


@pytest.mark.parametrize("transport", ["tcp", "tls", "https", "quic"])
async def test_over_a_connection_the_answer_is_refused(transport: str) -> None:
    scene = Scene("1")
    assert await scene.passed(1, transport=transport) == 1
    assert (await scene.ask(transport=transport)).rcode == REFUSED


async def test_who_floods_in_the_name_of_a_client_leaves_it_what_it_has_over_tcp() -> None:
    scene = Scene("5")
    await scene.passed(100)
    assert await scene.passed(5, transport="tcp") == 5


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
async def test_clients_are_told_apart_by_their_network(first: str, second: str, together: bool) -> None:
    scene = Scene("1")
    await scene.ask(first)
    assert await scene.passed(1, second) == (0 if together else 1)


async def test_the_length_of_prefixes_can_be_chosen() -> None:
    scene = Scene("1 {\n prefix 24 48\n}")
    assert await scene.passed(1, "192.0.2.1") + await scene.passed(1, "192.0.2.200") == 1
    assert await scene.passed(1, "2001:db8::1") + await scene.passed(1, "2001:db8:0:7::1") == 1


@pytest.mark.parametrize("option", ["except", "whitelist"])
async def test_some_have_no_limit_and_replays_still_meet_it(option: str) -> None:
    scene = Scene(f"1 {{\n {option} 192.0.2.0/24 2001:db8::1\n}}")
    assert await scene.passed(50) == 50
    guard = _guard_of(await scene.ask())
    assert guard(("192.0.2.9", 1), b"", b"answer", scene.now) == b"answer"
    assert guard(("198.51.100.1", 1), _packet(), b"answer", scene.now) == b"answer"
    assert guard(("198.51.100.1", 1), _packet(), b"answer", scene.now) != b"answer"


async def test_report_only_counts_and_lets_pass() -> None:
    scene = Scene("1 {\n report_only\n}")
    trail = Trail()
    assert await scene.passed(4) == 4
    assert (await scene.ask(trail=trail)).source == "forward"
    assert (scene.count("reported"), trail.decision, trail.rule) == (4, "audit-only", "ratelimit")


async def test_a_refusal_is_on_the_trail() -> None:
    scene, trail = Scene("1"), Trail()
    await scene.ask()
    await scene.ask(trail=trail)
    assert (trail.decision, trail.rule) == ("deny", "ratelimit")


async def test_what_the_server_asks_itself_is_not_counted() -> None:
    scene = Scene("1")
    for _ in range(9):
        assert (await scene.ask(depth=1)).source == "forward"
        assert (await scene.ask(transport="internal")).source == "forward"


# --- replays


def _packet(edns: Edns | None = None) -> bytes:
    query = question("www.example.org")
    query.edns = edns
    return query.wire(7)


def _guard_of(reply: Reply) -> Guard:
    assert reply.replay is not None
    (guard,) = reply.replay.guards
    return guard


async def test_each_replay_takes_a_token() -> None:
    scene = Scene("3")
    guard = _guard_of(await scene.ask())
    client = ("192.0.2.1", 1)
    assert [guard(client, _packet(), b"answer", scene.now) for _ in range(2)] == [b"answer"] * 2
    assert guard(client, _packet(), b"answer", scene.now) is None, "the first refusal is seen by the chain"
    later = [guard(client, _packet(), b"answer", scene.now) for _ in range(4)]
    assert sorted(map(bool, later)) == [False, False, True, True]
    assert scene.count("dropped") == 2
    scene.now += 1.0
    assert guard(client, _packet(), b"answer", scene.now) == b"answer"


async def test_no_more_than_a_hundred_refusals_a_second_go_down_the_chain() -> None:
    scene = Scene("1 {\n slip 0\n}")
    guard = _guard_of(await scene.ask())
    found = [
        guard((f"198.51.{number}.1", 1), _packet(), b"answer", scene.now) for number in range(150) for _ in range(2)
    ]
    assert (found.count(b"answer"), found.count(None), found.count(b"")) == (150, 100, 50)


@pytest.mark.parametrize("edns", [None, Edns(1400, do=True)])
async def test_the_empty_answer_to_a_replay_is_a_whole_message(edns: Edns | None) -> None:
    scene = Scene("1 {\n slip 1\n}")
    guard = _guard_of(await scene.ask())
    found = [guard(("192.0.2.1", 1), _packet(edns), b"answer", scene.now) for _ in range(2)]
    assert found[0] is None
    assert found[1] is not None
    message = scan(found[1])
    assert (message.id, message.rcode, message.flags & 0x8300) == (7, 0, 0x8300)
    assert message.question == question("www.example.org").question
    assert (message.edns is None) == (edns is None)
    assert edns is None or message.edns is None or (message.edns.size, message.edns.do) == (1400, True)


async def test_replays_over_tcp_are_refused_with_the_reason() -> None:
    scene = Scene("1")
    guard = _guard_of(await scene.ask(transport="tcp"))
    client = ("192.0.2.1", 1)
    assert guard(client, _packet(Edns(1232)), b"answer", scene.now) is None
    found = guard(client, _packet(Edns(1232)), b"answer", scene.now)
    assert found is not None
    message = scan(found)
    assert (message.rcode, message.edns and message.edns.options) == (REFUSED, REFUSAL)


# --- who is who


class _Directory(Part):
    """Knows Pods."""

    name = "identity"
    pods: ClassVar = {"10.0.0.1": "a", "fd00::1": "a", "10.0.0.2": "b"}

    def identify(self, client: str) -> Identity | None:
        return Identity("prod", self.pods[client]) if client in self.pods else None

    def settled(self, client: str) -> bool:
        return True

    def unknown(self, client: str) -> bool:
        return False

    async def meet(self, client: str) -> Identity | None:
        return self.identify(client)

    def subscribe(self, changed: object) -> None:
        pass


async def test_a_pod_has_one_bucket_for_all_of_its_addresses() -> None:
    scene = Scene("1 {\n per pod\n}", more="identity")
    scene.block.parts[:] = [scene.part, _Directory()]
    assert [await scene.passed(1, client) for client in ("10.0.0.1", "fd00::1", "10.0.0.2")] == [1, 0, 1]
    assert [await scene.passed(1, client) for client in ("10.0.0.7", "10.0.0.7")] == [1, 0]


async def test_a_namespace_has_one_bucket() -> None:
    scene = Scene("1 {\n per namespace\n}", more="identity")
    scene.block.parts[:] = [scene.part, _Directory()]
    assert [await scene.passed(1, client) for client in ("10.0.0.1", "10.0.0.2")] == [1, 0]


class _Cookies(Part):
    name = "cookies"

    def vouches(self, query: Query) -> bool:
        return query.id == 1


@pytest.mark.parametrize(("option", "passed"), [("", 2), ("exempt_cookies", 40)])
async def test_a_valid_cookie_is_as_good_as_a_connection(option: str, passed: int) -> None:
    scene = Scene(f"2 {{\n {option}\n}}", more="cookies")
    scene.block.parts[:] = [scene.part, _Cookies()]
    await scene.passed(50)
    replies = [await scene.ask(id=1) for _ in range(40)]
    assert sum(reply.source == "forward" for reply in replies) == passed


# --- life


async def test_a_reload_keeps_the_buckets_unless_limits_change() -> None:
    scene, same, other = Scene("2"), Scene("2"), Scene("3")
    await scene.passed(5)
    same.part.succeed(scene.part)
    other.part.succeed(scene.part)
    assert (await same.passed(5), await other.passed(5)) == (0, 3)


async def test_clients_are_shown() -> None:
    scene = Scene("2")
    await scene.part.start()
    await scene.ask("192.0.2.1")
    await scene.ask("192.0.2.2", "tcp")
    assert scene.world.metric("coredns_ratelimit_clients", "dns://:53", ".", "") == 2
    await scene.part.stop()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "needs 1 argument"),
        ("0", "out of range"),
        ("5 {\n per pod\n}", "needs the directive identity"),
        ("5 {\n exempt_cookies\n}", "needs the directive cookies"),
        ("5 {\n prefix 33 64\n}", "out of range"),
        ("5 {\n except example.org\n}", "not a network"),
    ],
)
def test_mistakes_are_told(lines: str, message: str) -> None:
    with pytest.raises((ConfigError, ConfigErrors), match=message):
        Scene(lines)
