"""health: alive, lameduck, and the look at oneself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import StringIO
from itertools import count

import pytest

from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest, HttpServing, Lameduck
from resolver.errors import ConfigErrors
from resolver.listeners.http import HttpServers
from resolver.plugins.health.selfcheck import SelfCheck
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import HistogramCell, Registry
from tests.plugins.chains import World, until

LOCALHOST = "127.0.0.1"


@pytest.mark.parametrize(
    ("line", "host", "port", "lameduck"),
    [
        ("health", "", 8080, 0.0),
        ("health localhost:8091", "localhost", 8091, 0.0),
        ("health :8091 {\n lameduck 1m30s\n}", "", 8091, 90.0),
        ("health {\n}", "", 8080, 0.0),
    ],
)
async def test_where_it_is_served_and_how_long_it_stays(line: str, host: str, port: int, lameduck: float) -> None:
    part = World().part(f". {{\n {line}\n}}")
    assert isinstance(part, HttpServing)
    endpoint = part.endpoints()[0]
    assert (endpoint.host, endpoint.port, endpoint.path) == (host, port, "/health")
    assert (await endpoint.answer(HttpRequest()))[::2] == (200, b"OK")
    assert isinstance(part, Lameduck)
    assert part.lameduck == lameduck


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("health {\n lameduck long\n}", ":3:11: long is not a duration"),
        ("health {\n lameduck\n}", ":3:2: lameduck needs 1 argument"),
        ("health {\n lameduk 5s\n}", ":3:2: health has no option lameduk (did you mean lameduck?)"),
        ("health :70000", ":2:9: port 70000 is out of range"),
        ("health\n health", ":3:2: health may stand only once in a server block"),
    ],
)
def test_mistakes_are_shown_where_they_are(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        World().part(f". {{\n {line}\n}}")
    assert message in str(caught.value)


# --- the look at oneself


class Checked:
    """A check of a port, and what it noted."""

    def __init__(self, port: int, pace: float = 0.0, timeout: float = 5.0) -> None:
        looks = count(step=pace)  # the clock goes on by so much from one look at it to the next
        self.output = StringIO()
        registry = Registry()
        log = Log(self.output).named("health")
        self.check = SelfCheck((LOCALHOST, port), registry, log, lambda: next(looks), interval=0.01, timeout=timeout)
        families = {family.name: family for family in registry.families()}
        self.failures = families["coredns_health_request_failures_total"].cell()
        self.durations: HistogramCell = families["coredns_health_request_duration_seconds"].cell()


@asynccontextmanager
async def serving(status: int = 200) -> AsyncIterator[tuple[int, list[int]]]:
    """A port that serves /health, and a list that grows with each request."""
    requests: list[int] = []

    async def health(request: HttpRequest) -> HttpAnswer:
        requests.append(1)
        return HttpAnswer(status, "text/plain", b"OK")

    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port = probe.getsockname()[1]
    servers = HttpServers(Log(StringIO()))
    await servers.apply([HttpEndpoint(LOCALHOST, port, "/health", health)])
    try:
        yield port, requests
    finally:
        await servers.stop()


async def test_a_request_that_is_answered_is_timed() -> None:
    async with serving() as (port, requests):
        checked = Checked(port)
        for _ in range(3):
            await checked.check.check()
        assert len(requests) == 3
        assert (checked.failures.value, sum(checked.durations.counts), checked.output.getvalue()) == (0, 3, "")
        checked.check._close()


@asynccontextmanager
async def closing_after(answers: int) -> AsyncIterator[tuple[int, list[int]]]:
    """A port whose connections end after so many answers, and a list that grows with each connection."""
    connections: list[int] = []
    tasks = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            for _ in range(answers):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nOK")
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(converse(reader, writer)))

    server = await asyncio.start_server(connected, LOCALHOST, 0)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()
        await asyncio.gather(*tasks)


async def test_one_connection_does_for_many_requests() -> None:
    async with closing_after(100) as (port, connections):
        checked = Checked(port)
        for _ in range(5):
            await checked.check.check()
        assert (len(connections), checked.failures.value) == (1, 0)
        checked.check._close()


async def test_a_connection_that_the_server_gave_up_is_no_failure() -> None:
    async with closing_after(1) as (port, connections):
        checked = Checked(port)
        for _ in range(3):
            await checked.check.check()
        assert (len(connections), checked.failures.value, checked.output.getvalue()) == (3, 0, "")
        checked.check._close()


async def test_nobody_there_is_a_failure() -> None:
    async with serving() as (port, _):
        pass
    checked = Checked(port)
    await checked.check.check()
    assert (checked.failures.value, sum(checked.durations.counts)) == (1, 1)
    assert checked.output.getvalue().startswith("[WARNING] plugin/health: local health request failed: ")


async def test_an_error_status_is_a_failure() -> None:
    async with serving(503) as (port, _):
        checked = Checked(port)
        await checked.check.check()
        assert checked.failures.value == 1
        assert checked.output.getvalue() == "[WARNING] plugin/health: local health request failed: status 503\n"


async def test_no_answer_in_time_is_a_failure() -> None:
    with socket.socket() as silent:
        silent.bind((LOCALHOST, 0))
        silent.listen()
        checked = Checked(silent.getsockname()[1], timeout=0.05)
        await checked.check.check()
    assert checked.failures.value == 1
    assert checked.output.getvalue() == "[WARNING] plugin/health: local health request failed: TimeoutError\n"


async def test_an_answer_that_took_long_is_said() -> None:
    async with serving() as (port, _):
        checked = Checked(port, pace=1.5)
        await checked.check.check()
        assert checked.output.getvalue() == "[WARNING] plugin/health: local health request took 1.5s\n"
        assert checked.durations.counts == [0, 0, 0, 0, 1, 0]
        checked.check._close()


async def test_checks_go_on_until_they_are_ended() -> None:
    async with serving() as (port, requests):
        task = asyncio.create_task(Checked(port).check.run())
        await until(lambda: len(requests) >= 3)
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize(("worker", "tasks"), [(0, 1), (1, 0)])
async def test_of_several_workers_the_first_one_looks(worker: int, tasks: int) -> None:
    world = World()
    world.host.worker = worker
    part = world.part(". {\n health\n}")
    before = asyncio.all_tasks()
    await part.start()
    assert len(asyncio.all_tasks() - before) == tasks
    await part.stop()
    assert asyncio.all_tasks() == before


async def test_many_blocks_with_one_address_have_one_check_until_the_last_ends() -> None:
    world = World()
    parts = [world.part(f"z{number}.test {{\n health {LOCALHOST}:1\n}}") for number in range(100)]
    elsewhere = world.part(f". {{\n health {LOCALHOST}:2\n}}")
    before = asyncio.all_tasks()
    for part in (*parts, elsewhere):
        await part.start()
    assert len(asyncio.all_tasks() - before) == 2
    for part in parts[:-1]:
        await part.stop()
    assert len(asyncio.all_tasks() - before) == 2
    for part in (parts[-1], elsewhere):
        await part.stop()
    assert asyncio.all_tasks() == before
