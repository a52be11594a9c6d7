"""One server process from its start to its end, as an operator and its clients see it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import pytest

from resolver.wire.constants import SERVFAIL
from tests.runtime.clients import Stub, addresses, ask, get, question, stream, stub
from tests.runtime.serving import Server, block, free_port, hosts, serving, until, without_uvloop
from tests.support.upstreams import Upstream, after, answers

WWW = "www.example.org"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def http() -> int:
    return free_port()


@pytest.fixture(params=["1", "2"], ids=["process", "workers"])
def flags(request: pytest.FixtureRequest) -> tuple[str, str]:
    """One process that does everything, or two workers and their supervisor."""
    return "--workers", str(request.param)


# --- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_query_that_waits_for_its_upstream_is_answered_after_the_signal(
    number: signal.Signals, flags: tuple[str, str], tmp_path: Path, port: int
) -> None:
    async with (
        Upstream(after(0.4, answers("192.0.2.7"))) as upstream,
        serving(tmp_path, block(port, f"forward . {upstream.to}"), *flags, port=port) as server,
        stub(port) as client,
        stream(port) as connection,
    ):
        waiting = asyncio.create_task(client.ask("udp.example.org"))
        connection.send(question("tcp.example.org"))
        await until(lambda: len(upstream.seen) == 2)
        server.signal(number)
        assert addresses(await waiting) == ["192.0.2.7"]
        assert addresses(await connection.read()) == ["192.0.2.7"]
        assert await server.exit_code() == 0
        assert server.said.endswith(f"[INFO] {number.name}: shutting down\n")
        assert server.complained == ""


async def test_the_end_waits_for_a_silent_upstream_as_long_as_its_queries_do(tmp_path: Path, port: int) -> None:
    async with Upstream() as upstream:
        text = block(
            port, f"forward . {upstream.to} {{\n        read_timeout 300ms\n        max_connect_attempts 2\n    }}"
        )
        async with serving(tmp_path, text, port=port) as server, stream(port) as connection, stub(port) as client:
            connection.send(question("tcp.example.org"))
            waiting = asyncio.create_task(client.ask("udp.example.org"))
            await until(lambda: len(set(upstream.names)) == 2)
            server.signal(signal.SIGTERM)
            assert (await waiting).rcode == SERVFAIL
            assert (await connection.read()).rcode == SERVFAIL
            assert await server.exit_code() == 0


async def test_lameduck_goes_on_answering_unready_until_a_second_signal(
    flags: tuple[str, str], tmp_path: Path, port: int, http: int
) -> None:
    text = block(port, hosts("192.0.2.1"), f"health 127.0.0.1:{http} {{\n        lameduck 30s\n    }}", http=http)
    async with serving(tmp_path, text, *flags, port=port, http=http) as server:
        await until(server.ready)
        server.signal(signal.SIGTERM)
        await until(lambda: _unready(server))
        assert (await get(http, "/ready")) == (503, "Shutting down")
        assert (await get(http, "/health"))[0] == 200
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        assert "lameduck" in server.said
        server.signal(signal.SIGTERM)
        assert await server.exit_code(within=5.0) == 0


async def test_lameduck_ends_by_itself(flags: tuple[str, str], tmp_path: Path, port: int, http: int) -> None:
    text = block(port, hosts("192.0.2.1"), f"health 127.0.0.1:{http} {{\n        lameduck 300ms\n    }}")
    async with serving(tmp_path, text, *flags, port=port) as server:
        server.signal(signal.SIGTERM)
        assert await server.exit_code(within=5.0) == 0


async def test_a_signal_before_it_serves_ends_it_at_once(flags: tuple[str, str], tmp_path: Path, port: int) -> None:
    async with Upstream() as lookup:
        options = f"{{\n        resolver {lookup.to}\n    }}"
        text = block(port, f"forward . upstream.test {options}")
        async with serving(tmp_path, text, *flags, port=port, begins="") as server:
            await until(lambda: lookup.seen != [])
            server.signal(signal.SIGUSR1)
            server.signal(signal.SIGTERM)
            assert await server.exit_code() == 0
            assert server.complained == ""


async def test_a_loop_ends_it_with_a_clear_line_and_exit_code_one(
    flags: tuple[str, str], tmp_path: Path, port: int
) -> None:
    text = block(port, "loop", f"forward . 127.0.0.1:{port}")
    async with serving(tmp_path, text, *flags, port=port, begins="") as server:
        assert await server.exit_code() == 1
        assert "[FATAL]" in server.said
        assert "timeout" not in server.said, "it waits for the queries that go round"


@pytest.mark.parametrize("uvloop", [True, False], ids=["uvloop", "asyncio"])
async def test_more_connections_than_files_may_be_open_end_nothing(
    uvloop: bool, tmp_path: Path, port: int, http: int
) -> None:
    text = block(port, hosts("192.0.2.1"), http=http)
    modules = () if uvloop else (without_uvloop(tmp_path),)
    async with serving(tmp_path, text, port=port, http=http, files=80, modules=modules) as server:
        await until(server.ready)
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(120):
                with contextlib.suppress(OSError):
                    await stack.enter_async_context(stream(port))
            for _ in range(20):
                assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        await until(server.ready)
        async with stream(port) as connection:
            assert addresses(await connection.ask(WWW)) == ["192.0.2.1"]
        assert len(server.said + server.complained) < 4096


async def test_a_hangup_of_the_terminal_ends_nothing(tmp_path: Path, port: int) -> None:
    async with serving(tmp_path, block(port, hosts("192.0.2.1")), port=port) as server:
        for _ in range(3):
            server.signal(signal.SIGHUP)
            assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        assert server.process.poll() is None


# --- reload


async def test_twenty_reloads_lose_no_query_and_keep_connections_open(
    flags: tuple[str, str], tmp_path: Path, port: int
) -> None:
    texts = [block(port, hosts(f"192.0.2.{number}")) for number in (1, 2)]
    async with (
        serving(tmp_path, texts[0], *flags, port=port) as server,
        stub(port, timeout=5.0) as client,
        stream(port) as connection,
    ):
        await connection.ask(WWW)
        done = asyncio.Event()
        asking = asyncio.create_task(_ask_until(done, client))
        for turn in range(20):
            await server.reload(texts[(turn + 1) % 2])
            assert addresses(await connection.ask(WWW)) == [f"192.0.2.{2 - turn % 2}"]
        done.set()
        seen = await asking
        assert client.lost == 0
        assert seen == {"192.0.2.1", "192.0.2.2"}


async def test_a_query_under_way_is_answered_by_the_configuration_that_took_it(
    flags: tuple[str, str], tmp_path: Path, port: int
) -> None:
    async with (
        Upstream(after(0.4, answers("192.0.2.7"))) as slow,
        Upstream(answers("192.0.2.8")) as quick,
        serving(tmp_path, block(port, f"forward . {slow.to}"), *flags, port=port) as server,
        stub(port) as client,
    ):
        waiting = asyncio.create_task(client.ask(WWW))
        await until(lambda: len(slow.seen) == 1)
        reloading = asyncio.create_task(server.reload(block(port, f"forward . {quick.to}")))
        await until(lambda: _answers_with(port, "new.example.org", "192.0.2.8"))
        assert not waiting.done()
        assert addresses(await waiting) == ["192.0.2.7"]
        await reloading


async def test_a_reload_opens_new_ports_and_addresses_and_closes_old_ones(
    flags: tuple[str, str], tmp_path: Path, port: int
) -> None:
    other = free_port()
    async with (
        serving(tmp_path, block(port, hosts("192.0.2.1")), *flags, port=port) as server,
        stream(port) as connection,
    ):
        await server.reload(block(other, hosts("192.0.2.2")))
        assert addresses(await ask(other, WWW)) == ["192.0.2.2"]
        assert await _is_closed(port)
        with pytest.raises(EOFError):
            await connection.read()
        await server.reload(block(other, hosts("192.0.2.3"), bind="127.0.0.2"))
        assert addresses(await ask(other, WWW, host="127.0.0.2")) == ["192.0.2.3"]
        assert await _is_closed(other)


async def test_queries_under_way_on_a_port_that_goes_are_answered(
    flags: tuple[str, str], tmp_path: Path, port: int
) -> None:
    async with (
        Upstream(after(0.4, answers("192.0.2.7"))) as upstream,
        serving(tmp_path, block(port, f"forward . {upstream.to}"), *flags, port=port) as server,
        stub(port) as client,
        stream(port) as connection,
    ):
        waiting = asyncio.create_task(client.ask("udp.example.org"))
        connection.send(question("tcp.example.org"))
        await until(lambda: len(upstream.seen) == 2)
        await server.reload(block(free_port(), f"forward . {upstream.to}"))
        assert addresses(await waiting) == ["192.0.2.7"]
        assert addresses(await connection.read()) == ["192.0.2.7"]


async def test_a_wrong_file_leaves_the_old_configuration_and_says_where_it_is_wrong(
    flags: tuple[str, str], tmp_path: Path, port: int, http: int
) -> None:
    text = block(port, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, *flags, port=port, http=http) as server:
        await server.reload(f".:{port} {{\n    whoami\n    cach 30\n}}\n", outcome="reload failed")
        assert f"reload: {server.conf}:3:5: unknown directive 'cach' (did you mean cache?)" in server.said
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        assert await server.figure("coredns_reload_failed_total") == 1
        server.conf.unlink()
        await server.reload(outcome="reload failed")
        assert f"reload: cannot read {server.conf}: No such file or directory" in server.said
        await server.reload("", outcome="reload failed")
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
        await server.reload(block(port, hosts("192.0.2.2"), http=http))
        assert addresses(await ask(port, WWW)) == ["192.0.2.2"]
        assert await server.figure("coredns_reload_failed_total") == 3


@pytest.mark.parametrize("taken", ["udp", "tcp", "http"])
async def test_a_reload_whose_new_port_is_taken_changes_nothing_and_leaves_nothing_open(
    taken: str, flags: tuple[str, str], tmp_path: Path, port: int, http: int
) -> None:
    async with Upstream(udp=taken == "udp", tcp=taken != "udp") as holder:
        text = block(port, hosts("192.0.2.1"), http=http)
        more = block(holder.port if taken != "http" else free_port(), hosts("192.0.2.2"))
        changed = block(port, hosts("192.0.2.2"), http=http if taken != "http" else holder.port) + more
        async with serving(tmp_path, text, *flags, port=port, http=http) as server, stream(port) as connection:
            await connection.ask(WWW)
            await server.reload(changed, outcome="reload failed")
            before = await server.figure("process_open_fds")
            for _ in range(5):
                await server.reload(outcome="reload failed")
            assert f"{holder.port}: the port is in use by another program" in server.said
            assert addresses(await ask(port, WWW)) == ["192.0.2.1"]
            assert addresses(await connection.ask(WWW)) == ["192.0.2.1"]
            assert await server.ready()
            assert await server.figure("process_open_fds") <= before


async def test_the_configuration_is_watched_and_a_file_that_appears_mends_it(
    tmp_path: Path, port: int, http: int
) -> None:
    text = block(port, "reload 2s 0s", hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, port=port, http=http) as server:
        server.conf.write_text(block(port, "reload 2s 0s", "import names", http=http))
        await server.says("reload failed")
        assert f"{server.conf}:8:12: " in server.said
        (tmp_path / "names").write_text(hosts("192.0.2.2"))
        await server.says("Reloading complete")
        assert addresses(await ask(port, WWW)) == ["192.0.2.2"]
        assert await server.figure("coredns_reload_failed_total") == 1
        assert server.said.count("reload failed") == 1


async def test_a_signal_to_end_during_a_reload_ends_the_server_after_it(
    flags: tuple[str, str], tmp_path: Path, port: int
) -> None:
    async with Upstream(after(0.5, answers("192.0.2.7"))) as upstream:
        text = block(port, f"forward . {upstream.to}")
        async with serving(tmp_path, text, *flags, port=port) as server, stub(port) as client:
            waiting = asyncio.create_task(client.ask(WWW))
            await until(lambda: len(upstream.seen) == 1)
            server.conf.write_text(block(free_port(), f"forward . {upstream.to}"))
            server.signal(signal.SIGUSR1)
            await until(lambda: _is_closed(port))
            server.signal(signal.SIGTERM)
            assert addresses(await waiting) == ["192.0.2.7"]
            assert await server.exit_code() == 0
            assert server.complained == ""


async def test_wishes_for_a_reload_that_come_during_one_are_one(tmp_path: Path, port: int) -> None:
    async with (
        Upstream(after(0.5, answers("192.0.2.7"))) as upstream,
        serving(tmp_path, block(port, f"forward . {upstream.to}"), port=port) as server,
        stub(port) as client,
    ):
        waiting = asyncio.create_task(client.ask("old.example.org"))  # the first reload waits for it
        await until(lambda: len(upstream.seen) == 1)
        server.conf.write_text(block(port, hosts("192.0.2.2")))
        server.signal(signal.SIGUSR1)
        await until(lambda: _answers_with(port, WWW, "192.0.2.2"))
        for _ in range(20):
            server.signal(signal.SIGUSR1)
            await ask(port, WWW)
        assert "Reloading complete" not in server.said
        await waiting
        await server.says("Reloading complete", 2)
        await server.reload()
        assert server.said.count("Reloading complete") == 3


async def test_a_number_of_workers_that_only_a_restart_can_give_is_said(tmp_path: Path, port: int) -> None:
    async with serving(tmp_path, block(port, hosts("192.0.2.1")), port=port) as server:
        await server.reload(block(port, "multisocket 2", hosts("192.0.2.2")))
        await server.says("[WARNING] multisocket asks for 2 workers; until a restart it stays at 1")


# --- what the tests share


async def _ask_until(done: asyncio.Event, client: Stub) -> set[str]:
    seen: set[str] = set()
    while not done.is_set():
        seen.update(addresses(await client.ask(WWW)))
    return seen


async def _unready(server: Server) -> bool:
    return not await server.ready()


async def _is_closed(port: int) -> bool:
    """Whether neither a datagram nor a connection gets in."""
    try:
        async with stream(port):
            return False
    except OSError:
        pass
    try:
        await ask(port, WWW, timeout=0.05)
    except TimeoutError:
        return True
    return False


async def _answers_with(port: int, name: str, address: str) -> bool:
    try:
        return addresses(await ask(port, name, timeout=0.2)) == [address]
    except TimeoutError:
        return False
