"""Directives become parts and a chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from io import StringIO

import pytest

from resolver.chain.build import build
from resolver.chain.plugin import Handler, Part, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.chain.setup import Block, Host, Setup, SetupFunction
from resolver.config.load import load_text
from resolver.errors import ConfigErrors
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import A
from resolver.wire.names import ROOT

ORDER = ("first", "second", "quiet", "unbuilt")


class Named(Plugin):
    name = "named"

    def __init__(self, name: str) -> None:
        self.called = name

    async def resolve(self, query: Query, next: Handler) -> Reply:
        reply = await next(query)
        reply.source = f"{self.called} {reply.source}".strip()
        return reply


class Quiet(Part):
    """Stands in no chain."""


def one(setup: Setup) -> Part:
    return Named(f"{setup.only.name.text}")


def several(setup: Setup) -> Sequence[Part]:
    return [Named(directive.name.text + directive.args[0].text) for directive in setup.directives]


def failing(setup: Setup) -> Part:
    raise setup.directives[0].error("no good")


def made(corefile: str, **functions: Callable[[Setup], Part | Sequence[Part]]) -> Block:
    def find(name: str) -> SetupFunction | None:
        return functions.get(name)

    source = load_text(corefile, environ={}).blocks[0]
    block = Block((ROOT,))
    build(source, block, Host(lambda: 0.0, Registry(), Log(StringIO())), ORDER, find)
    return block


def test_parts_stand_in_the_order_of_directives_whatever_the_file_says() -> None:
    block = made(". {\n second a\n first\n quiet\n second b\n}", first=one, second=several, quiet=lambda setup: Quiet())
    assert [type(part).__name__ for part in block.parts] == ["Named", "Named", "Named", "Quiet"]
    assert block.resolve is not None
    assert asyncio.run(block.resolve(Query(ROOT, A))).source == "first seconda secondb"


def test_all_mistakes_of_a_block_are_told_at_once() -> None:
    with pytest.raises(ConfigErrors) as caught:
        made(". {\n first\n first\n second\n secnod\n unbuilt\n}", first=one, second=failing)
    told = str(caught.value)
    assert "unknown directive 'secnod' (did you mean second?)" in told
    assert "first may stand only once" in told
    assert "no good" in told
    assert "unbuilt is known to CoreDNS but not built" in told
    assert len(caught.value.errors) == 4
