"""nsid: which server answered."""

from __future__ import annotations

import socket

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.errors import ConfigErrors
from resolver.wire.edns import Edns, option
from tests.plugins.chains import World, answering, question

ASKS = option(3, b"")
OTHER = option(10, b"\1\2\3\4\5\6\7\x08")


async def _options(line: str, asked: bytes | None, answered: bytes = b"") -> bytes:
    def answer(query: Query) -> Reply:
        reply = failure(query, "forward", 0)
        reply.options = answered
        return reply

    edns = None if asked is None else Edns(1232, options=asked)
    reply: Reply = (
        await World()
        .part(f". {{\n {line}\n}}\n")
        .resolve(question("www.example.org").derive(edns=edns), answering(answer))
    )
    return reply.options


async def test_a_client_that_asks_learns_the_name() -> None:
    assert await _options("nsid rack 7", ASKS) == option(3, b"rack 7")


async def test_the_name_is_that_of_the_host_by_default() -> None:
    assert await _options("nsid", ASKS) == option(3, socket.gethostname().encode())


@pytest.mark.parametrize("asked", [None, b"", OTHER])
async def test_nobody_else_learns_it(asked: bytes | None) -> None:
    assert await _options("nsid rack", asked) == b""


async def test_the_name_of_an_upstream_is_replaced_and_other_options_stay() -> None:
    assert await _options("nsid rack", ASKS, option(3, b"upstream") + OTHER) == OTHER + option(3, b"rack")


@pytest.mark.parametrize("line", ["nsid a {\n x\n }", "nsid\n nsid", f"nsid {'x' * 513}"])
def test_what_cannot_be_sent_is_refused(line: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(". {\n " + line + "\n}\n")
