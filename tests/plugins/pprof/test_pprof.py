"""What the endpoints give, and to whom."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from resolver.chain.capabilities import HttpAnswer, HttpRequest, HttpServing, Inspectable
from resolver.errors import ConfigErrors
from resolver.plugins.pprof import Pprof
from resolver.plugins.pprof.handler import Wish
from tests.plugins.chains import World
from tests.runtime.clients import get
from tests.runtime.serving import block, free_port, serving
from tests.support.protobuf import repeated


def part(line: str = "pprof", world: World | None = None) -> Pprof:
    made: Pprof = (world or World()).part(f". {{\n {line}\n}}")
    return made


async def ask(made: Pprof, path: str, query: str = "") -> HttpAnswer:
    endpoint = next(one for one in made.endpoints() if one.path == f"/debug/pprof{path}")
    return await endpoint.answer(HttpRequest("", endpoint.path, query))


@pytest.mark.parametrize(
    ("line", "address"),
    [("pprof", ("localhost", 6053)), ("pprof :6060", ("", 6060)), ("pprof [::1]:1 {\n block 5\n}", ("::1", 1))],
)
def test_addresses(line: str, address: tuple[str, int]) -> None:
    made = part(line)
    assert {(one.host, one.port) for one in made.endpoints()} == {address}
    assert isinstance(made, HttpServing)
    assert isinstance(made, Inspectable)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("pprof 127.0.0.1", "has no port"),
        ("pprof a:1 b:2", "at most 1 argument"),
        ("pprof {\n block 0\n}", "out of range"),
        ("pprof {\n block x\n}", "not a whole number"),
        ("pprof {\n nonsense\n}", "no option nonsense"),
        ("pprof\n pprof", "only once"),
    ],
)
def test_mistakes_are_named(line: str, complaint: str) -> None:
    with pytest.raises(ConfigErrors, match=complaint):
        part(line)


@pytest.mark.parametrize(
    ("line", "warned"), [("pprof", 0), ("pprof 127.0.0.2:1", 0), ("pprof :1", 1), ("pprof h:1", 1)]
)
async def test_an_address_that_others_reach_is_warned_of(line: str, warned: int) -> None:
    world = World()
    await part(line, world).start()
    assert sum("everybody who reaches" in text for text in world.lines) == warned


async def test_block_is_taken_and_said_to_do_nothing() -> None:
    world = World()
    await part("pprof {\n block\n}", world).start()
    assert any("block has no effect" in line for line in world.lines)


async def test_the_list_links_to_what_there_is() -> None:
    made = part()
    for path in ("", "/"):
        answer = await ask(made, path)
        assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
        assert b'href="/debug/pprof/goroutine?debug=1"' in answer.body


async def test_a_profile_is_a_file_or_lines() -> None:
    made = part()
    answer = await ask(made, "/profile", "seconds=0.02")
    assert (answer.status, answer.content_type) == (200, "application/octet-stream")
    assert b"cpu" in repeated(gzip.decompress(answer.body), 6)
    assert (await ask(made, "/profile", "seconds=0.01&format=collapsed")).content_type.startswith("text/plain")


async def test_allocations_are_followed_by_line() -> None:
    made = part()
    kept: list[bytearray] = []
    running = made.inspect(Wish("heap", 0.01))
    waits = running.send(None)
    kept.append(bytearray(1_000_000))
    del waits
    running.close()
    answer = await ask(made, "/heap", "seconds=0.02&format=collapsed")
    assert answer.status == 200
    assert (await ask(made, "/heap", "seconds=0")).body[:2] == b"\x1f\x8b"


async def test_objects_and_tasks_are_listed() -> None:
    made = part()
    objects = await ask(made, "/heap", "debug=1")
    assert b"builtins.dict" in objects.body
    stacks = await ask(made, "/goroutine", "debug=1")
    assert b"thread MainThread" in stacks.body
    assert b"test_objects_and_tasks_are_listed" in stacks.body
    assert b"pytest" in (await ask(made, "/cmdline")).body


@pytest.mark.parametrize("query", ["seconds=x", "seconds=-1", "seconds=51", "seconds=nan", "format=svg", "worker=x"])
async def test_parameters_that_mean_nothing_are_refused(query: str) -> None:
    assert (await ask(part(), "/profile", query)).status == 400


async def test_other_workers_are_asked() -> None:
    world = World()
    asked: list[Any] = []

    async def inspect(name: str, wish: Any, worker: int, within: float) -> Any:
        asked.append((name, wish, worker, within))
        return (200, "text/plain", b"theirs") if worker < 2 else None

    world.host.inspect = inspect
    made = part("pprof", world)
    assert (await ask(made, "/profile", "worker=1&seconds=2")).body == b"theirs"
    assert (await ask(made, "/profile", "worker=2")).status == 404
    assert asked[0] == ("pprof", Wish("profile", 2.0, worker=1), 1, 10.0)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_server_can_be_profiled(tmp_path: Path, workers: int) -> None:
    port, http = free_port(), free_port()
    text = block(port, f"pprof 127.0.0.1:{http}", "whoami")
    async with serving(tmp_path, text, "--workers", str(workers), port=port):
        assert (await get(http, "/debug/pprof/profile?seconds=0.2&format=collapsed"))[0] == 200
        for worker in range(workers):
            assert (await get(http, f"/debug/pprof/goroutine?debug=1&worker={worker}"))[0] == 200
