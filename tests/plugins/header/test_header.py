"""header: flags of queries and answers."""

from __future__ import annotations

import pytest

from resolver.chain.finish import finish
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.errors import ConfigErrors
from resolver.wire.constants import AA, QR, RA, RD
from tests.plugins.chains import World, answering, question


async def _flags(block: str, flags: int = RD, answered: int = 0) -> tuple[int, int]:
    """The flags of the query as they arrive below, and of the message that leaves."""
    arrived: list[int] = []

    def answer(query: Query) -> Reply:
        arrived.append(query.flags)
        reply = failure(query, "forward", 0)
        reply.flags = answered
        return reply

    query = question("www.example.org").with_flags(flags)
    reply = await World().part(f". {{\n header {{\n {block}\n }}\n}}\n").resolve(query, answering(answer))
    return arrived[0], int.from_bytes(finish(query, reply)[2:4], "big")


async def test_a_flag_of_the_query_is_cleared_for_those_below_alone() -> None:
    assert await _flags("query clear rd") == (0, QR | RD)


async def test_flags_of_the_answer_are_set() -> None:
    assert await _flags("response set ra aa") == (RD, QR | RD | RA | AA)


async def test_flags_are_known_in_any_spelling() -> None:
    assert await _flags("response SET RA Aa") == (RD, QR | RD | RA | AA)


async def test_what_the_answer_echoes_can_be_cleared() -> None:
    assert await _flags("response clear rd aa", answered=AA | RA) == (RD, QR | RA)


async def test_the_last_rule_for_a_flag_counts() -> None:
    assert await _flags("response set ra\n response clear ra\n query clear rd\n query set rd", flags=0) == (RD, QR)


async def test_setting_again_what_was_cleared_shows_it() -> None:
    assert await _flags("response clear rd\n response set rd") == (RD, QR | RD)


@pytest.mark.parametrize(
    "block", ["", "answer set ra", "query flip rd", "query set", "query set tc", "response", "query set rd {\n }"]
)
def test_what_is_no_rule_is_refused(block: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n header {{\n {block}\n }}\n}}\n")
