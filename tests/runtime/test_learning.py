"""learn: what is written of queries to a real server, most of which are answered from memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runtime.clients import stub
from tests.runtime.serving import block, free_port, hosts, serving

ASKED = 60


@pytest.mark.parametrize("workers", [1, 2])
async def test_every_query_is_counted_once_over_a_reload(tmp_path: Path, workers: int) -> None:
    port, http = free_port(), free_port()
    learnt = tmp_path / "learnt"
    learnt.mkdir()
    policy = f"policy {{\n mode audit-only\n default deny\n learn {learnt}/names.json\n }}"
    text = block(port, policy, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, "--workers", str(workers), port=port, http=http) as server:
        for _ in range(2):
            for _ in range(ASKED // 2):
                async with stub(port) as client:  # from many ports, so that all workers are asked
                    await client.ask("www.example.org")
            await server.reload(text + "# changed\n")
    files = sorted(learnt.iterdir())
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    names = [line for line in lines if line.get("name") == "www.example.org."]
    assert [file.name for file in files] == (["names.json"] if workers == 1 else ["names.json.0", "names.json.1"])
    assert sum(line["count"] for line in names) == sum(line["decisions"]["audit-only"] for line in names) == ASKED
    assert {line["net"] for line in names} == {"127.0.0.0/24"}
