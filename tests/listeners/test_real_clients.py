"""The clients that people use are answered over every encrypted transport that they speak."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.runtime.clients import HOST
from tests.security.transports import CERTIFICATES, everywhere

NAME = "www.example.org"
HOSTS = f"hosts {{\n 192.0.2.1 {NAME}\n }}"


async def _output(*command: str) -> str:
    """What a program says, which has to be installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    async with asyncio.timeout(30):
        return (await process.communicate())[0].decode()


@pytest.mark.parametrize("transport", ["tls", "https", "quic"])
async def test_kdig_is_answered(tmp_path: Path, transport: str) -> None:
    if transport == "quic" and "quic" not in await _output("kdig", "--help"):
        pytest.skip("kdig is too old for QUIC, or was built without it")
    trusts = (f"+tls-ca={CERTIFICATES}/ca.pem",) if transport != "quic" else ()
    async with everywhere(tmp_path, HOSTS) as server:
        port = str(server.port(transport))
        said = await _output("kdig", f"+{transport}", *trusts, "-p", port, f"@{HOST}", NAME)
        assert "192.0.2.1" in said, said


@pytest.mark.parametrize("transport", ["tls", "https"])
async def test_dnsperf_loses_nothing(tmp_path: Path, transport: str) -> None:
    queries = tmp_path / "queries"
    queries.write_text(f"{NAME} A\n" * 1000)
    mode = {"tls": "dot", "https": "doh"}[transport]
    async with everywhere(tmp_path, HOSTS, "cache 30") as server:
        port = str(server.port(transport))
        command = ("dnsperf", "-m", mode, "-s", HOST, "-p", port, "-d", str(queries), "-n", "3", "-c", "4", "-l", "20")
        said = await _output(*command)
        assert re.search(r"Queries completed:\s+3000 ", said), said


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_curl_asks_by_either_version_of_http(tmp_path: Path, version: str) -> None:
    async with everywhere(tmp_path, HOSTS) as server:
        url = f"https://{HOST}:{server.port('https')}/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA29yZwAAAQAB"
        options = ("-sS", version, "--max-time", "15", "--cacert", f"{CERTIFICATES}/ca.pem")
        said = await _output("curl", *options, "-D", "-", "-o", "/dev/null", url)
        assert " 200" in said.splitlines()[0], said
        assert "application/dns-message" in said
        assert said.startswith("HTTP/1.1" if version == "--http1.1" else "HTTP/2")
