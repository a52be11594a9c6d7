"""A whole server that writes down what it is asked."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

from tests.plugins.audit.scribe import Line, read
from tests.runtime.clients import stream, stub
from tests.runtime.serving import block, free_port, hosts, serving, until
from tests.support.upstreams import Upstream, answers


def lines_of(folder: Path) -> list[Line]:
    """All lines in a folder's files, in order of their names: earlier files come behind the present one."""
    return [line for path in sorted(folder.glob("audit.json*")) for line in read(path)]


async def test_every_query_has_a_line_and_replays_go_on(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    async with Upstream(answers("192.0.2.1")) as upstream:
        audit = "audit {\n file audit.json\n stdout\n }"
        text = block(port, f"root {tmp_path}", audit, "cache 30", f"forward . {upstream.to}", http=http)
        async with serving(tmp_path, text, port=port, http=http) as server:
            async with stub(port) as client, stream(port) as connection:
                for _ in range(6):
                    await client.ask("www.example.org")
                    await connection.ask("www.example.org")
            await until(lambda: len(lines_of(tmp_path)) == 12)
            await server.says('"transport"', 12)
            assert await server.figure("coredns_audit_lines_total", "file") == 12
            said = [json.loads(line) for line in server.said.splitlines() if line.startswith('{"time"')]
    lines = lines_of(tmp_path)
    assert said == lines
    assert Counter(line["cache"] for line in lines) == {"miss": 1, "hit": 11}
    assert Counter(line["transport"] for line in lines) == {"udp": 6, "tcp": 6}
    assert {tuple(line["addresses"]) for line in lines} == {("192.0.2.1",)}
    (first,) = [line for line in lines if line["cache"] == "miss"]
    assert first["upstream"] == upstream.to
    assert 0 < first["upstream_ms"] <= first["duration_ms"]
    assert len({line["port"] for line in lines}) == 2


async def test_a_reload_loses_no_line_and_an_end_neither(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    audit = f"audit {{\n file {tmp_path}/audit.json\n }}"
    text = block(port, audit, hosts("192.0.2.1"), http=http)
    asked = 0
    async with serving(tmp_path, text, port=port, http=http) as server:
        async with stub(port) as client:
            for turn in range(3):
                for _ in range(20):
                    await client.ask("www.example.org")
                    asked += 1
                if turn < 2:
                    await server.reload(text + f"# {turn}\n")
        server.signal(signal.SIGTERM)
        await server.exit_code()
    assert len(lines_of(tmp_path)) == asked


async def test_several_workers_write_one_file_of_whole_lines(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    audit = f"audit {{\n file {tmp_path}/audit.json {{\n max_size 64KiB\n keep 0\n }}\n }}"
    text = block(port, "multisocket 2", audit, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, port=port, http=http) as server:
        for _ in range(8):
            async with stub(port) as client:
                for _ in range(100):
                    await client.ask("www.example.org")
        await until(lambda: len(lines_of(tmp_path)) == 800)
        assert await server.figure("coredns_audit_lines_total") == 800
    assert len(list(tmp_path.glob("audit.json*"))) > 1


async def test_logrotate_may_move_the_file_away(tmp_path: Path) -> None:
    port = free_port()
    path = tmp_path / "audit.json"
    text = block(port, f"audit {{\n file {path}\n }}", hosts("192.0.2.1"))
    async with serving(tmp_path, text, port=port), stub(port) as client:
        await client.ask("www.example.org")
        await until(lambda: len(read(path)) == 1)
        path.rename(tmp_path / "audit.json.1")
        await client.ask("www.example.org")
        await until(lambda: len(read(path)) == 1)
    assert len(lines_of(tmp_path)) == 2
