"""filter_aaaa: no IPv6 addresses, and yet no name denied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.errors import ConfigErrors
from resolver.wire.constants import AAAA, AD, CNAME, HTTPS, NOERROR, NS, NXDOMAIN, RRSIG, SERVFAIL, SOA, A
from resolver.wire.names import from_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World, question

WWW, ORG = from_text("www.example.org"), from_text("example.org")
START = record(ORG, SOA, 300, ORG + ORG + bytes(20))


@dataclass
class Scene:
    """What is asked of the chain behind the directive, and what that answers."""

    lines: str = ""
    answer: Sequence[Record] = (record(WWW, A, 60, bytes((192, 0, 2, 1))),)
    authority: Sequence[Record] = ()
    rcode: int = NOERROR
    world: World = field(default_factory=World)
    asked: list[int] = field(default_factory=list)

    async def ask(self, qtype: str = "AAAA", name: str = "www.example.org", client: str = "192.0.2.1") -> Reply:
        part = self.world.part(f". {{\n filter_aaaa {self.lines}\n}}\n")
        reply: Reply = await part.resolve(question(name, qtype, client=(client, 4711), do=False), self._answer)
        return reply

    async def _answer(self, query: Query) -> Reply:
        self.asked.append(query.qtype)
        reply = from_records(query, "forward", self.answer, self.authority, rcode=self.rcode)
        reply.flags |= AD
        reply.replay = Replay(math.inf)
        return reply


def _types(records: Sequence[Record]) -> list[int]:
    return [one.type for one in records]


async def test_a_name_with_addresses_has_none_of_this_kind() -> None:
    scene = Scene()
    reply = await scene.ask()
    assert (reply.rcode, reply.sections.answer, _types(reply.sections.authority)) == (NOERROR, [], [SOA])
    assert reply.question == WWW + b"\0\x1c\0\1"
    assert (scene.asked, reply.flags & AD, reply.replay is not None) == ([A], 0, True)
    assert scene.world.metric("coredns_filter_aaaa_filtered_total", "", ".", "", "aaaa") == 1


async def test_a_name_that_does_not_exist_stays_so() -> None:
    reply = await Scene(answer=(), authority=(START,), rcode=NXDOMAIN).ask()
    assert (reply.rcode, reply.sections.authority) == (NXDOMAIN, [START])


async def test_a_name_with_no_address_at_all_keeps_its_own_denial() -> None:
    reply = await Scene(answer=(), authority=(START,)).ask()
    assert (reply.rcode, reply.sections.answer, reply.sections.authority) == (NOERROR, [], [START])


async def test_a_failure_stays_one() -> None:
    assert (await Scene(answer=(), rcode=SERVFAIL).ask()).rcode == SERVFAIL


async def test_an_alias_stays_and_its_addresses_go() -> None:
    edge = from_text("edge.example.org")
    alias = record(WWW, CNAME, 60, edge)
    reply = await Scene(answer=(alias, record(edge, A, 60, bytes(4)))).ask()
    assert (reply.sections.answer, _types(reply.sections.authority)) == ([alias], [SOA])


async def test_a_referral_stays_one() -> None:
    referral = record(ORG, NS, 60, from_text("ns.example.org"))
    assert (await Scene(answer=(), authority=(referral,)).ask()).sections.authority == [referral]


@pytest.mark.parametrize("qtype", ["A", "TXT", "ANY", "HTTPS"])
async def test_other_questions_pass(qtype: str) -> None:
    scene = Scene()
    assert (await scene.ask(qtype)).sections.answer == list(scene.answer)


async def test_the_longest_zone_decides() -> None:
    lines = "example.org {\n except v6.example.org\n}"
    for name, asked in (("a.example.org", A), ("v6.example.org", AAAA), ("a.v6.example.org", AAAA), ("a.test", AAAA)):
        scene = Scene(lines)
        await scene.ask(name=name)
        assert scene.asked == [asked]


async def test_only_some_clients_are_filtered_and_these_are_a_group_of_their_own() -> None:
    lines = "{\n net 192.0.2.0/24\n}"
    inside, outside = Scene(lines), Scene(lines)
    await inside.ask()
    await outside.ask(client="198.51.100.1")
    assert (inside.asked, outside.asked) == ([A], [AAAA])
    part = World().part(f". {{\n filter_aaaa {lines}\n}}\n")
    assert part.sorts
    assert part.group("192.0.2.9") != part.group("198.51.100.1")


async def test_always_asks_nobody_and_lets_the_denial_be_kept() -> None:
    scene = Scene("example.org {\n always\n ttl 90\n}")
    reply = await scene.ask()
    (start,) = reply.sections.authority
    assert (scene.asked, reply.rcode, reply.sections.answer) == ([], NOERROR, [])
    assert (start.owner, start.type, start.ttl, start.rdata[-4:]) == (ORG, SOA, 90, (90).to_bytes(4, "big"))
    assert reply.replay is not None


def _service(*parameters: tuple[int, str]) -> bytes:
    fields = [(key, bytes.fromhex(value)) for key, value in parameters]
    return b"\0\1\0" + b"".join(key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in fields)


async def test_hints_go_and_so_do_signatures_over_them() -> None:
    rdata = _service((0, "00040006"), (1, "026832"), (4, "c0000201"), (6, "20010db8000000000000000000000001"))
    signature = record(WWW, RRSIG, 60, HTTPS.to_bytes(2, "big") + bytes(30))
    reply = await Scene("{\n hints\n}", answer=(record(WWW, HTTPS, 60, rdata), signature)).ask("HTTPS")
    (found,) = reply.sections.answer
    assert found.rdata == _service((0, "0004"), (1, "026832"), (4, "c0000201"))
    assert reply.flags & AD == 0


@pytest.mark.parametrize("rdata", [_service((1, "026832")), b"\0\1\0\0\6\0\xff"])
async def test_what_has_no_hints_or_cannot_be_read_stays(rdata: bytes) -> None:
    reply = await Scene("{\n hints\n}", answer=(record(WWW, HTTPS, 60, rdata),)).ask("HTTPS")
    assert (reply.sections.answer[0].rdata, reply.flags & AD) == (rdata, AD)


@pytest.mark.parametrize(
    ("lines", "message"),
    [("{\n ttl 0\n}", "out of range"), ("{\n net example.org\n}", "not a network"), ("{\n except\n}", "at least 1")],
)
async def test_mistakes_are_told(lines: str, message: str) -> None:
    with pytest.raises(ConfigErrors, match=message):
        await Scene(lines).ask()
