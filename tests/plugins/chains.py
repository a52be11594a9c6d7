"""What tests of plugins share: a host to live in, blocks built from a Corefile, questions and answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from resolver.chain.build import build
from resolver.chain.plugin import Handler
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Block, Host
from resolver.config.load import load_text
from resolver.config.model import ServerBlock
from resolver.config.zones import server_addresses
from resolver.plugins.catalog import setup_function as find_setup
from resolver.plugins.order import ORDER
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import IN, TYPE_NUMBERS
from resolver.wire.edns import Edns
from resolver.wire.names import from_text


@dataclass
class World:
    """A host whose doings can be looked at."""

    output: StringIO = field(default_factory=StringIO)
    withdrawn: list[Hashable] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    suspended: dict[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    form: str = "text"

    def __post_init__(self) -> None:
        self.host = Host(
            clock=self.clock,
            registry=Registry(),
            log=Log(self.output, form=self.form),
            withdraw=self.withdrawn.append,
            fail=self.failures.append,
            suspend=self._suspend,
        )

    @property
    def lines(self) -> list[str]:
        """What was logged so far."""
        return self.output.getvalue().splitlines()

    def metric(self, name: str, *labels: str) -> float:
        """The value of a counter or gauge."""
        value: float = (
            next(family for family in self.host.registry.families() if family.name == name).cells[labels].value
        )
        return value

    def build(self, corefile: str, root: Path = Path()) -> Block:
        """The first server block of a Corefile with its parts and its chain. Raises ConfigErrors."""
        return self.build_source(load_text(corefile, environ={}).blocks[0], root)

    def build_source(self, source: ServerBlock, root: Path = Path()) -> Block:
        """A server block with its parts and its chain. Raises ConfigErrors."""
        addresses = server_addresses(source.keys)
        block = Block(
            tuple(address.wire for address in addresses),
            tuple(Site(f"dns://:{address.port}", address.zone) for address in addresses),
            source.keys,
            root,
        )
        build(source, block, self.host, ORDER, find_setup)
        return block

    def part(self, corefile: str, root: Path = Path()) -> Any:
        """The first part of the first server block of a Corefile."""
        return self.build(corefile, root).parts[0]

    def _suspend(self, who: str, reason: str) -> None:
        self.suspended[who] = reason


def question(name: str, qtype: str = "A", *, do: bool | None = None, **more: Any) -> Query:
    """A query for a name; with ``do`` it has EDNS."""
    edns = None if do is None else Edns(1232, do)
    return Query(from_text(name), TYPE_NUMBERS[qtype], IN, edns=edns, **more)


def answering(reply: Callable[[Query], Reply]) -> Handler:
    """A last plugin that answers so."""

    async def answer(query: Query) -> Reply:
        return reply(query)

    return answer


async def nobody(query: Query) -> Reply:
    """A last plugin that tells a test that the query was passed on."""
    return failure(query, "nobody", 11)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)
