"""https3: the options, and DNS over HTTP/3 as operators run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.https3 import Https3
from tests.plugins.chains import World
from tests.runtime.clients import HOST, question
from tests.runtime.serving import free_port, serving
from tests.support.quic_clients import CERTIFICATES, web_peer

FILES = f"{CERTIFICATES}/server.pem {CERTIFICATES}/server.key"
QUERY = question("www.example.org", message_id=0)
MESSAGE = (b"content-type", b"application/dns-message")


def _options(*lines: str) -> ListenSettings:
    part = World().part("\n".join(["https3://. {", "https3 {", *lines, "}", "}"]))
    assert isinstance(part, Https3)
    return part.listen(ListenSettings())


def test_the_limits_and_what_stands_for_none() -> None:
    assert (_options().https3_streams, _options().https3_connections) == (256, 200)
    settings = _options("max_streams 0", "max_connections 0")
    assert (settings.https3_streams, settings.https3_connections) == (100, 0)
    assert _options("max_streams 7").https3_streams == 7


@pytest.mark.parametrize("line", ["max_streams -1", "max_connections", "max_connections x", "worker_pool_size 5"])
def test_what_is_no_limit_is_refused(line: str) -> None:
    with pytest.raises((ConfigError, ConfigErrors)):
        _options(line)


async def test_queries_and_their_repeats_are_answered(tmp_path: Path) -> None:
    port = free_port()
    text = f"https3://.:{port} {{\nbind {HOST}\ntls {FILES}\nhosts {{\n192.0.2.1 www.example.org\nttl 77\n}}\n}}\n"
    async with serving(tmp_path, text, port=port), web_peer(port) as client:
        for _ in range(3):
            status, headers, body = await client.response(client.request("POST", b"/dns-query", QUERY, MESSAGE))
            assert (status, body[-4:]) == (200, bytes([192, 0, 2, 1]))
            assert headers[b"cache-control"] == b"max-age=77"
