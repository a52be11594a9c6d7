"""dns64: IPv6 addresses for hosts that have none."""

from __future__ import annotations

import math
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.errors import ConfigErrors
from resolver.plugins.dns64.synthesis import embed, extract, reversed_address
from resolver.wire.constants import AAAA, CD, CNAME, IN, NXDOMAIN, PTR, SERVFAIL, SOA, A
from resolver.wire.edns import Edns
from resolver.wire.names import from_text
from resolver.wire.records import Record
from tests.plugins.chains import World, answering, question

FOUR, SIX = from_text("four.example.org."), from_text("six.example.org.")
START = Record(from_text("example.org."), SOA, IN, 30, FOUR + FOUR + bytes(20))
V4, V6 = "192.0.2.7", "2001:db8::7"
# RFC 6052 section 2.4
EXAMPLES = {
    "2001:db8::/32": "2001:db8:c000:221::",
    "2001:db8:100::/40": "2001:db8:1c0:2:21::",
    "2001:db8:122::/48": "2001:db8:122:c000:2:2100::",
    "2001:db8:122:300::/56": "2001:db8:122:3c0:0:221::",
    "2001:db8:122:344::/64": "2001:db8:122:344:c0:2:2100::",
    "2001:db8:122:344::/96": "2001:db8:122:344::192.0.2.33",
}


def _zone(query: Query) -> Reply:
    """four has an A record, six both, mapped a useless AAAA beside its A record; broken fails."""
    records = {
        (FOUR, A): [Record(FOUR, A, IN, 60, b"\xc0\0\2\1"), Record(FOUR, A, IN, 60, b"\xc0\0\2\2")],
        (SIX, A): [Record(SIX, A, IN, 60, b"\xc0\0\2\3")],
        (SIX, AAAA): [Record(SIX, AAAA, IN, 60, IPv6Address("2001:db8::3").packed)],
        (from_text("mapped.example.org."), A): [Record(query.qname, A, IN, 60, b"\xc0\0\2\4")],
        (from_text("mapped.example.org."), AAAA): [
            Record(query.qname, AAAA, IN, 60, IPv6Address("::ffff:192.0.2.4").packed)
        ],
        (from_text("1.2.0.192.in-addr.arpa."), PTR): [Record(query.qname, PTR, IN, 60, FOUR)],
    }
    if query.name.startswith(b"\4gone"):
        return from_records(query, "file", authority=[START], rcode=NXDOMAIN)
    if query.name.startswith(b"\6broken"):
        return from_records(query, "file", rcode=SERVFAIL)
    answer = records.get((query.name, query.qtype), [])
    reply = from_records(query, "file", answer, [] if answer else [START])
    reply.replay = Replay(math.inf)
    return reply


async def _ask(
    name: str, qtype: str = "AAAA", line: str = "dns64", client: str = V6, world: World | None = None, **more: object
) -> Reply:
    part = (world or World()).part(f". {{\n {line}\n}}\n")
    query = question(name, qtype, client=(client, 1)).derive(**more)
    reply: Reply = await part.resolve(query, answering(_zone))
    return reply


def _addresses(reply: Reply) -> list[str]:
    return [str(IPv6Address(record.rdata)) for record in reply.sections.answer if record.type == AAAA]


async def test_a_host_without_ipv6_gets_addresses_in_the_prefix() -> None:
    reply = await _ask("four.example.org")
    assert _addresses(reply) == ["64:ff9b::c000:201", "64:ff9b::c000:202"]
    assert {record.ttl for record in reply.sections.answer} == {30}  # no longer than the denial holds


async def test_a_host_with_ipv6_keeps_it() -> None:
    assert _addresses(await _ask("six.example.org")) == ["2001:db8::3"]


async def test_real_addresses_are_replaced_where_all_are_to_be_translated() -> None:
    assert _addresses(await _ask("six.example.org", line="dns64 {\n translate_all\n}")) == ["64:ff9b::c000:203"]


async def test_a_mapped_address_counts_as_none() -> None:
    assert _addresses(await _ask("mapped.example.org")) == ["64:ff9b::c000:204"]


@pytest.mark.parametrize(("line", "count"), [("dns64", 0), ("dns64 {\n allow_ipv4\n}", 2)])
@pytest.mark.parametrize("client", [V4, "::ffff:192.0.2.7"])
async def test_clients_over_ipv4_are_served_where_that_is_allowed(line: str, count: int, client: str) -> None:
    assert len(_addresses(await _ask("four.example.org", line=line, client=client))) == count


@pytest.mark.parametrize(("name", "rcode"), [("gone.example.org", NXDOMAIN), ("none.example.org", 0)])
async def test_what_has_no_address_at_all_is_denied_as_before(name: str, rcode: int) -> None:
    reply = await _ask(name)
    assert (reply.rcode, reply.sections) == (rcode, ([], [START], []))


async def test_a_failure_stays_one() -> None:
    assert (await _ask("broken.example.org")).rcode == SERVFAIL


async def test_a_client_that_validates_gets_nothing_made_up() -> None:
    assert _addresses(await _ask("four.example.org", edns=Edns(1232, do=True), flags=CD)) == []


async def test_other_types_are_passed_on() -> None:
    assert [record.type for record in (await _ask("four.example.org", "A")).sections.answer] == [A, A]


async def test_translations_and_their_replays_are_counted() -> None:
    world = World()
    reply = await _ask("four.example.org", world=world)
    assert reply.replay is not None
    for count in reply.replay.counts:
        count(2)
    assert world.metric("coredns_dns64_requests_translated_total", "") == 3


async def test_the_name_of_a_made_up_address_is_that_of_the_real_one() -> None:
    reply = await _ask(IPv6Address("64:ff9b::192.0.2.1").reverse_pointer, "PTR")
    assert [(record.type, record.rdata) for record in reply.sections.answer] == [
        (CNAME, from_text("1.2.0.192.in-addr.arpa.")),
        (PTR, FOUR),
    ]


async def test_other_reverse_names_are_passed_on() -> None:
    assert (await _ask(IPv6Address("2001:db8::1").reverse_pointer, "PTR")).sections.answer == []


@pytest.mark.parametrize(("prefix", "address"), EXAMPLES.items())
def test_the_examples_of_the_standard(prefix: str, address: str) -> None:
    assert embed(IPv6Network(prefix), bytes([192, 0, 2, 33])) == IPv6Address(address).packed


@given(st.sampled_from(sorted(EXAMPLES)), st.binary(min_size=4, max_size=4))
def test_what_is_embedded_can_be_extracted(prefix: str, address: bytes) -> None:
    network = IPv6Network(prefix)
    made = embed(network, address)
    assert IPv6Address(made) in network
    assert extract(network, made) == address
    assert reversed_address(from_text(IPv6Address(made).reverse_pointer)) == made


@pytest.mark.parametrize(
    "name", ["ip6.arpa", "1.ip6.arpa", ".".join("g" * 32) + ".ip6.arpa", "12." + "0." * 31 + "ip6.arpa"]
)
def test_what_is_no_reverse_name_has_no_address(name: str) -> None:
    assert reversed_address(from_text(name)) is None


@pytest.mark.parametrize(
    "line",
    ["dns64 192.0.2.0/24", "dns64 64:ff9b::/97", "dns64 64::/72", "dns64 a b", "dns64 {\n prefix\n}",
     "dns64 64::/96 {\n prefix 65::/96\n}", "dns64 {\n all\n}", "dns64\n dns64"],
)  # fmt: skip
def test_what_is_no_setting_is_refused(line: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(". {\n " + line + "\n}\n")
