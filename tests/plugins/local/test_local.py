"""local: names that mean the machine itself."""

from __future__ import annotations

import pytest

from resolver.chain.reply import Reply
from resolver.errors import ConfigErrors
from resolver.wire.constants import NXDOMAIN, SOA
from resolver.wire.names import from_text, to_text
from tests.plugins.chains import World, nobody, question

METRIC = "coredns_local_localhost_requests_total"


async def _ask(name: str, qtype: str, block: str = "", world: World | None = None) -> Reply:
    part = (world or World()).part(f". {{\n local {block}\n}}\n")
    reply: Reply = await part.resolve(question(name, qtype), nobody)
    return reply


@pytest.mark.parametrize(
    ("name", "qtype", "rdata"),
    [
        ("localhost", "A", b"\x7f\0\0\1"),
        ("localhost", "AAAA", bytes(15) + b"\1"),
        ("a.b.LocalHost", "A", b"\x7f\0\0\1"),
        ("localhost.example.org", "AAAA", bytes(15) + b"\1"),
        ("1.0.0.127.in-addr.arpa", "PTR", from_text("localhost.")),
        ("127.in-addr.arpa", "NS", from_text("localhost.")),
    ],
)
async def test_the_machine_itself_is_named(name: str, qtype: str, rdata: bytes) -> None:
    reply = await _ask(name, qtype)
    assert [(record.ttl, record.rdata) for record in reply.sections.answer] == [(604800, rdata)]
    assert (reply.rcode, reply.flags) == (0, 0)


@pytest.mark.parametrize(
    ("name", "qtype", "rcode", "zone"),
    [
        ("localhost", "MX", 0, "localhost."),
        ("x.localhost", "MX", 0, "x.localhost."),
        ("0.in-addr.arpa", "A", 0, "0.in-addr.arpa."),
        ("1.0.0.127.in-addr.arpa", "A", 0, "127.in-addr.arpa."),
        ("2.0.0.127.in-addr.arpa", "PTR", NXDOMAIN, "127.in-addr.arpa."),
        ("9.255.in-addr.arpa", "PTR", NXDOMAIN, "255.in-addr.arpa."),
    ],
)
async def test_everything_else_there_is_denied(name: str, qtype: str, rcode: int, zone: str) -> None:
    reply = await _ask(name, qtype)
    record = reply.sections.authority[0]
    assert (reply.rcode, record.type, to_text(record.owner)) == (rcode, SOA, zone)


@pytest.mark.parametrize(
    ("name", "block"), [("www.example.org", ""), ("localhost.example.org", "{\nlocalhost_prefix off\n}")]
)
async def test_other_names_are_passed_on(name: str, block: str) -> None:
    assert (await _ask(name, "A", block)).source == "nobody"


async def test_names_below_are_counted_and_their_replays_too() -> None:
    world = World()
    await _ask("localhost", "A", world=world)
    reply = await _ask("localhost.example.org", "A", world=world)
    assert reply.replay is not None
    for count in reply.replay.counts:
        count(3)
    assert world.metric(METRIC) == 4


@pytest.mark.parametrize("block", ["now", "{\n localhost_prefix maybe\n}", "{\n prefix on\n}"])
def test_what_is_no_setting_is_refused(block: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n local {block}\n}}\n")
