"""Requests over HTTP: endpoints that fail, tokens, limits and certificates."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from resolver.plugins.etcd import gateway as module
from resolver.plugins.etcd.gateway import EtcdError, Gateway
from resolver.plugins.etcd.settings import Settings
from resolver.upstream.tls import read_files
from tests.runtime.serving import free_port
from tests.support.upstreams import CERTIFICATES

Script = Callable[["Asked"], bytes | str | dict[str, Any]]


class Asked:
    """A request as it came."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode().split("\r\n")
        self.path = first.split()[1]
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        self.body = json.loads(body)


class Fake:
    """An HTTP server: ``script`` gives octets of a whole answer, or an object that is one."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.url = ""
        self.talks: list[asyncio.Task[None]] = []

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.append(asyncio.get_running_loop().create_task(self.converse(reader, writer)))

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                asked = Asked(head[:-4], await reader.readexactly(length))
                self.asked.append(asked)
                writer.write(answer(self.script(asked)))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.transport.abort()


def answer(found: bytes | str | dict[str, Any], status: str = "200 OK") -> bytes:
    if isinstance(found, bytes):
        return found
    body = found if isinstance(found, str) else json.dumps(found)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@asynccontextmanager
async def fake(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Fake]:
    made = Fake(script)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0, ssl=tls)
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for talk in made.talks:
            talk.cancel()
        if made.talks:
            await asyncio.wait(made.talks)


@asynccontextmanager
async def speaking(*endpoints: str, **more: Any) -> AsyncIterator[Gateway]:
    gateway = Gateway(Settings((), endpoints=endpoints, **more))
    try:
        yield gateway
    finally:
        await gateway.close()


async def test_the_next_endpoint_is_asked_where_one_fails() -> None:
    async with fake(lambda _: {"kvs": []}) as good, fake(lambda _: answer("x", "503 Oops")) as bad:
        closed = f"http://127.0.0.1:{free_port()}"
        async with speaking(closed, bad.url, good.url) as gateway:
            assert await gateway.ask("/v3/kv/range", {"key": "YQ=="}) == {"kvs": []}
            assert gateway.endpoint == good.url
            await gateway.ask("/v3/kv/range", {"key": "YQ=="})
        assert (len(bad.asked), len(good.asked)) == (1, 2)
        assert (good.asked[0].path, good.asked[0].body) == ("/v3/kv/range", {"key": "YQ=="})


async def test_when_all_fail_the_last_reason_is_said() -> None:
    async with speaking(f"http://127.0.0.1:{free_port()}") as gateway:
        with pytest.raises(EtcdError, match="connect"):
            await gateway.ask("/v3/kv/range", {})
    reason = {"error": "etcdserver: mvcc: required revision has been compacted", "code": 11}
    async with fake(lambda _: answer(json.dumps(reason), "400 Bad Request")) as etcd, speaking(etcd.url) as gateway:
        with pytest.raises(EtcdError, match="compacted") as failed:
            await gateway.ask("/v3/kv/range", {})
        assert failed.value.compacted


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "7", "[" * 100_000])
async def test_who_is_not_etcd_is_told_from_it(body: str) -> None:
    async with fake(lambda _: body) as other, speaking(other.url) as gateway:
        with pytest.raises(EtcdError, match="does not answer as etcd does"):
            await gateway.ask("/v3/kv/range", {})


async def test_answers_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER", 1000)
    async with fake(lambda _: {"x": "y" * 2000}) as etcd, speaking(etcd.url) as gateway:
        with pytest.raises(EtcdError, match="longer than"):
            await gateway.ask("/v3/kv/range", {})


async def test_silence_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER", 0.05)
    async with fake(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n") as etcd, speaking(etcd.url) as gateway:
        with pytest.raises(EtcdError, match="in time"):
            await gateway.ask("/v3/kv/range", {})


async def test_a_token_is_fetched_and_renewed() -> None:
    tokens = iter(("first", "second"))
    valid = {"first"}

    def script(asked: Asked) -> bytes | dict[str, Any]:
        if asked.path == "/v3/auth/authenticate":
            assert asked.body == {"name": "user", "password": "secret"}
            return {"token": next(tokens)}
        if asked.headers.get("authorization") not in valid:
            return answer('{"error":"etcdserver: invalid auth token","code":16}', "401 Unauthorized")
        return {"kvs": []}

    async with fake(script) as etcd, speaking(etcd.url, credentials=("user", "secret")) as gateway:
        assert await gateway.ask("/v3/kv/range", {}) == {"kvs": []}
        valid = {"second"}
        assert await gateway.ask("/v3/kv/range", {}) == {"kvs": []}
        valid = set()
        with pytest.raises(EtcdError):
            await gateway.ask("/v3/kv/range", {})


def chunked(*lines: object) -> bytes:
    chunks = [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines]
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


async def test_changes_come_line_by_line_however_they_are_cut() -> None:
    text = json.dumps({"result": {"events": [1]}}).encode() + b"\n"
    stream = chunked({"result": {"created": True}}, text[:5], text[5:], text + text)
    async with fake(lambda _: stream) as etcd, speaking(etcd.url) as gateway:
        assert [one async for one in gateway.watch({"create_request": {}})] == [
            {"created": True}, {"events": [1]}, {"events": [1]}, {"events": [1]},
        ]  # fmt: skip
        assert etcd.asked[0].headers["grpc-metadata-hasleader"] == "true"


@pytest.mark.parametrize(
    ("line", "compacted"),
    [
        ({"result": {"canceled": True, "compact_revision": "7"}}, True),
        ({"result": {"canceled": True, "cancel_reason": "no leader"}}, False),
        ({"error": {"message": "etcdserver: no leader"}}, False),
        ({"error": "etcdserver: no leader"}, False),
        ({"result": 7}, False),
        ({"result": {"compact_revision": "x"}}, True),
        (b"nonsense\n", False),
    ],
)
async def test_a_watch_that_etcd_ends(line: object, compacted: bool) -> None:
    async with fake(lambda _: chunked(line)) as etcd, speaking(etcd.url) as gateway:
        with pytest.raises(EtcdError) as failed:
            _ = [one async for one in gateway.watch({})]
        assert failed.value.compacted is compacted


async def test_a_batch_of_changes_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE", 1000)
    async with fake(lambda _: chunked(b"x" * 2000)) as etcd, speaking(etcd.url) as gateway:
        with pytest.raises(EtcdError, match="batch of changes"):
            _ = [one async for one in gateway.watch({})]


async def test_certificates_are_verified() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    trusted = read_files(None, None, CERTIFICATES / "ca.pem")
    async with fake(lambda _: {"kvs": []}, context) as etcd:
        async with speaking(etcd.url) as gateway:
            with pytest.raises(EtcdError, match="certificate"):
                await gateway.ask("/v3/kv/range", {})
        async with speaking(etcd.url, tls=trusted) as gateway:
            assert await gateway.ask("/v3/kv/range", {}) == {"kvs": []}


async def test_a_certificate_is_shown_to_who_asks_for_it() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    context.load_verify_locations(CERTIFICATES / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    shown = read_files(CERTIFICATES / "server.pem", CERTIFICATES / "server.key", CERTIFICATES / "ca.pem")
    anonymous = read_files(None, None, CERTIFICATES / "ca.pem")
    async with fake(lambda _: {"kvs": []}, context) as etcd:
        async with speaking(etcd.url, tls=anonymous) as gateway:
            with pytest.raises(EtcdError):
                await gateway.ask("/v3/kv/range", {})
        async with speaking(etcd.url, tls=shown) as gateway:
            assert await gateway.ask("/v3/kv/range", {}) == {"kvs": []}
