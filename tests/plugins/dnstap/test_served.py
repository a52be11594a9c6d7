"""A whole server with a collector: nothing that a client asks is missed, replayed or not."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.plugins.dnstap.collector import (
    CLIENT_QUERY,
    CLIENT_RESPONSE,
    FORWARDER_QUERY,
    FORWARDER_RESPONSE,
    Collector,
)
from tests.runtime.clients import stream, stub
from tests.runtime.serving import block, free_port, serving, until
from tests.support.upstreams import Upstream, answers


async def test_every_query_is_told_of_and_replays_go_on(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    collector = Collector()
    await collector.listen(str(tmp_path / "tap"))
    async with Upstream(answers("192.0.2.1")) as upstream:
        lines = (f"dnstap {tmp_path}/tap full", "cache 30", f"forward . {upstream.to}")
        async with serving(tmp_path, block(port, *lines, http=http), port=port, http=http) as server:
            async with stub(port) as client, stream(port) as connection:
                for _ in range(6):
                    await client.ask("www.example.org")
                    await connection.ask("www.example.org")
            await until(lambda: len(collector.payloads) >= 26)
            assert await server.figure("coredns_dns_requests_total") == 12
        told = Counter(collector.kinds)
    await collector.close()
    assert told == {CLIENT_QUERY: 12, CLIENT_RESPONSE: 12, FORWARDER_QUERY: 1, FORWARDER_RESPONSE: 1}
    assert Counter(one[3] for one in collector.messages if one[1] == CLIENT_QUERY) == {1: 6, 2: 6}
    forwarded = next(one for one in collector.messages if one[1] == FORWARDER_QUERY)
    assert (forwarded[7], forwarded[10][:2]) == (upstream.port, upstream.seen[0].packet[:2])


async def test_messages_tell_which_upstream_was_asked(tmp_path: Path) -> None:
    port = free_port()
    collector = Collector()
    await collector.listen(str(tmp_path / "tap"))
    async with Upstream(answers("192.0.2.1")) as upstream:
        tap = f'dnstap {tmp_path}/tap {{\n extra "{{/forward/upstream}}"\n }}'
        text = block(port, "metadata", tap, f"forward . {upstream.to}")
        async with serving(tmp_path, text, port=port), stub(port) as client:
            await client.ask("www.example.org")
            await until(lambda: len(collector.payloads) == 4)
    await collector.close()
    said = {kind: payload[3].decode() for kind, payload in zip(collector.kinds, collector.payloads, strict=True)}
    assert said == {
        CLIENT_QUERY: "-", FORWARDER_QUERY: upstream.to, FORWARDER_RESPONSE: upstream.to, CLIENT_RESPONSE: upstream.to,
    }  # fmt: skip


@pytest.mark.skipif(
    not (shutil.which("fstrm_capture") and shutil.which("dnstap-ldns")), reason="needs fstrm_capture and dnstap-ldns"
)
async def test_programs_of_others_collect_and_read_it(tmp_path: Path) -> None:
    port = free_port()
    words = ["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", str(tmp_path / "tap"), "-w", str(tmp_path / "log")]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as capture:
        try:
            await until(lambda: (tmp_path / "tap").exists())
            text = block(port, f"dnstap {tmp_path}/tap full", "whoami")
            async with serving(tmp_path, text, port=port) as server:
                await server.says("sending to")
                async with stub(port) as client:
                    await client.ask("www.example.org")
        finally:
            capture.terminate()
    shown = subprocess.run(
        ["dnstap-ldns", "-q", "-r", str(tmp_path / "log")], capture_output=True, text=True, timeout=20, check=True
    ).stdout
    assert [line.split()[2] for line in shown.splitlines()] == ["CQ", "CR"]
    assert shown.count('"www.example.org." IN A') == 2
