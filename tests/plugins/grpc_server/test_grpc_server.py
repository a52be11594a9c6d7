"""grpc_server: the options, and DNS over gRPC as the client of the gRPC project sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.errors import ConfigErrors
from resolver.plugins.grpc_server import GrpcServer
from resolver.wire.grpc import FRAME, PATH, read_packet, write_packet
from resolver.wire.message import Message, scan
from tests.plugins.chains import World
from tests.runtime.clients import HOST, addresses, figures, question, total
from tests.runtime.serving import free_port, serving

grpc = pytest.importorskip("grpc", reason="the package grpcio is not installed: no client of gRPC to ask with")

CERTIFICATES = Path(__file__).parents[2] / "parity" / "certs"
TLS = f"tls {CERTIFICATES}/server.pem {CERTIFICATES}/server.key"
NAME = "www.example.org"


def _block(port: int, *lines: str, tls: str = "") -> str:
    hosts = f"hosts {{\n 192.0.2.1 {NAME}\n 127.0.0.1 web.example.org\n ttl 77\n }}"
    return "\n".join([f"grpc://.:{port} {{", f"bind {HOST}", tls, hosts, *lines, "}", ""])


@asynccontextmanager
async def _channel(port: int, *, encrypted: bool = False) -> AsyncIterator[Any]:
    target = f"{HOST}:{port}"
    own = [("grpc.use_local_subchannel_pool", 1)]  # else channels to one address share a connection
    if encrypted:
        trusted = grpc.ssl_channel_credentials((CERTIFICATES / "ca.pem").read_bytes())
        channel = grpc.aio.secure_channel(target, trusted, own)
    else:
        channel = grpc.aio.insecure_channel(target, own)
    async with channel:
        yield channel


async def _call(channel: Any, octets: bytes, path: str = PATH) -> bytes:
    """The answer's message. Raises grpc.RpcError."""
    call = channel.unary_unary(
        path, request_serializer=lambda message: write_packet(message)[FRAME:], response_deserializer=read_packet
    )
    answer: bytes = await call(octets, timeout=10)
    return answer


async def _ask(channel: Any, name: str = NAME) -> Message:
    return scan(await _call(channel, question(name)))


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "tls"])
async def test_calls_are_answered_with_and_without_tls(tmp_path: Path, encrypted: bool) -> None:
    port = free_port()
    corefile = _block(port, tls=TLS if encrypted else "")
    async with serving(tmp_path, corefile, port=port), _channel(port, encrypted=encrypted) as channel:
        for _ in range(3):
            assert addresses(await _ask(channel)) == ["192.0.2.1"]
        assert addresses(await _ask(channel, "web.example.org")) == ["127.0.0.1"]


async def test_a_client_without_encryption_gets_nothing_from_an_encrypted_block(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port, tls=TLS), port=port), _channel(port) as channel:
        with pytest.raises(grpc.RpcError) as failed:
            await _ask(channel)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_what_cannot_be_answered_ends_with_a_code_that_says_why_and_the_connection_goes_on(
    tmp_path: Path,
) -> None:
    wrong = [
        (b"short", PATH, grpc.StatusCode.INVALID_ARGUMENT),
        (b"\0\1\x80" + bytes(9), PATH, grpc.StatusCode.INVALID_ARGUMENT),
        (bytes(65_536), PATH, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (question(NAME), "/coredns.dns.DnsService/Other", grpc.StatusCode.UNIMPLEMENTED),
    ]
    port, http = free_port(), free_port()
    corefile = _block(port, f"prometheus {HOST}:{http}")
    async with serving(tmp_path, corefile, port=port), _channel(port) as channel:
        for octets, path, code in wrong:
            with pytest.raises(grpc.RpcError) as failed:
                await _call(channel, octets, path)
            assert failed.value.code() is code
            assert addresses(await _ask(channel)) == ["192.0.2.1"]
        series = await figures(http)
        assert total(series, "coredns_dns_grpc_responses_total", 'code="0"') == 4
        assert total(series, "coredns_dns_grpc_responses_total", 'code="3"') == 2
        assert total(series, "coredns_dns_stream_accepted_total", 'proto="grpc"') == 1
        assert total(series, "coredns_dns_requests_total", 'proto="tcp"') == 4


async def test_compressed_messages_are_refused(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, _block(port), port=port), _channel(port) as channel:
        call = channel.unary_unary(PATH, request_serializer=lambda message: write_packet(message)[FRAME:])
        with pytest.raises(grpc.RpcError) as failed:
            await call(question("a" * 60 + "." + "a" * 60), timeout=10, compression=grpc.Compression.Gzip)
        assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_connection_too_many_takes_the_place_of_the_idlest(tmp_path: Path) -> None:
    port = free_port()
    corefile = _block(port, "grpc_server {\n max_connections 2\n max_streams 5\n }")
    async with serving(tmp_path, corefile, port=port), AsyncExitStack() as stack:
        for _ in range(4):
            channel = await stack.enter_async_context(_channel(port))
            assert addresses(await _ask(channel)) == ["192.0.2.1"]


def test_options_set_the_limits_of_listeners() -> None:
    part = World().part("grpc://. {\n grpc_server {\n max_streams 7\n max_connections 0\n }\n}")
    assert isinstance(part, GrpcServer)
    settings = part.listen(ListenSettings())
    assert (settings.grpc_streams, settings.grpc_connections) == (7, 0)


@pytest.mark.parametrize("text", ["grpc_server 5", "grpc_server {\n max_streams -1\n }", "grpc_server {\n max 1\n }"])
def test_mistakes_are_refused(text: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f"grpc://. {{\n {text}\n}}")


def test_where_it_limits_nothing_the_log_says_so() -> None:
    world = World()
    world.build(". {\n grpc_server\n}")
    assert any("limits nothing here" in line for line in world.lines)
