"""any: a small answer to ANY."""

from __future__ import annotations

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.any import AnyType
from tests.plugins.chains import World, nobody, question


async def test_any_gets_one_hinfo_record_in_the_spelling_of_the_question() -> None:
    reply = await AnyType().resolve(question("www.Example.org", "ANY"), nobody)
    record = reply.sections.answer[0]
    assert (record.owner, record.type, record.ttl) == (b"\3www\7Example\3org\0", 13, 8482)
    assert record.rdata == b"\x0dANY obsoleted\x0cSee RFC 8482"
    assert (len(reply.sections.answer), reply.flags) == (1, 0)


async def test_other_types_are_passed_on() -> None:
    assert (await AnyType().resolve(question("www.example.org", "A"), nobody)).source == "nobody"


async def test_the_answer_may_be_replayed() -> None:
    reply = await AnyType().resolve(question("www.example.org", "ANY"), nobody)
    assert reply.replay is not None


@pytest.mark.parametrize("line", ["any now", "any {\n x\n }", "any\n any"])
def test_the_directive_takes_nothing(line: str) -> None:
    with pytest.raises(ConfigErrors, match="any"):
        World().build(". {\n " + line + "\n}\n")
