"""https: the options, and DNS over HTTPS as clients of several makes see it."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.errors import ConfigErrors
from resolver.plugins.https import Https
from resolver.wire.message import Message, scan
from tests.plugins.chains import World
from tests.runtime.clients import HOST, addresses, figures, question, total
from tests.runtime.serving import free_port, serving, until, without_uvloop

CERTIFICATES = Path(__file__).parents[2] / "parity" / "certs"
AUTHORITY = CERTIFICATES / "ca.pem"
FILES = f"{CERTIFICATES}/server.pem {CERTIFICATES}/server.key"
TYPE = "application/dns-message"
NAME = "www.example.org"
VERSIONS = pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])


def _block(port: int, *lines: str, tls: str = f"tls {FILES}") -> str:
    hosts = f"hosts {{\n 192.0.2.1 {NAME}\n 127.0.0.1 web.example.org\n ttl 77\n }}"
    return "\n".join([f"https://.:{port} {{", f"bind {HOST}", tls, hosts, *lines, "}", ""])


@asynccontextmanager
async def _client(port: int, version: str = "HTTP/2", retries: int = 5) -> AsyncIterator[httpx.AsyncClient]:
    context = ssl.create_default_context(cafile=str(AUTHORITY))
    second = version == "HTTP/2"
    transport = httpx.AsyncHTTPTransport(verify=context, http1=not second, http2=second, retries=retries)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}:{port}", timeout=15) as client:
        yield client


async def _ask(client: httpx.AsyncClient, name: str = NAME, qtype: str = "A") -> Message:
    answer = await client.post("/dns-query", content=question(name, qtype), headers={"content-type": TYPE})
    assert answer.status_code == 200, answer.text
    return scan(answer.content)


@VERSIONS
async def test_queries_are_answered_by_post_and_get_and_say_how_long_they_may_be_kept(
    tmp_path: Path, version: str
) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port), port=port), _client(port, version) as client:
        for _ in range(2):  # the second one is a repeat
            posted = await client.post("/dns-query", content=question(NAME), headers={"content-type": TYPE})
            coded = urlsafe_b64encode(question(NAME)).decode().rstrip("=")
            got = await client.get("/dns-query", params={"dns": coded})
            for answer in (posted, got):
                assert (answer.status_code, answer.http_version) == (200, version)
                assert answer.headers["content-type"] == TYPE
                assert answer.headers["cache-control"] == "max-age=77"
                assert addresses(scan(answer.content)) == ["192.0.2.1"]


@VERSIONS
async def test_many_clients_have_their_own_answers(tmp_path: Path, version: str) -> None:
    port = free_port()
    names = {f"n{number}.example.net": f"198.51.100.{number}" for number in range(1, 60)}
    lines = "\n".join(f"{address} {name}" for name, address in names.items())
    text = _block(port, tls=f"tls {FILES}").replace("ttl 77", f"{lines}\n ttl 77")
    async with serving(tmp_path, text, port=port), _client(port, version) as client:
        answers = await asyncio.gather(*(_ask(client, name) for name in names))
        assert [addresses(answer) for answer in answers] == [[address] for address in names.values()]


async def test_wrong_requests_are_counted_by_their_status(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    text = _block(port, f"prometheus {HOST}:{http}")
    async with serving(tmp_path, text, port=port, http=http), _client(port) as client:
        await _ask(client)
        assert (await client.get("/")).status_code == 404
        assert (await client.put("/dns-query")).status_code == 405
        assert (await client.post("/dns-query", content=b"{}")).status_code == 415
        series = await figures(http)
        for status in (200, 404, 405, 415):
            assert total(series, "coredns_dns_https_responses_total", f'status="{status}"') == 1
        assert total(series, "coredns_dns_stream_connections", 'proto="https"') == 1
        assert total(series, "coredns_dns_requests_total") == 1


async def test_a_transfer_is_refused(tmp_path: Path) -> None:
    zone = "example.org. 60 IN SOA ns.example.org. root.example.org. 1 2 3 4 5\nexample.org. 60 IN NS ns.example.org.\n"
    (tmp_path / "zone").write_text(zone)
    port = free_port()
    lines = f"bind {HOST}\n tls {FILES}\n file {tmp_path}/zone\n transfer {{\n to *\n }}"
    text = f"https://example.org:{port} {{\n {lines}\n}}\n"
    async with serving(tmp_path, text, port=port), _client(port) as client:
        answer = await _ask(client, "example.org", "AXFR")
        assert (answer.rcode, answer.counts) == (5, (0, 0, 0))
        assert (await _ask(client, "example.org", "SOA")).counts[0] == 1


async def test_messages_are_accepted_as_over_tcp(tmp_path: Path) -> None:
    port = free_port()
    headers = {"content-type": TYPE}
    asked = question(NAME)
    async with serving(tmp_path, _block(port), port=port), _client(port) as client:
        for octets, rcode in (
            (asked[:2] + b"\x28" + asked[3:], 4),  # UPDATE
            (asked[:2] + b"\x20" + asked[3:], 4),  # NOTIFY, to a block without secondary zones
            (asked[:-5], 1),  # its question is cut off
        ):
            answer = await client.post("/dns-query", content=octets, headers=headers)
            assert (answer.status_code, answer.content[3] & 15) == (200, rcode)
            assert answer.headers["cache-control"] == "max-age=0"
        assert (await client.post("/dns-query", content=asked[:11], headers=headers)).status_code == 400


async def test_a_reload_keeps_open_connections_and_serves_the_new_zone(tmp_path: Path) -> None:
    port = free_port()
    text = _block(port)
    async with serving(tmp_path, text, port=port) as server, _client(port) as client:
        await _ask(client)
        local = _local(client)
        await server.reload(text.replace("192.0.2.1", "192.0.2.2").replace("ttl 77", "ttl 78"))
        assert addresses(await _ask(client)) == ["192.0.2.2"]
        assert _local(client) == local


def _local(client: httpx.AsyncClient) -> object:
    """The client's end of its one connection."""
    (connection,) = client._transport._pool.connections  # type: ignore[attr-defined]
    return connection._connection._network_stream.get_extra_info("client_addr")


async def test_a_reload_with_another_certificate_serves_new_connections_with_it(tmp_path: Path) -> None:
    port = free_port()
    for name in ("server.pem", "server.key"):
        shutil.copy(CERTIFICATES / name, tmp_path / f"other-{name}")
    other = f"tls {tmp_path}/other-server.pem {tmp_path}/other-server.key"
    async with serving(tmp_path, _block(port), port=port) as server:
        async with _client(port) as client:
            await _ask(client)
        await server.reload(_block(port, tls=other))
        async with _client(port) as client:
            assert addresses(await _ask(client)) == ["192.0.2.1"]


async def test_several_workers_serve_one_port(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port, "multisocket 2"), port=port) as server:
        assert len(await server.workers()) == 2
        for _ in range(10):
            async with _client(port) as client:
                assert addresses(await _ask(client)) == ["192.0.2.1"]


async def test_without_a_certificate_every_connection_fails_and_the_log_says_so(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port, tls=""), port=port) as server:
        await until(lambda: _listens(port))
        async with _client(port, retries=0) as client:
            with pytest.raises(httpx.ConnectError) as failed:
                await _ask(client)
        assert "refused" not in str(failed.value)
        await server.says(f"https://{HOST}:{port} has no tls directive")
        await server.says(f"https://.:{port} on {HOST}")


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except ConnectionRefusedError:
        return False
    writer.transport.abort()
    return True


async def _output(*command: str) -> str:
    """What a program says, which has to be installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    async with asyncio.timeout(20):
        return (await process.communicate())[0].decode()


@pytest.mark.parametrize("method", ["+https", "+https-get"])
async def test_kdig_is_answered(tmp_path: Path, method: str) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port), port=port), _client(port) as client:
        await _ask(client)
        options = ("+https", method) if method != "+https" else (method,)
        said = await _output("kdig", *options, f"+tls-ca={AUTHORITY}", "+padding", "-p", str(port), f"@{HOST}", NAME)
        assert "192.0.2.1" in said, said
        assert "PADDING" in said.upper(), said


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_curl_finds_hosts_by_it(tmp_path: Path, version: str) -> None:
    port, http = free_port(), free_port()
    text = _block(port, f"health {HOST}:{http}")
    async with serving(tmp_path, text, port=port, http=http), _client(port) as client:
        await _ask(client)
        url = f"https://{HOST}:{port}/dns-query"
        command = ("curl", "-sS", version, "--max-time", "15", "--cacert", str(AUTHORITY), "--doh-url", url)
        assert await _output(*command, f"http://web.example.org:{http}/health") == "OK"


@pytest.mark.parametrize("uvloop", [True, False])
async def test_dnsperf_loses_nothing(tmp_path: Path, uvloop: bool) -> None:
    port = free_port()
    modules = () if uvloop else (without_uvloop(tmp_path),)
    queries = tmp_path / "queries"
    queries.write_text(f"{NAME} A\nweb.example.org A\n" * 500)
    async with serving(tmp_path, _block(port), port=port, modules=modules), _client(port) as client:
        await _ask(client)
        uri = f"doh-uri=https://{HOST}:{port}/dns-query"
        command = ("dnsperf", "-m", "doh", "-O", uri, "-s", HOST, "-p", str(port), "-d", str(queries), "-n", "1")
        said = await _output(*command, "-l", "10", "-c", "4", "-q", "100")
        assert "Queries completed:    1000 (100.00%)" in said, said


def _settings(text: str) -> ListenSettings:
    part = World().part(f"https://. {{\n {text}\n}}")
    assert isinstance(part, Https)
    return part.listen(ListenSettings())


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("https", 200),
        ("https {\n }", 200),
        ("https {\n max_connections 7\n }", 7),
        ("https {\n max_connections 0\n }", 0),
    ],
)
def test_connections_have_a_limit(text: str, limit: int) -> None:
    assert _settings(text).https_connections == limit
    assert _settings(text).max_connections == ListenSettings().max_connections


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https 5", "https takes no"),
        ("https {\n max_connections\n }", "max_connections"),
        ("https {\n max_connections -1\n }", "-1"),
        ("https {\n max_connections many\n }", "many"),
        ("https {\n max_connections 1 2\n }", "max_connections"),
        ("https {\n max_connections 1\n max_connections 2\n }", "max_connections"),
        ("https {\n path /other\n }", "no option path"),
        ("https\n https", "https"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigErrors, match=said):
        World().build(f"https://. {{\n {text}\n}}")


def test_a_limit_where_nothing_is_limited_has_a_warning() -> None:
    world = World()
    world.build(".:5353 {\n https {\n max_connections 1\n }\n}")
    assert "limits nothing" in world.lines[0]
