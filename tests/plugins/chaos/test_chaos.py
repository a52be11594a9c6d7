"""chaos: who this server is."""

from __future__ import annotations

import socket

import pytest

from resolver import __version__
from resolver.errors import ConfigErrors
from resolver.plugins.chaos import Chaos
from resolver.wire.constants import CH
from tests.plugins.chains import World, nobody, question


async def _texts(line: str, name: str) -> list[bytes]:
    part = World().part(f". {{\n {line}\n}}\n")
    reply = await part.resolve(question(name, "TXT").derive(qclass=CH), nobody)
    assert {(record.rclass, record.ttl) for record in reply.sections.answer} == {(CH, 0)}
    assert reply.flags == 0
    return [record.rdata for record in reply.sections.answer]


@pytest.mark.parametrize("name", ["version.bind", "VERSION.server"])
async def test_the_version_is_what_was_given(name: str) -> None:
    assert await _texts("chaos edge-7", name) == [b"\6edge-7"]


async def test_the_version_is_our_own_by_default() -> None:
    own = f"k8s-resolver-{__version__}".encode()
    assert await _texts("chaos", "version.bind") == [bytes([len(own)]) + own]


async def test_each_author_has_a_record() -> None:
    assert await _texts("chaos v1 bob alice bob", "authors.bind") == [b"\5alice", b"\3bob"]


@pytest.mark.parametrize("name", ["hostname.bind", "id.server"])
async def test_the_host_is_named(name: str) -> None:
    assert (await _texts("chaos", name))[0][1:] == socket.gethostname().encode()


async def test_a_long_text_is_cut_to_a_character_string() -> None:
    assert await _texts(f"chaos {'v' * 300}", "version.bind") == [b"\xff" + b"v" * 255]


@pytest.mark.parametrize(
    ("name", "qtype", "qclass"),
    [("version.bind", "TXT", 1), ("version.bind", "A", CH), ("other.bind", "TXT", CH)],
)
async def test_everything_else_is_passed_on(name: str, qtype: str, qclass: int) -> None:
    reply = await Chaos("v", ["a"], "h").resolve(question(name, qtype).derive(qclass=qclass), nobody)
    assert reply.source == "nobody"


@pytest.mark.parametrize("line", ["chaos v {\n x\n }", "chaos\n chaos"])
def test_it_takes_no_block_and_stands_once(line: str) -> None:
    with pytest.raises(ConfigErrors, match="chaos"):
        World().build(". {\n " + line + "\n}\n")
