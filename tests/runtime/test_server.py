"""Swapping configurations within one process: what stays, what goes, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
import weakref
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest

from resolver.chain.plugin import Part
from resolver.chain.setup import Host
from resolver.config.load import load_text
from resolver.config.model import Config
from resolver.errors import ResolverError
from resolver.replay.store import Stores
from resolver.runtime.options import Options
from resolver.runtime.process import Process
from resolver.runtime.server import Server
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from tests.runtime.clients import HOST, addresses, ask, stub
from tests.runtime.serving import block, free_port, hosts

WWW = "www.example.org"


def config(*blocks: str) -> Config:
    return load_text("".join(blocks), environ={})


@pytest.fixture
def stores() -> Stores:
    return Stores(1 << 20)


@pytest.fixture
def output() -> StringIO:
    return StringIO()


@pytest.fixture
async def server(stores: Stores, output: StringIO) -> AsyncIterator[Server]:
    host = Host(clock=time.monotonic, registry=Registry(), log=Log(output))
    server = Server(host, stores)
    yield server
    await server.stop(drain=False)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_configuration_that_cannot_be_served_leaves_no_stores_and_no_sockets(
    server: Server, stores: Stores
) -> None:
    port = free_port()
    await server.apply(config(block(port, hosts("192.0.2.1"))))
    with socket.create_server((HOST, 0)) as holder:
        wrong = config(block(port, "whoami"), block(free_port(), "whoami"), block(holder.getsockname()[1], "whoami"))
        before = len(stores.budget.stores), open_files()
        for _ in range(3):
            with pytest.raises(ResolverError, match="in use"):
                await server.apply(wrong)
        gc.collect()
        assert (len(stores.budget.stores), open_files()) == before
    assert addresses(await ask(port, WWW)) == ["192.0.2.1"]


async def test_ports_that_go_take_their_stores_and_sockets_along(server: Server, stores: Stores) -> None:
    ports = free_port(), free_port()
    await server.apply(config(block(ports[0], "whoami")))
    before = len(stores.budget.stores), open_files()
    for turn in range(4):
        await server.apply(config(block(ports[(turn + 1) % 2], "whoami")))
    await asyncio.sleep(0)
    assert (len(stores.budget.stores), open_files()) == before


async def test_datagrams_that_wait_in_the_kernel_when_a_port_goes_are_answered(server: Server) -> None:
    port = free_port()
    await server.apply(config(block(port, hosts("192.0.2.1"))))
    async with stub(port) as client:
        answer = asyncio.create_task(client.ask(WWW))
        await asyncio.sleep(0)  # it is sent, and the server has not had its turn yet
        await server.apply(config(block(free_port(), "whoami")))
        assert addresses(await answer) == ["192.0.2.1"]


async def test_a_part_that_fails_to_stop_does_not_keep_the_others_open(server: Server, output: StringIO) -> None:
    ports = free_port(), free_port()
    await server.apply(config(block(ports[0], "whoami"), block(ports[1], "whoami")))
    assert server.plan is not None
    stopped: list[str] = []

    async def fails() -> None:
        raise RuntimeError("no more")

    async def stops() -> None:
        stopped.append("whoami")

    first, second = (found.parts[-1] for found in server.plan.blocks)
    first.stop, second.stop = fails, stops  # type: ignore[method-assign]
    await server.apply(config(block(ports[0], hosts("192.0.2.1"))))
    assert stopped == ["whoami"]
    assert "whoami did not stop cleanly: RuntimeError: no more" in output.getvalue()


async def test_a_replaced_configuration_is_freed() -> None:
    process = Process(Options(text="", log=Log(StringIO())))
    port = free_port()
    gone: list[weakref.ref[Part]] = []
    try:
        for number in range(4):
            await process.apply(config(block(port, "cache", hosts(f"192.0.2.{number}"), "forward . 127.0.0.1:9")))
            gone.extend(weakref.ref(part) for part in process.plan.parts)
        older = gone[: -2 * len(list(process.plan.parts))]  # tasks of the one before may not have had their last turn
        assert older
        assert [part() for part in older] == [None] * len(older)
    finally:
        await process.close()
        gc.unfreeze()
