"""minimal: answers without what nobody asked for."""

from __future__ import annotations

import math

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.errors import ConfigErrors
from resolver.plugins.minimal import Minimal
from resolver.wire.constants import IN, NS, SOA, A
from resolver.wire.names import from_text
from resolver.wire.records import Record
from tests.plugins.chains import World, answering, question

WWW, ZONE, SERVER = from_text("www.example.org."), from_text("example.org."), from_text("ns.example.org.")
ADDRESS = Record(WWW, A, IN, 60, b"\xc0\0\2\1")
SERVERS = Record(ZONE, NS, IN, 60, SERVER)
GLUE = Record(SERVER, A, IN, 60, b"\xc0\0\2\x35")
START = Record(ZONE, SOA, IN, 60, SERVER + SERVER + bytes(20))


async def _through(answer: list[Record], authority: list[Record], additional: list[Record] | None = None) -> Reply:
    def answered(query: Query) -> Reply:
        reply = from_records(query, "file", answer, authority, additional or [])
        reply.replay = Replay(math.inf, variants=(reply.body, reply.body))
        return reply

    return await Minimal().resolve(question("www.example.org"), answering(answered))


async def test_a_positive_answer_keeps_its_answer_section_alone() -> None:
    reply = await _through(answer=[ADDRESS, ADDRESS], authority=[SERVERS], additional=[GLUE])
    assert reply.sections == ([ADDRESS, ADDRESS], [], [])


async def test_the_variants_that_are_replayed_are_cut_too() -> None:
    reply = await _through(answer=[ADDRESS], authority=[SERVERS], additional=[GLUE])
    assert reply.replay is not None
    assert reply.replay.variants == (reply.body, reply.body)


async def test_a_referral_stays_whole() -> None:
    reply = await _through(answer=[], authority=[SERVERS], additional=[GLUE])
    assert reply.sections == ([], [SERVERS], [GLUE])


async def test_a_denial_stays_whole() -> None:
    assert (await _through(answer=[], authority=[START])).sections == ([], [START], [])


@pytest.mark.parametrize("line", ["minimal now", "minimal {\n x\n }", "minimal\n minimal"])
def test_the_directive_takes_nothing(line: str) -> None:
    with pytest.raises(ConfigErrors, match="minimal"):
        World().build(". {\n " + line + "\n}\n")
