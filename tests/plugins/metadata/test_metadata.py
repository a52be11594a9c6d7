"""metadata: what is known of a query beside itself."""

from __future__ import annotations

import pytest

from resolver.chain.plugin import Part
from resolver.chain.query import Query
from resolver.errors import ConfigErrors
from tests.plugins.chains import World, nobody, question


class Known(Part):
    """Knows one thing of every query."""

    name = "known"

    def describe(self, query: Query, labels: dict[str, str]) -> None:
        labels["known/name"] = query.name.decode("latin-1")


async def _described(line: str, name: str) -> dict[str, str] | None:
    block = World().build(f". {{\n {line}\n}}\n")
    block.parts.append(Known())
    query = question(name)
    await block.parts[0].resolve(query, nobody)  # type: ignore[attr-defined]
    return query.metadata


async def test_every_part_that_knows_something_is_asked() -> None:
    assert await _described("metadata", "www.Example.org") == {"known/name": "\3www\7example\3org\0"}


async def test_only_queries_in_its_zones_are_described() -> None:
    assert await _described("metadata example.org example.net", "www.example.com") is None
    assert await _described("metadata example.org example.net", "www.example.net") is not None


async def test_what_was_put_there_before_stays() -> None:
    block = World().build(". {\n metadata\n}\n")
    query = question("www.example.org")
    query.metadata = {"view/name": "inside"}
    await block.parts[0].resolve(query, nobody)  # type: ignore[attr-defined]
    assert query.metadata == {"view/name": "inside"}


@pytest.mark.parametrize("line", ["metadata {\n x\n }", "metadata\n metadata", "metadata exa..mple"])
def test_what_is_no_list_of_zones_is_refused(line: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(". {\n " + line + "\n}\n")
