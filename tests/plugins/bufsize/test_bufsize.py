"""bufsize: an upper limit for what clients announce."""

from __future__ import annotations

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.errors import ConfigErrors
from resolver.plugins.bufsize import BufSize
from resolver.wire.edns import Edns
from tests.plugins.chains import World, answering, question


@pytest.mark.parametrize(("announced", "passed_on"), [(4096, 1232), (1232, 1232), (800, 800)])
async def test_sizes_are_lowered_and_never_raised(announced: int, passed_on: int) -> None:
    asked: list[Query] = []

    def answer(query: Query) -> Reply:
        asked.append(query)
        return failure(query, "forward", 0)

    query = question("www.example.org").derive(edns=Edns(announced, do=True), transport="udp")
    await BufSize(1232).resolve(query, answering(answer))
    assert asked[0].edns == Edns(passed_on, do=True)
    assert query.reply_limit == passed_on  # the answer to the client has to fit as well


async def test_a_query_without_edns_stays_without() -> None:
    query = question("www.example.org")
    await BufSize(1232).resolve(query, answering(lambda query: failure(query, "forward", 0)))
    assert query.edns is None


def test_the_default_crosses_any_network() -> None:
    assert World().part(". {\n bufsize\n}\n").limit == 1232


@pytest.mark.parametrize("words", ["511", "4097", "many", "1232 1232", "{\n }"])
def test_what_is_no_size_is_refused(words: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n bufsize {words}\n}}\n")
