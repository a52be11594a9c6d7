"""Sets of records in answers, and answers with them in other orders."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.finish import finish
from resolver.chain.query import Query
from resolver.chain.reply import Reply, from_message, from_records
from resolver.plugins.loadbalance.sets import _Octets, _Records, arrangement
from resolver.wire.constants import AAAA, CNAME, MX, NS, RRSIG, TXT, A
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode
from tests.plugins.chains import question

NAME = from_text("www.example.org")
QUERY = question("www.example.org", transport="tcp")


def address(last: int, owner: bytes = NAME, ttl: int = 60) -> Record:
    return Record(owner, A, 1, ttl, bytes((192, 0, 2, last)))


def six(last: int, owner: bytes = NAME) -> Record:
    return Record(owner, AAAA, 1, 60, bytes(15) + bytes((last,)))


def alias(owner: str, target: str) -> Record:
    return Record(from_text(owner), CNAME, 1, 60, from_text(target))


def exchange(owner: bytes, host: str, preference: int = 10) -> Record:
    return Record(owner, MX, 1, 60, preference.to_bytes(2, "big") + from_text(host))


def reply(answer: list[Record], authority: list[Record] = [], additional: list[Record] = []) -> Reply:  # noqa: B006
    """As it comes from an upstream: octets that nobody has decoded."""
    made = from_records(QUERY, "x", answer, authority, additional)
    return from_message(QUERY, scan(finish(QUERY, made)), "forward")


def read(query: Query, answer: Reply) -> list[list[str]]:
    """The sections of the finished message as another library reads them."""
    message = dns.message.from_wire(finish(query, answer), one_rr_per_rrset=True)
    return [[one.to_text() for one in section] for section in (message.answer, message.authority, message.additional)]


@pytest.mark.parametrize(
    "sections",
    [
        ([], [], []),
        ([address(1)], [], []),
        ([address(1)], [Record(NAME, NS, 1, 60, NAME)], [six(1)]),
        ([alias("www.example.org", "a.example.org"), address(1, from_text("a.example.org"))], [], []),
        ([Record(NAME, TXT, 1, 60, b"\1a"), Record(NAME, TXT, 1, 60, b"\1b")], [], []),
        ([address(1), Record(NAME, RRSIG, 1, 60, bytes(20))], [], []),
    ],
)
def test_an_answer_without_a_set_is_left_alone(sections: tuple[list[Record], list[Record], list[Record]]) -> None:
    assert arrangement(reply(*sections)) is None


def test_addresses_of_one_name_change_places_as_octets() -> None:
    found = arrangement(reply([address(1), address(2, ttl=7), address(3)]))
    assert isinstance(found, _Octets)
    assert [member.address[3] for member in found.members(0)] == [1, 2, 3]
    assert all(member.owner == NAME for member in found.members(0))
    body = found.arranged([(2, 0, 1)])
    assert read(QUERY, reply([]).with_body(body))[0] == [
        "www.example.org. 60 IN A 192.0.2.3",
        "www.example.org. 60 IN A 192.0.2.1",
        "www.example.org. 7 IN A 192.0.2.2",
    ]


def test_octets_need_no_change_when_addresses_stand_behind_a_cname() -> None:
    target = from_text("target.example.net")
    answer = reply([alias("www.example.org", "target.example.net"), address(1, target), address(2, target)])
    found = arrangement(answer)
    assert isinstance(found, _Octets)
    assert found.members(0)[0].owner == target
    assert read(QUERY, answer.with_body(found.arranged([(1, 0)])))[0] == [
        "www.example.org. 60 IN CNAME target.example.net.",
        "target.example.net. 60 IN A 192.0.2.2",
        "target.example.net. 60 IN A 192.0.2.1",
    ]


def test_names_written_in_full_are_no_obstacle() -> None:
    data = b"".join(NAME + b"\0\1\0\1\0\0\0\x3c\0\4" + bytes((192, 0, 2, last)) for last in (1, 2))
    size = len(data) // 2
    start = len(NAME) + 4
    answer = reply([]).with_body(encode(NAME, [])._replace(answers=2, data=data, ttls=(start, start + size)))
    found = arrangement(answer)
    assert isinstance(found, _Octets)
    assert found.members(0)[0].owner == NAME
    assert [line[-1] for line in read(QUERY, answer.with_body(found.arranged([(1, 0)])))[0]] == ["2", "1"]


def test_a_cname_comes_first() -> None:
    answer = reply([address(1, from_text("a.example.org")), alias("www.example.org", "a.example.org")])
    found = arrangement(answer)
    assert isinstance(found, _Records)
    assert list(found.sizes) == []
    assert read(QUERY, answer.with_body(found.arranged([])))[0] == [
        "www.example.org. 60 IN CNAME a.example.org.",
        "a.example.org. 60 IN A 192.0.2.1",
    ]


def test_mail_exchangers_change_places_with_their_names_intact() -> None:
    answer = reply([exchange(NAME, "a.mail.example.org"), exchange(NAME, "b.mail.example.org"), address(9)])
    found = arrangement(answer)
    assert found is not None
    assert list(found.sizes) == [2]
    assert not found.members(0)[0].address
    assert read(QUERY, answer.with_body(found.arranged([(1, 0)])))[0] == [
        "www.example.org. 60 IN MX 10 b.mail.example.org.",
        "www.example.org. 60 IN MX 10 a.mail.example.org.",
        "www.example.org. 60 IN A 192.0.2.9",
    ]


def test_additional_addresses_are_a_set_too() -> None:
    ns1, ns2 = from_text("ns1.example.org"), from_text("ns2.example.org")
    answer = reply([], [Record(NAME, NS, 1, 60, ns1), Record(NAME, NS, 1, 60, ns2)], [address(1, ns1), six(2, ns2)])
    found = arrangement(answer)
    assert found is not None
    assert [member.owner for member in found.members(0)] == [ns1, ns2]
    assert read(QUERY, answer.with_body(found.arranged([(1, 0)])))[2] == [
        "ns2.example.org. 60 IN AAAA ::2",
        "ns1.example.org. 60 IN A 192.0.2.1",
    ]


OWNERS = st.sampled_from([NAME, from_text("a.example.org"), from_text("example.net")])
RECORDS = st.one_of(
    st.builds(address, st.integers(0, 255), OWNERS, st.integers(0, 9)),
    st.builds(six, st.integers(0, 255), OWNERS),
    st.builds(exchange, OWNERS, st.sampled_from(["a.example.org", "mx.example.net", "b"])),
    st.builds(alias, st.sampled_from(["www.example.org", "b.example.org"]), st.sampled_from(["a.example.org", "c"])),
    st.builds(lambda owner: Record(owner, TXT, 1, 60, b"\1x"), OWNERS),
)
SECTION = st.lists(RECORDS, max_size=5)


@given(SECTION, SECTION, SECTION, st.randoms())
def test_no_order_loses_or_changes_a_record(
    answer: list[Record], authority: list[Record], additional: list[Record], chance: object
) -> None:
    given = reply(answer, authority, additional)
    found = arrangement(given)
    if found is None:
        return
    for orders in zip(*(list(permutations(range(size)))[-3:] for size in found.sizes), strict=False):
        arranged = given.with_body(found.arranged(orders))
        before, after = read(QUERY, given), read(QUERY, arranged)
        assert [Counter(section) for section in before] == [Counter(section) for section in after]
        cnames = [" CNAME " in line for line in after[0]]
        assert cnames == sorted(cnames, reverse=True)
