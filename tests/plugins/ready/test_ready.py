"""ready: 200 once everything can serve, 503 with the names of what cannot."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from resolver.chain.capabilities import HttpRequest, HttpServing
from resolver.chain.plugin import Part
from resolver.chain.setup import Block
from resolver.errors import ConfigErrors
from resolver.plugins.ready import ReadyEndpoint
from tests.plugins.chains import World


class Slow(Part):
    """A part that needs time."""

    name = "slow"

    def __init__(self, name: str = "slow") -> None:
        self.name = name  # type: ignore[misc]
        self.ready = False

    def is_ready(self) -> bool:
        return self.ready


class Server:
    """Blocks in service that have the directive."""

    def __init__(self, *lines: str) -> None:
        self.world = World()
        self.blocks: list[Block] = [self.world.build(f". {{\n {line}\n}}") for line in lines]
        self.world.host.blocks = lambda: self.blocks

    def add(self, part: Part, block: int = 0) -> None:
        self.blocks[block].parts.append(part)

    async def ask(self, block: int = 0) -> tuple[int, str]:
        part = next(part for part in self.blocks[block].parts if isinstance(part, ReadyEndpoint))
        answer = await part.endpoints()[0].answer(HttpRequest())
        return answer.status, answer.body.decode()


async def test_a_block_without_slow_parts_is_ready() -> None:
    assert await Server("ready").ask() == (200, "OK")


async def test_what_is_not_ready_is_named_in_order() -> None:
    server = Server("ready")
    late, slow = Slow("late"), Slow("slow")
    server.add(slow)
    server.add(late)
    assert await server.ask() == (503, "late,slow")
    slow.ready = True
    assert await server.ask() == (503, "late")
    late.ready = True
    assert await server.ask() == (200, "OK")


async def test_once_ready_is_ready_for_good() -> None:
    server, slow = Server("ready"), Slow()
    server.add(slow)
    slow.ready = True
    assert await server.ask() == (200, "OK")
    slow.ready = False
    assert await server.ask() == (200, "OK")


async def test_continuously_each_request_asks_again() -> None:
    server, slow = Server("ready {\n monitor continuously\n}"), Slow()
    server.add(slow)
    slow.ready = True
    assert await server.ask() == (200, "OK")
    slow.ready = False
    assert await server.ask() == (503, "slow")


async def test_blocks_at_one_address_are_ready_together() -> None:
    server = Server("ready", "ready", "ready :9999")
    server.add(Slow("first"), 0)
    server.add(Slow("second"), 1)
    server.add(Slow("elsewhere"), 2)
    assert await server.ask(0) == (503, "first,second")
    assert await server.ask(2) == (503, "elsewhere")


async def test_a_server_that_stops_is_not_ready() -> None:
    server = Server("ready")
    server.world.host.stopping = True
    assert await server.ask() == (503, "Shutting down")


async def test_a_suspended_server_says_why() -> None:
    server = Server("ready")
    server.add(Slow())
    server.world.host.suspended["loop"] = "queries come back to us"
    assert await server.ask() == (503, "slow,loop: queries come back to us")
    server.world.host.suspended.clear()


async def test_with_several_processes_all_are_asked() -> None:
    server = Server("ready")
    reasons = ["worker 1"]

    async def everywhere(address: tuple[str, int]) -> Sequence[str]:
        assert address == ("", 8181)
        return reasons

    server.world.host.unready = everywhere
    assert await server.ask() == (503, "worker 1")
    reasons.clear()
    assert await server.ask() == (200, "OK")
    server.world.host.stopping = True
    assert await server.ask() == (503, "Shutting down")


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [("ready", "", 8181), ("ready localhost:8091", "localhost", 8091), ("ready [::1]:1", "::1", 1)],
)
def test_where_it_is_served(line: str, host: str, port: int) -> None:
    part = World().part(f". {{\n {line}\n}}")
    assert isinstance(part, HttpServing)
    endpoint = part.endpoints()[0]
    assert (endpoint.host, endpoint.port, endpoint.path, endpoint.tls) == (host, port, "/ready", None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ready localhost", ":2:8: localhost has no port (write it like 127.0.0.1:8080 or :8080)"),
        ("ready :1 :2", ":2:11: ready takes at most 1 argument, not 2"),
        ("ready {\n monitor sometimes\n}", ":3:10: sometimes is not known here (one of until-ready, continuously)"),
        ("ready {\n monitor\n}", ":3:2: monitor needs 1 argument"),
        ("ready {\n watch\n}", ":3:2: ready has no option watch"),
        ("ready\n ready", ":3:2: ready may stand only once in a server block"),
    ],
)
def test_mistakes_are_shown_where_they_are(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        World().part(f". {{\n {line}\n}}")
    assert message in str(caught.value)
