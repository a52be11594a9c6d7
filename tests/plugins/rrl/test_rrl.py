"""rrl: a network gets so many answers of a kind a second."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from resolver.chain.plugin import Part
from resolver.chain.query import Query
from resolver.chain.reply import Guard, Replay, Reply, from_records
from resolver.chain.trail import Trail
from resolver.errors import ConfigErrors
from resolver.plugins.rrl import Rrl
from resolver.wire.constants import NOERROR, NS, NXDOMAIN, REFUSED, SERVFAIL, SOA, TC, A
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World, answering, question

ORG = from_text("example.org")
START = record(ORG, SOA, 60, ORG + ORG + bytes(20))
DELEGATION = record(ORG, NS, 60, from_text("ns.example.org"))


@dataclass
class Scene:
    """A server that answers in one way, and a clock that stands still unless it is moved."""

    lines: str
    zones: str = ""
    answer: tuple[Record, ...] = (record(ORG, A, 60, bytes(4)),)
    authority: tuple[Record, ...] = ()
    rcode: int = NOERROR
    now: float = 1000.0
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(clock=lambda: self.now)
        self.block = self.world.build(f". {{\n rrl {self.zones} {{\n{self.lines}\n}}\n}}\n")
        self.part: Rrl = next(part for part in self.block.parts if isinstance(part, Rrl))

    async def ask(
        self, name: str = "www.example.org", client: str = "192.0.2.1", qtype: str = "A", transport: str = "udp"
    ) -> Reply:
        query = question(name, qtype, client=(client, 4711), transport=transport)
        return await self.part.resolve(query, answering(self._answered))

    async def passed(self, *names: str, client: str = "192.0.2.1", transport: str = "udp") -> int:
        return sum([not (await self.ask(name, client, transport=transport)).silent for name in names])

    def count(self, kind: str, action: str) -> float:
        return self.world.metric("coredns_rrl_limited_total", "", ".", "", kind, action)

    def _answered(self, query: Query) -> Reply:
        reply = from_records(query, "forward", self.answer, self.authority, rcode=self.rcode)
        reply.replay = Replay(math.inf)
        return reply


SAME = ["www.example.org"] * 10
DIFFERENT = [f"{number}.example.org" for number in range(10)]


async def test_the_same_answer_goes_to_a_network_so_often_a_second() -> None:
    scene = Scene("responses-per-second 3")
    assert await scene.passed(*SAME) == 3
    assert await scene.passed(*SAME, client="192.0.2.200") == 0
    assert await scene.passed(*SAME, client="192.0.3.1") == 3
    assert scene.count("response", "dropped") == 24


async def test_other_names_and_types_have_accounts_of_their_own() -> None:
    scene = Scene("responses-per-second 1")
    assert await scene.passed(*DIFFERENT) == 10
    assert not (await scene.ask("0.example.org", qtype="TXT")).silent


async def test_a_flood_gets_nothing_until_it_ends_and_pays_for_no_more_than_the_window() -> None:
    scene = Scene("responses-per-second 1\nwindow 5")
    await scene.passed(*SAME, *SAME)
    scene.now += 4.9
    assert await scene.passed(*SAME[:1]) == 0
    scene.now += 6.1
    assert await scene.passed(*SAME[:1]) == 1


@pytest.mark.parametrize(
    ("option", "answer", "authority", "rcode", "names"),
    [
        ("nxdomains-per-second", (), (START,), NXDOMAIN, DIFFERENT),
        ("nxdomains-per-second", (), (), NXDOMAIN, DIFFERENT),
        ("referrals-per-second", (), (DELEGATION,), NOERROR, DIFFERENT),
        ("errors-per-second", (), (), SERVFAIL, DIFFERENT),
        ("nodata-per-second", (), (START,), NOERROR, SAME),
        ("responses-per-second", (), (START,), NOERROR, SAME),
    ],
)
async def test_what_is_counted_together(
    option: str, answer: tuple[Record, ...], authority: tuple[Record, ...], rcode: int, names: list[str]
) -> None:
    scene = Scene(f"{option} 2", answer=answer, authority=authority, rcode=rcode)
    assert await scene.passed(*names) == 2


async def test_a_kind_may_have_no_limit() -> None:
    scene = Scene("responses-per-second 1\nnxdomains-per-second 0", answer=(), authority=(START,), rcode=NXDOMAIN)
    assert await scene.passed(*SAME) == 10


async def test_less_than_one_a_second_is_a_rate_too() -> None:
    scene = Scene("responses-per-second 0.5\nwindow 1")
    assert await scene.passed(*SAME[:1]) == 1
    scene.now += 2.0
    assert await scene.passed(*SAME) == 1


@pytest.mark.parametrize("transport", ["tcp", "tls", "https"])
async def test_connections_are_not_counted(transport: str) -> None:
    assert await Scene("responses-per-second 1").passed(*SAME, transport=transport) == 10


async def test_only_names_in_the_zones_are_counted() -> None:
    scene = Scene("responses-per-second 1", zones="example.org")
    assert (await scene.passed(*SAME), await scene.passed(*["www.example.com"] * 5)) == (1, 5)


async def test_some_dropped_answers_ask_to_come_by_tcp() -> None:
    scene = Scene("responses-per-second 1\nslip-ratio 3")
    await scene.ask()
    replies = [await scene.ask() for _ in range(6)]
    assert [reply.silent for reply in replies] == [True, True, False] * 2
    assert (replies[2].flags & TC, replies[2].body.answers, scene.count("response", "slipped")) == (TC, 0, 2)


async def test_requests_are_counted_over_all_transports() -> None:
    scene = Scene("requests-per-second 4")
    assert await scene.passed(*DIFFERENT) == 4
    assert (await scene.ask(transport="tcp")).rcode == REFUSED
    assert (scene.count("request", "dropped"), scene.count("request", "refused")) == (6, 1)


async def test_report_only_drops_nothing() -> None:
    scene = Scene("responses-per-second 1\nrequests-per-second 1\nreport-only")
    assert await scene.passed(*SAME) == 10
    assert (scene.count("response", "reported"), scene.count("request", "reported")) == (9, 9)


async def test_a_denial_is_on_the_trail() -> None:
    scene = Scene("responses-per-second 1")
    await scene.ask()
    query = question("www.example.org", client=("192.0.2.1", 1), transport="udp")
    query.trail = Trail()
    await scene.part.resolve(query, answering(scene._answered))
    assert (query.trail.decision, query.trail.rule) == ("deny", "rrl")


class _Cookies(Part):
    name = "cookies"

    def vouches(self, query: Query) -> bool:
        return True


async def test_who_has_a_valid_cookie_is_not_counted() -> None:
    scene = Scene("responses-per-second 1")
    scene.block.parts.append(_Cookies())
    assert await scene.passed(*SAME) == 10


# --- replays


def _guard(reply: Reply) -> Guard:
    assert reply.replay is not None
    (guard,) = reply.replay.guards
    return guard


async def test_replays_are_counted_in_the_same_account() -> None:
    scene = Scene("responses-per-second 3\nslip-ratio 1")
    guard, packet = _guard(await scene.ask()), question("www.example.org").wire(7)
    client = ("192.0.2.77", 1)
    assert [guard(client, packet, b"answer", scene.now) for _ in range(2)] == [b"answer"] * 2
    assert guard(client, packet, b"answer", scene.now) is None, "the first one is seen by the chain"
    slipped = guard(client, packet, b"answer", scene.now)
    assert slipped is not None
    assert scan(slipped).flags & TC
    assert guard(("198.51.100.1", 1), packet, b"answer", scene.now) == b"answer"
    scene.now += 30
    assert guard(client, packet, b"answer", scene.now) == b"answer"


async def test_dropped_replays_cost_nothing_more() -> None:
    scene = Scene("responses-per-second 1")
    guard = _guard(await scene.ask())
    found = [guard(("192.0.2.1", 1), b"", b"answer", scene.now) for _ in range(5)]
    assert found == [None, b"", b"", b"", b""]
    assert scene.count("response", "dropped") == 4


async def test_requests_over_connections_are_guarded_too() -> None:
    scene = Scene("requests-per-second 2")
    guard = _guard(await scene.ask(transport="tcp"))
    assert [guard(("192.0.2.1", 1), b"", b"answer", scene.now) for _ in range(3)] == [b"answer", None, None]


async def test_what_is_never_limited_needs_no_guard() -> None:
    reply = await Scene("responses-per-second 5").ask(transport="tcp")
    assert reply.replay is not None
    assert reply.replay.guards == ()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "limits nothing"),
        ("window 5", "limits nothing"),
        ("responses-per-second -1", "not a rate"),
        ("responses-per-second ten", "not a rate"),
        ("window 0", "out of range"),
        ("slip-ratio 11", "out of range"),
        ("ipv4-prefix-length 0", "out of range"),
        ("max-table-size 0", "out of range"),
    ],
)
def test_mistakes_are_told(lines: str, message: str) -> None:
    with pytest.raises(ConfigErrors, match=message):
        Scene(lines)
