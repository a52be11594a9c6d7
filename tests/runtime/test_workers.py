"""Several workers on one port: killed, hanging, orphaned and refusing, and what clients and dashboards see of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import pytest

from resolver.runtime import supervisor
from resolver.runtime.options import Options
from resolver.runtime.supervisor import Supervisor
from resolver.telemetry.log import Log
from tests.runtime.clients import HOST, addresses, ask, figures, get, stub, total
from tests.runtime.serving import Server, block, environment, free_port, hosts, serving, until
from tests.support.upstreams import Asked, Step, Upstream, reply

WWW = "www.example.org"
REQUESTS = "coredns_dns_requests_total"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def http() -> int:
    return free_port()


async def test_multisocket_brings_its_workers_and_all_of_them_answer(tmp_path: Path, port: int, http: int) -> None:
    text = block(port, "multisocket 3", hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, port=port, http=http) as server:
        assert len(await server.workers()) == 3
        for _ in range(60):
            assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        assert await server.figure(REQUESTS) == 60
        assert await server.ready()


async def test_killed_workers_are_started_again_and_clients_that_ask_again_lose_nothing(
    tmp_path: Path, port: int, http: int
) -> None:
    text = block(port, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, "--workers", "2", port=port, http=http) as server:
        done = asyncio.Event()
        load = [asyncio.create_task(_ask_until(done, port)) for _ in range(8)]
        for _ in range(3):
            await _kill_a_worker(server)
        done.set()
        counts = await asyncio.gather(*load)
        assert sum(lost for _, _, lost in counts) == 0
        asked, retried = (sum(count[place] for count in counts) for place in (0, 1))
        assert retried <= 3 * len(load), f"{retried} of {asked} were asked again"
        assert await server.figure("coredns_worker_restarts_total") == 3
        assert "ended with code -9, starting it again" in server.said


async def test_the_figures_are_the_sum_of_all_workers_and_never_go_down(tmp_path: Path, port: int, http: int) -> None:
    text = block(port, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, "--workers", "2", port=port, http=http) as server:
        for _ in range(40):
            await ask(port, WWW)
        before = await figures(http)
        assert total(before, REQUESTS) == 40
        processes = (server.process.pid, *await server.workers())
        files = [sum(1 for _ in Path(f"/proc/{process}/fd").iterdir()) for process in processes]
        assert abs(before["process_open_fds"] - sum(files)) < min(files)
        killed, *_ = await server.workers()
        os.kill(killed, signal.SIGKILL)
        restarts = 0.0
        while not restarts or not await server.ready():
            now = await figures(http)
            assert total(now, REQUESTS) == 40
            assert _fallen(before, now) == []
            restarts, before = now["coredns_worker_restarts_total"], now
        for _ in range(20):
            await ask(port, WWW)
        assert await server.figure(REQUESTS) == 60


async def test_a_worker_that_is_started_again_makes_the_server_unready(tmp_path: Path, port: int, http: int) -> None:
    text = block(port, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, "--workers", "2", port=port, http=http) as server:
        await until(server.ready)
        os.kill((await server.workers())[1], signal.SIGKILL)
        await until(lambda: _says_unready(http, "worker "))
        assert (await get(http, "/health"))[0] == 200
        await until(server.ready)


async def test_workers_end_and_free_their_ports_when_their_supervisor_is_killed(tmp_path: Path, port: int) -> None:
    text = block(port, hosts("192.0.2.1"))
    async with serving(tmp_path, text, "--workers", "2", port=port) as server:
        workers = await server.workers()
        server.process.kill()
        await until(lambda: not any(_lives(worker) for worker in workers), within=8.0)
    async with serving(tmp_path, text, port=port):
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1"])
async def test_what_a_terminal_sends_to_all_of_them_workers_leave_to_their_supervisor(
    number: str, tmp_path: Path, port: int
) -> None:
    async with serving(tmp_path, block(port, hosts("192.0.2.1")), "--workers", "2", port=port) as server:
        workers = await server.workers()
        for worker in workers:
            os.kill(worker, signal.Signals[number])
        for _ in range(20):
            assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        assert await server.workers() == workers


async def test_a_worker_that_cannot_serve_a_reload_leaves_all_with_the_old_configuration(
    tmp_path: Path, port: int, http: int
) -> None:
    moved = free_port()
    asked: list[str] = []

    def once(query: Asked) -> Iterable[Step]:  # only the first worker finds its upstream
        asked.append(query.name)
        return [reply(query, ["192.0.2.53"]) if len(asked) == 1 else reply(query, rcode=3)]

    async with Upstream(once) as lookup:
        text = block(port, hosts("192.0.2.1"), http=http)
        forward = f"forward . upstream.test {{\n        resolver {lookup.to}\n    }}"
        async with serving(tmp_path, text, "--workers", "2", port=port, http=http) as server:
            workers = await server.workers()
            await server.reload(block(moved, hosts("192.0.2.2"), forward, http=http), outcome="reload failed")
            assert len(asked) >= 2
            assert "upstream.test" in server.said
            for _ in range(40):
                assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
            with pytest.raises(TimeoutError):
                await ask(moved, WWW, timeout=0.1)
            assert await server.workers() == workers
            assert await server.ready()
            await server.reload(block(moved, hosts("192.0.2.3"), http=http))
            for _ in range(40):
                assert addresses(await ask(moved, WWW)) == ["192.0.2.3"]


async def test_a_reload_starts_a_worker_that_is_down_with_the_new_configuration(
    tmp_path: Path, port: int, http: int
) -> None:
    async with serving(
        tmp_path, block(port, hosts("192.0.2.1"), http=http), "--workers", "2", port=port, http=http
    ) as server:
        for turn in range(2, 6):
            os.kill((await server.workers())[-1], signal.SIGKILL)
            await server.reload(block(port, hosts(f"192.0.2.{turn}"), http=http))
            await until(server.ready)
            for _ in range(20):
                assert addresses(await ask(port, WWW)) == [f"192.0.2.{turn}"]
            assert len(await server.workers()) == 2


async def test_reloads_while_a_worker_keeps_falling_are_served_by_all(tmp_path: Path, port: int, http: int) -> None:
    moved = free_port()
    async with serving(
        tmp_path, block(port, hosts("192.0.2.1"), http=http), "--workers", "2", port=port, http=http
    ) as server:
        steady = (await server.workers())[0]
        for turn in range(4):
            for worker in set(await server.workers()) - {steady}:
                os.kill(worker, signal.SIGKILL)
            place = (moved, port)[turn % 2]
            await server.reload(block(place, hosts(f"192.0.2.{turn}"), http=http))
            for _ in range(20):
                assert addresses(await ask(place, WWW)) == [f"192.0.2.{turn}"]
        await until(server.ready)


async def test_the_place_of_a_worker_that_keeps_falling_is_left_to_the_others(
    tmp_path: Path, port: int, http: int
) -> None:
    text = block(port, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, "--workers", "2", port=port, http=http) as server:
        steady, falling = await server.workers()
        known = {steady, falling}
        for _ in range(3):
            os.kill(falling, signal.SIGKILL)
            await until(lambda: _is_another(server, known))
            falling = next(worker for worker in await server.workers() if worker != steady)
            known.add(falling)
        os.kill(falling, signal.SIGKILL)
        await until(lambda: _is_alone(server))
        for _ in range(40):  # the pause is 0.8 seconds by now, and nobody waits for its end
            assert addresses(await ask(port, WWW, timeout=1.0)) == ["192.0.2.1"]
        assert await server.workers() == [steady]
        await until(server.ready)


@pytest.fixture
def quick_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PULSE_PAUSE", 0.05)
    monkeypatch.setattr(supervisor, "_PULSE_TIME", 0.3)


@pytest.mark.usefixtures("quick_pulse")
async def test_a_worker_that_hangs_is_killed_and_started_again(tmp_path: Path, port: int) -> None:
    (tmp_path / "conf").write_text(block(port, hosts("192.0.2.1")))
    output = StringIO()
    options = Options(str(tmp_path / "conf"), log=Log(output), environ=environment())
    crew = Supervisor(options, 2)
    await crew.apply(options.read())
    try:
        hanging = crew.crews[1].child
        assert hanging is not None
        hanging.process.send_signal(signal.SIGSTOP)
        await until(lambda: crew.crews[1].child not in (hanging, None))
        async with stub(port, timeout=1.0, tries=3) as client:
            assert addresses(await client.ask(WWW)) == ["192.0.2.1"]
        assert "worker 1 has not answered for 0.3s and is killed" in output.getvalue()
    finally:
        await crew.close()


def test_the_pause_before_a_restart_grows_to_its_limit_and_ends_with_a_long_life() -> None:
    crew = Supervisor(Options(log=Log(StringIO())), 2)
    place = crew.crews[0]
    assert crew._pause(place, 31.0) == 0.0
    pauses = [crew._pause(place, 1.0) for _ in range(11)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert crew._pause(place, 31.0) == 0.0


# --- what the tests share


async def _ask_until(done: asyncio.Event, port: int) -> tuple[int, int, int]:
    """How often a stub resolver asked, asked again, and stayed without an answer."""
    async with stub(port, timeout=1.0, tries=3) as client:
        while not done.is_set():
            try:
                await client.ask(WWW)
            except TimeoutError:
                continue
        return client.asked, client.retried, client.lost


async def _kill_a_worker(server: Server) -> None:
    """Kill one and wait until it has been replaced."""
    before = await server.workers()
    os.kill(before[0], signal.SIGKILL)
    await until(lambda: _is_another(server, set(before)))
    await until(server.ready)


async def _is_another(server: Server, known: set[int]) -> bool:
    workers = await server.workers()
    return len(workers) == 2 and not known.issuperset(workers)


async def _is_alone(server: Server) -> bool:
    return len(await server.workers()) == 1


async def _says_unready(http: int, reason: str) -> bool:
    status, body = await get(http, "/ready", HOST)
    return status == 503 and reason in body


def _fallen(before: dict[str, float], now: dict[str, float]) -> list[str]:
    """Counters that are smaller than they were, or gone."""
    counters = (name for name in before if "_total" in name or "_count" in name or "_bucket" in name)
    return [name for name in counters if now.get(name, -1.0) < before[name]]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
