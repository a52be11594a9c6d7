"""Lines for collectors of dnstap and of OpenTelemetry, over real sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from resolver.plugins.audit import outlet
from resolver.plugins.audit.tap import TapSink
from tests.plugins.audit.scribe import scribe
from tests.plugins.chains import World, nobody, question, until
from tests.plugins.dnstap.collector import CLIENT_RESPONSE, Collector

logs = pytest.importorskip("opentelemetry.proto.collector.logs.v1.logs_service_pb2", reason="needs opentelemetry-proto")
LOST, WRITTEN = "coredns_audit_dropped_total", "coredns_audit_lines_total"


# --- dnstap


@pytest.fixture
async def collector(tmp_path: Path) -> AsyncIterator[Collector]:
    found = Collector()
    await found.listen(str(tmp_path / "tap"))
    yield found
    await found.close()


async def test_a_line_is_in_a_message_of_its_own(tmp_path: Path, collector: Collector) -> None:
    async with scribe(tmp_path, f"dnstap {tmp_path}/tap") as audit:
        for name in ("a.example.", "b.example."):
            await audit.ask(question(name, client=("192.0.2.1", 4000), transport="udp"), nobody)
        await until(lambda: len(collector.payloads) == 2)
        lines = await audit.written()
    assert [json.loads(payload[3]) for payload in collector.payloads] == lines
    assert collector.kinds == [CLIENT_RESPONSE] * 2
    assert collector.messages[0][4] == bytes([192, 0, 2, 1])
    assert collector.controls == [4, 2, 3]  # READY, START, STOP


async def test_hashed_clients_are_not_in_the_message_either(tmp_path: Path, collector: Collector) -> None:
    async with scribe(tmp_path, f"hash client\n dnstap {tmp_path}/tap") as audit:
        await audit.ask(question("a.example.", client=("192.0.2.1", 4000), transport="udp"), nobody)
        await until(lambda: len(collector.payloads) == 1)
    assert 4 not in collector.messages[0]


async def test_a_connection_that_breaks_is_opened_again(tmp_path: Path, collector: Collector) -> None:
    async with scribe(tmp_path, f"dnstap {tmp_path}/tap") as audit:
        await audit.ask(question("a.example."), nobody)
        await until(lambda: len(collector.payloads) == 1)
        collector.hang_up()
        await asyncio.sleep(0)
        await audit.ask(question("b.example."), nobody)
        await until(lambda: len(collector.payloads) == 2)
    assert collector.connections == 2


async def test_a_collector_may_come_later(tmp_path: Path) -> None:
    async with scribe(tmp_path, f"dnstap {tmp_path}/tap") as audit:
        await audit.ask(question("a.example."), nobody)
        await until(lambda: any("lines wait" in line for line in audit.world.lines))
        collector = Collector()
        await collector.listen(str(tmp_path / "tap"))
        await until(lambda: len(collector.payloads) == 1)
        await collector.close()


async def test_what_does_not_take_dnstap_is_told_of(tmp_path: Path, collector: Collector) -> None:
    collector.accepts = (b"other",)
    async with scribe(tmp_path, f"dnstap {tmp_path}/tap") as audit:
        await audit.ask(question("a.example."), nobody)
        await until(lambda: any("it accepts other contents than dnstap" in line for line in audit.world.lines))


async def test_a_collector_is_only_trusted_with_a_certificate(tmp_path: Path) -> None:
    page = Path(__file__).parents[1] / "tls" / "page"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(page / "tls.crt", page / "tls.key")
    collector = Collector()
    port = await collector.listen_with_tls(context)
    sink = TapSink("tls", "", "localhost", port)
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(sink._connect)
    await collector.close()


# --- OpenTelemetry


class Server(HTTPServer):
    """Keeps the records that it gets; ``answers`` are the statuses and bodies of what it says first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, bytes]] = []
        self.bodies: list[dict[str, Any]] = []
        self.severities: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.services: set[str] = set()
        self.hangs_up = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1, over connections that stay."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        request = logs.ExportLogsServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        self.server.headers.append({"path": self.path, **{name.lower(): text for name, text in self.headers.items()}})
        status, body = self.server.answers.pop(0) if self.server.answers else (200, b"")
        for resource in request.resource_logs if status == 200 else ():
            self.server.services |= {pair.value.string_value for pair in resource.resource.attributes}
            for record in resource.scope_logs[0].log_records:
                values = {pair.key: pair.value for pair in record.body.kvlist_value.values}
                self.server.bodies.append({key: value.string_value or value.int_value for key, value in values.items()})
                self.server.severities.append(record.severity_text)
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def lost(world: World, server: Server) -> float:
    return world.metric(LOST, f"otlp {server.url}/v1/logs")


async def test_lines_become_records(tmp_path: Path, server: Server) -> None:
    block = 'header Authorization "Bearer secret"\n service resolver'
    async with scribe(tmp_path, f"otlp {server.url} {{\n {block}\n }}", "acl b.example {\n block\n }") as audit:
        for name in ("a.example.", "b.example."):
            await audit.ask(question(name))
        await until(lambda: len(server.bodies) == 2)
        lines = await audit.written()
    assert [body["name"] for body in server.bodies] == [line["name"] for line in lines]
    assert server.severities == ["INFO", "WARN"]
    head = server.headers[0]
    assert (head["path"], head["authorization"]) == ("/v1/logs", "Bearer secret")
    assert "resolver" in server.services


async def test_a_collector_that_is_busy_is_asked_again(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "FIRST_PAUSE", 0.01)
    server.answers = [(503, b""), (429, b"")]
    async with scribe(tmp_path, f"otlp {server.url}") as audit:
        await audit.ask(question("a.example."), nobody)
        await until(lambda: len(server.bodies) == 1)
        assert lost(audit.world, server) == 0
    assert len(server.headers) == 3


async def test_what_a_collector_cannot_use_is_lost_and_counted(tmp_path: Path, server: Server) -> None:
    server.answers = [(400, b"")]
    async with scribe(tmp_path, f"otlp {server.url}") as audit:
        await audit.ask(question("a.example."), nobody)
        await until(lambda: lost(audit.world, server) == 1)
        await audit.ask(question("b.example."), nobody)
        await until(lambda: len(server.bodies) == 2)
        assert any("status 400" in line for line in audit.world.lines)
    assert [body.get("name", body.get("lost")) for body in server.bodies] == [1, "b.example."]


async def test_what_a_collector_refused_of_a_request_is_counted(tmp_path: Path, server: Server) -> None:
    answer = logs.ExportLogsServiceResponse()
    answer.partial_success.rejected_log_records = 1
    server.answers = [(200, answer.SerializeToString())]
    async with scribe(tmp_path, f"otlp {server.url}") as audit:
        await audit.ask(question("a.example."), nobody)
        await until(lambda: lost(audit.world, server) == 1)


async def test_a_collector_that_hung_up_meanwhile_gets_the_lines_all_the_same(tmp_path: Path, server: Server) -> None:
    server.hangs_up = True
    async with scribe(tmp_path, f"otlp {server.url}") as audit:
        await audit.ask(question("a.example."), nobody)
        await until(lambda: len(server.bodies) == 1)
        await audit.ask(question("b.example."), nobody)
        await until(lambda: len(server.bodies) == 2)
        assert lost(audit.world, server) == 0
        assert not any("lines wait" in line for line in audit.world.lines)
