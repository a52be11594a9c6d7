"""The scripted stub resolver searches as glibc does."""

from __future__ import annotations

import pytest

from benchmarks.searchpath import OUTSIDE, answer, look_up
from resolver.wire.constants import AAAA, CNAME, NXDOMAIN, QR, A
from resolver.wire.message import Message, scan
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode, record

SEARCH = ("one.test", "two.test")


class Answers:
    """Records by name and type; names without any do not exist."""

    def __init__(self, *records: Record) -> None:
        self.records = records
        self.asked: list[tuple[str, int]] = []

    async def ask(self, name: str, qtype: int) -> Message:
        self.asked.append((name, qtype))
        wire = from_text(name)
        known = [one for one in self.records if one.owner == wire]
        body = encode(wire, [one for one in known if one.type in (qtype, CNAME)])
        flags = QR if known else QR | NXDOMAIN
        head = b"".join(number.to_bytes(2, "big") for number in (1, flags, 1, body.answers, 0, 0))
        return scan(head + wire + qtype.to_bytes(2, "big") + b"\0\1" + body.data)


def address(name: str, kind: int = A) -> Record:
    return record(from_text(name), kind, 60, bytes(4 if kind == A else 16))


@pytest.mark.parametrize(
    ("name", "ndots", "asked"),
    [
        ("www.example.net", 5, ["www.example.net.one.test", "www.example.net.two.test", "www.example.net"]),
        ("www.example.net", 2, ["www.example.net", "www.example.net.one.test", "www.example.net.two.test"]),
    ],
)
async def test_names_are_tried_in_the_order_of_ndots(name: str, ndots: int, asked: list[str]) -> None:
    answers = Answers()
    result = await look_up(answers.ask, name, SEARCH, ndots)
    assert (result.found, result.queries) == (False, 6)
    assert answers.asked == [(one, kind) for one in asked for kind in (A, AAAA)]


@pytest.mark.parametrize("kind", [A, AAAA])
async def test_one_family_is_enough_to_stop(kind: int) -> None:
    result = await look_up(Answers(address("www.two.test", kind)).ask, "www", SEARCH)
    assert (result.found, result.queries) == (True, 4)


async def test_a_name_without_addresses_is_searched_on_but_an_alias_is_not() -> None:
    mail = record(from_text("www.one.test"), 15, 60, b"\0\1\0")
    assert (await look_up(Answers(mail, address("www.two.test")).ask, "www", SEARCH)).queries == 4
    alias = record(from_text("www.one.test"), CNAME, 60, from_text("gone.test"))
    stopped = await look_up(Answers(alias, address("www.two.test")).ask, "www", SEARCH)
    assert (stopped.found, stopped.queries) == (False, 2)


def test_the_world_outside_has_one_zone() -> None:
    def asked(name: bytes, qtype: int) -> Message:
        return scan(answer(scan(b"\0\7\1\0\0\1\0\0\0\0\0\0" + name + qtype.to_bytes(2, "big") + b"\0\1")))

    www = from_text("www.example.net")
    assert [one.owner for one in asked(www, A).sections().answer] == [www]
    assert (asked(www, AAAA).rcode, asked(www, AAAA).sections().authority[0].owner) == (0, OUTSIDE)
    assert asked(from_text("www.example.org"), A).rcode == NXDOMAIN
