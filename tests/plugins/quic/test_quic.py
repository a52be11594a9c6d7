"""quic: the options, and DNS over QUIC as operators run it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.quic import Quic
from tests.plugins.chains import World
from tests.runtime.clients import HOST, question
from tests.runtime.serving import free_port, serving
from tests.support.certificates import make_pair
from tests.support.quic_clients import CERTIFICATES, configuration, peer

FILES = f"{CERTIFICATES}/server.pem {CERTIFICATES}/server.key"
QUERY = question("www.example.org", message_id=0)


def _block(port: int, *lines: str, address: str = "192.0.2.1", tls: str = f"tls {FILES}") -> str:
    hosts = f"hosts {{\n {address} www.example.org\n}}"
    return "\n".join([f"quic://.:{port} {{", f"bind {HOST}", tls, hosts, *lines, "}", ""])


def _options(*lines: str) -> ListenSettings:
    part = World().part("\n".join(["quic://. {", "quic {", *lines, "}", "}"]))
    assert isinstance(part, Quic)
    return part.listen(ListenSettings())


def test_without_options_the_limits_are_those_of_the_listener() -> None:
    settings = _options()
    assert (settings.quic_streams, settings.quic_workers, settings.quic_connections) == (256, 512, 200)


def test_each_limit_can_be_set() -> None:
    settings = _options("max_streams 5", "worker_pool_size 6", "max_connections 0")
    assert (settings.quic_streams, settings.quic_workers, settings.quic_connections) == (5, 6, 0)


@pytest.mark.parametrize(
    "line", ["max_streams 0", "max_streams", "max_streams x", "worker_pool_size 0", "max_connections -1", "streams 5"]
)
def test_what_is_no_limit_is_refused(line: str) -> None:
    with pytest.raises((ConfigError, ConfigErrors)):
        _options(line)


def test_certificates_of_clients_are_refused_where_they_cannot_be_checked() -> None:
    text = f"quic://. {{\n tls {FILES} {{\n client_auth require_and_verify\n }}\n}}"
    with pytest.raises((ConfigError, ConfigErrors), match="cannot be checked on quic://"):
        World().part(text)


@pytest.mark.skipif(shutil.which("kdig") is None, reason="needs kdig (Debian: knot-dnsutils)")
async def test_kdig_is_answered(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port), port=port):
        asked = ["kdig", "+short", "+tls-ca=" + str(CERTIFICATES / "ca.pem"), "+tls-hostname=dns.test", "+quic"]
        done = await asyncio.to_thread(
            subprocess.run,
            [*asked, f"@{HOST}", "-p", str(port), "www.example.org"],
            capture_output=True,
            text=True,
            timeout=15,
            check=True,
        )
        assert done.stdout.strip() == "192.0.2.1"


async def test_a_connection_stays_open_over_a_reload_and_follows_it(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port), port=port) as server, peer(port) as client:
        assert (await client.ask(QUERY))[-4:] == bytes([192, 0, 2, 1])
        await server.reload(_block(port, address="192.0.2.2"))
        assert (await client.ask(QUERY))[-4:] == bytes([192, 0, 2, 2])


async def test_another_certificate_after_a_reload_is_for_new_connections(tmp_path: Path) -> None:
    port = free_port()
    certificate, key = make_pair()
    (tmp_path / "own.pem").write_bytes(certificate)
    (tmp_path / "own.key").write_bytes(key)
    async with serving(tmp_path, _block(port), port=port) as server, peer(port) as client:
        await client.ask(QUERY)
        await server.reload(_block(port, tls=f"tls {tmp_path}/own.pem {tmp_path}/own.key"))
        assert (await client.ask(QUERY))[-4:] == bytes([192, 0, 2, 1])
        async with peer(port, settings=configuration(authority=tmp_path / "own.pem")) as other:
            assert (await other.ask(QUERY))[-4:] == bytes([192, 0, 2, 1])


async def test_several_workers_share_a_port(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port), "--workers", "2", port=port):
        for _ in range(6):
            async with peer(port) as client:
                for _ in range(3):
                    assert (await client.ask(QUERY))[-4:] == bytes([192, 0, 2, 1])


@pytest.mark.parametrize("scheme", ["quic", "https3"])
async def test_one_server_forwards_to_another(tmp_path: Path, scheme: str) -> None:
    behind, port = free_port(), free_port()
    (tmp_path / "behind").mkdir()
    (tmp_path / "front").mkdir()
    forward = f"forward . {scheme}://{HOST}:{behind} {{\n tls {CERTIFICATES}/ca.pem\n tls_servername dns.test\n}}"
    text = _block(behind).replace("quic://", f"{scheme}://")
    front = f"quic://.:{port} {{\nbind {HOST}\ntls {FILES}\n{forward}\n}}\n"
    one, two = serving(tmp_path / "behind", text, port=behind), serving(tmp_path / "front", front, port=port)
    async with one, two, peer(port) as client:
        assert (await client.ask(QUERY))[-4:] == bytes([192, 0, 2, 1])


async def test_a_zone_is_transferred_on_one_stream(tmp_path: Path) -> None:
    port = free_port()
    names = "\n".join(f"n{number} A 192.0.2.1" for number in range(5000))
    (tmp_path / "zone").write_text(
        f"$ORIGIN z.example.\n@ 60 SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A 192.0.2.9\n{names}\n"
    )
    text = f"quic://z.example:{port} {{\nbind {HOST}\ntls {FILES}\nfile {tmp_path}/zone\ntransfer {{\nto *\n}}\n}}\n"
    async with serving(tmp_path, text, port=port), peer(port) as client:
        octets = await client.answer(client.send(_framed(question("z.example", "AXFR", 0))))
        messages = []
        while octets:
            length = int.from_bytes(octets[:2], "big")
            messages.append(octets[2 : 2 + length])
            octets = octets[2 + length :]
        assert len(messages) > 1
        assert sum(int.from_bytes(message[6:8], "big") for message in messages) == 5000 + 4


def _framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet
