"""Forwarding to whole servers in processes of their own: this one, and hypercorn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolver.wire.constants import SERVFAIL
from tests.plugins.forward.forwarding import addresses, ask, forwarding
from tests.runtime.serving import free_port, serving
from tests.support.upstreams import CERTIFICATES, Asked, reply

CA = f"tls {CERTIFICATES / 'ca.pem'}"
PAIR = f"{CERTIFICATES / 'server.pem'} {CERTIFICATES / 'server.key'}"


def corefile(scheme: str, port: int, plain: int) -> str:
    answer = '"{{ .Name }} 60 IN A 192.0.2.7"'
    block = f"bind 127.0.0.1\n    template IN A {{\n        answer {answer}\n    }}\n}}\n"
    return f"{scheme}://.:{port} {{\n    tls {PAIR}\n    {block}.:{plain} {{\n    {block}"


@pytest.mark.parametrize(("scheme", "options"), [("tls", ""), ("https", ""), ("https", "doh_method GET")])
async def test_this_very_server_is_an_upstream_that_may_be_restarted(scheme: str, options: str, tmp_path: Path) -> None:
    port, plain = free_port(), free_port()
    text = corefile(scheme, port, plain)
    lines = f"forward . {scheme}://127.0.0.1%dns.test:{port} {{\n{CA}\n{options}\n}}"
    async with forwarding(lines) as forward:
        async with serving(tmp_path, text, port=plain):
            found = await asyncio.gather(*(ask(forward, f"n{number}.example.org") for number in range(300)))
            assert [addresses(reply) for reply in found] == [["192.0.2.7"]] * 300
        assert (await ask(forward)).rcode == SERVFAIL
        async with serving(tmp_path, text, port=plain):
            assert addresses(await ask(forward)) == ["192.0.2.7"]


async def test_hypercorn_is_an_upstream_over_https() -> None:
    async with hypercorn() as port:
        lines = f"forward . https://127.0.0.1%dns.test:{port} {{\n{CA}\n}}"
        async with forwarding(lines) as forward:
            found = await asyncio.gather(*(ask(forward, f"n{number}.example.org") for number in range(300)))
            assert [addresses(reply) for reply in found] == [["192.0.2.1"]] * 300
            assert len(forward.lines[0].upstreams) == 1


@asynccontextmanager
async def hypercorn() -> AsyncIterator[int]:
    """A server of somebody else, with an application of a few lines."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config, port, end = Config(), free_port(), asyncio.Event()
    config.bind = [f"127.0.0.1:{port}"]
    config.certfile, config.keyfile = str(CERTIFICATES / "server.pem"), str(CERTIFICATES / "server.key")
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 0.1
    task = asyncio.create_task(serve(application, config, shutdown_trigger=end.wait))  # type: ignore[arg-type]
    try:
        await asyncio.sleep(0)
        await _listens(port)
        yield port
    finally:
        end.set()
        await asyncio.wait([task], timeout=5)


async def _listens(port: int) -> None:
    for _ in range(500):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    raise AssertionError("hypercorn does not listen")


Receive = Callable[[], Awaitable[dict[str, object]]]
Send = Callable[[dict[str, object]], Awaitable[None]]


async def application(scope: dict[str, object], receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        event = await receive()
        part = event.get("body", b"")
        assert isinstance(part, bytes)
        body += part
        if not event.get("more_body"):
            break
    answer = reply(Asked(body, "https", ("127.0.0.1", 0)), ["192.0.2.1"])
    headers = [(b"content-type", b"application/dns-message")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
