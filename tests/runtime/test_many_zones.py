"""What ten thousand zones are made of, counted with a thousand."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from resolver.chain import turns
from resolver.chain.setup import Host
from resolver.config.load import load_text
from resolver.config.model import Config
from resolver.replay.store import Stores
from resolver.runtime.garbage import paused
from resolver.runtime.server import Server
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.telemetry.snapshot import snapshot
from tests.runtime.clients import addresses, ask
from tests.runtime.serving import block, free_port, hosts, serving

MANY = 1000
LINES = ("cache 30", "loadbalance", "forward . 127.0.0.1:9")
WWW = "www.example.org"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    host = Host(clock=time.monotonic, registry=Registry(), log=Log(StringIO()))
    server = Server(host, Stores(1 << 20))
    yield server
    await server.stop(drain=False)


@pytest.fixture
def port() -> int:
    return free_port()


def blocks(port: int, count: int, *more: str) -> str:
    """A block for all names, and one for each of so many zones."""
    zones = (block(port, *LINES, *more, zone=f"z{number}.example") for number in range(count))
    return block(port, hosts("192.0.2.1"), "forward . 127.0.0.1:9") + "".join(zones)


def lines(port: int, count: int) -> str:
    """One block with a ``forward`` line for each zone."""
    stubs = (f"forward z{number}.example 127.0.0.1:9" for number in range(count))
    return block(port, hosts("192.0.2.1"), *stubs, "forward . 127.0.0.1:9")


def config(text: str) -> Config:
    return load_text(text, environ={})


def held(server: Server) -> tuple[int, int, int]:
    """Open files, tasks and hooks in front of a scrape."""
    return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks()), len(server.host.registry._before)


@pytest.mark.parametrize("form", [blocks, lines])
async def test_zones_that_nobody_asks_hold_no_files_no_tasks_and_no_hooks(
    server: Server, port: int, form: Callable[[int, int], str]
) -> None:
    await server.apply(config(form(port, 1)))
    one = held(server)
    await server.apply(config(form(port, MANY)))
    assert held(server) == one
    assert addresses(await ask(port, WWW)) == ["192.0.2.1"]


async def test_zones_that_nobody_asks_show_no_figures(server: Server, port: int) -> None:
    await server.apply(config(blocks(port, MANY)))
    assert sum(len(family[6]) for family in snapshot(server.host.registry)) < 100


@pytest.fixture
def traced() -> Iterator[None]:
    with paused():
        tracemalloc.start()
        yield
        tracemalloc.stop()


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(("form", "octets", "objects"), [(blocks, 8000, 80), (lines, 2000, 20)])
async def test_a_zone_is_small(
    server: Server, port: int, form: Callable[[int, int], str], octets: int, objects: int
) -> None:
    await server.apply(config(form(port, 10)))
    gc.collect()
    before = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
    await server.apply(config(form(port, MANY)))
    gc.collect()
    zones = MANY - 10
    assert (tracemalloc.get_traced_memory()[0] - before[0]) / zones < octets
    assert (len(gc.get_objects()) - before[1]) / zones < objects


async def test_a_reload_frees_the_old_zones_without_the_collector(server: Server, port: int) -> None:
    with paused():
        await server.apply(config(blocks(port, MANY)))
        await server.apply(config(blocks(port, MANY)))
        assert server.left_behind == 0
        one = len(gc.get_objects())
        await server.apply(config(blocks(port, MANY)))
        assert len(gc.get_objects()) - one < MANY


async def test_queries_are_answered_while_many_zones_are_put_into_service(
    server: Server, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.apply(config(block(port, hosts("192.0.2.1"))))
    monkeypatch.setattr(turns, "PIECE", 0.0)  # a turn for others after each step, however short it was
    applying = asyncio.create_task(server.apply(config(blocks(port, MANY))))
    answered = 0
    while not applying.done():
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        answered += 1
    await applying
    assert answered > 20


async def test_workers_serve_a_configuration_that_is_larger_than_a_socket_takes_at_once(
    tmp_path: Path, port: int
) -> None:
    async with serving(tmp_path, blocks(port, MANY), "--workers", "2", port=port) as server:
        assert len(await server.workers()) == 2
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        await server.reload(blocks(port, MANY + 1))
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
