"""Which queries are traced, what their traces hold, and that collectors may fail."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from resolver.chain.capabilities import Exchange
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Block
from resolver.errors import ConfigErrors
from resolver.plugins.trace import Trace
from resolver.plugins.trace import handler as module
from resolver.plugins.trace.settings import Settings
from resolver.telemetry.spans import Span
from tests.plugins.chains import World, question, until
from tests.runtime.clients import stub
from tests.runtime.serving import block, free_port, serving
from tests.runtime.serving import until as until_served
from tests.support.upstreams import Upstream, answers

ASKED = question("www.example.org", transport="udp", client=("192.0.2.1", 4000))


class Collector:
    """An HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str, bytes]] = []
        self.status = 202
        self.pause = threading.Event()
        self.pause.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.pause.wait(10)
                outer.bodies.append((self.path, self.headers["content-type"], body))
                self.send_response(outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def spans(self) -> list[dict[str, Any]]:
        """What came for Zipkin."""
        return [span for path, _, body in self.bodies if path == "/api/v2/spans" for span in json.loads(body)]

    def close(self) -> None:
        self.pause.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


class Traced:
    """A chain whose spans are kept instead of sent."""

    def __init__(self, options: str = "", rest: str = "errors\n whoami") -> None:
        self.world = World()
        self.block: Block = self.world.build(f". {{\n trace otlp {{\n {options}\n }}\n {rest}\n}}")
        self.plugin: Trace = self.block.parts[0]  # type: ignore[assignment]
        self.spans: list[Span] = []
        self.plugin._put = self.spans.append  # type: ignore[method-assign, assignment]

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]


async def test_each_plugin_has_a_span_within_the_one_before() -> None:
    traced = Traced()
    reply = await traced.block.resolve(ASKED)
    assert reply.source == "whoami"
    assert traced.names == ["whoami", "errors", "servedns"]
    whoami, errors, root = traced.spans
    assert (whoami.parent, errors.parent, root.parent) == (errors.id, root.id, b"")
    assert {span.trace for span in traced.spans} == {root.trace}
    assert root.began <= errors.began <= whoami.began <= whoami.ended <= errors.ended <= root.ended
    assert root.tags == {
        "coredns.io/name": "www.example.org.",
        "coredns.io/type": "A",
        "coredns.io/proto": "udp",
        "coredns.io/remote": "192.0.2.1",
        "coredns.io/rcode": "NOERROR",
    }


async def test_every_so_many_is_traced() -> None:
    traced = Traced("every 3")
    for _ in range(7):
        await traced.block.resolve(ASKED)
    assert traced.names.count("servedns") == 2
    none = Traced("every 0")
    await none.block.resolve(ASKED)
    assert none.spans == []


async def test_the_id_is_known_to_others() -> None:
    traced = Traced(rest='log . "{/trace/traceid}"\n whoami')
    await traced.block.resolve(ASKED)
    assert f"[INFO] {traced.spans[0].trace.hex()}" in traced.world.lines
    assert ASKED.metadata is None


async def test_failures_are_in_the_spans() -> None:
    traced = Traced(rest="whoami")

    async def broken(query: Query) -> Reply:
        raise ValueError("broken")

    traced.plugin.__dict__["_traced"] = broken
    with pytest.raises(ValueError, match="broken"):
        await traced.plugin.resolve(ASKED, traced.block.resolve)
    assert (traced.spans[0].error, traced.spans[0].tags["coredns.io/rcode"]) == ("broken", "SERVFAIL")
    assert traced.plugin._journeys == {}


async def test_questions_of_the_server_itself_belong_to_the_trace() -> None:
    traced = Traced(rest="whoami")

    async def asks(query: Query) -> Reply:
        return await traced.plugin.resolve(query.derive(depth=1), traced.block.resolve)

    inner = traced.plugin._traced
    traced.plugin.__dict__["_traced"] = asks
    traced.plugin.__dict__["_traced"] = lambda query: inner(query) if query.depth else asks(query)
    await traced.plugin.resolve(ASKED, traced.block.resolve)
    assert traced.names == ["whoami", "servedns"]
    await traced.plugin.resolve(ASKED.derive(depth=1), inner)
    assert len(traced.spans) == 2


async def test_exchanges_are_told_only_within_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = Traced(rest="whoami")
    exchange = Exchange(("192.0.2.9", 53), "tcp", traced.world.host.clock(), b"question", b"")

    async def asks(query: Query) -> Reply:
        for _ in range(5):
            traced.plugin.exchanged(query, exchange)
        return failure(query, "")

    traced.plugin.exchanged(ASKED, exchange)
    traced.plugin.__dict__["_traced"] = asks
    monkeypatch.setattr(module, "MOST_SPANS", 3)
    await traced.plugin.resolve(ASKED, traced.block.resolve)
    assert traced.names == ["connect", "connect", "servedns"]
    span = traced.spans[0]
    assert (span.tags["peer.address"], span.error, span.parent) == ("192.0.2.9:53", "no answer", traced.spans[2].id)


async def test_replays_take_their_turn() -> None:
    traced = Traced("every 2")

    async def replayable(query: Query) -> Reply:
        reply = failure(query, "", 3)
        reply.replay = Replay(1e9)
        return reply

    leave = (await traced.plugin.resolve(ASKED, replayable)).replay
    assert leave is not None
    for _ in range(4):
        for observe in leave.observers:
            observe(ASKED.wire(7), ("192.0.2.7", 7), ("127.0.0.1", 53), "tcp", b"\0\0\x80\x03")
    assert traced.names == ["servedns", "servedns"]
    assert traced.spans[0].tags["coredns.io/replayed"] == "true"
    assert traced.spans[0].tags["coredns.io/rcode"] == "NXDOMAIN"
    untraced = (await Traced("every 0").plugin.resolve(ASKED, replayable)).replay
    assert untraced is not None
    assert untraced.observers == ()


# --- sending


async def started(collector: Collector, text: str, options: str = "") -> tuple[World, Trace, Block]:
    world = World()
    options = f"zipkin_max_batch_interval 20ms\n {options}"
    built = world.build(f". {{\n trace {text.replace('PLACE', collector.place)} {{\n {options}\n }}\n whoami\n}}")
    plugin: Trace = built.parts[0]  # type: ignore[assignment]
    await plugin.start()
    return world, plugin, built


async def test_zipkin_gets_json(collector: Collector) -> None:
    world, plugin, built = await started(collector, "PLACE", "service mine")
    await built.resolve(ASKED)
    await until(lambda: len(collector.spans) == 2)
    assert collector.bodies[0][:2] == ("/api/v2/spans", "application/json")
    assert collector.spans[0]["localEndpoint"] == {"serviceName": "mine"}
    await until(lambda: world.metric("coredns_trace_spans_total", plugin.settings.url) == 2)
    await plugin.stop()


async def test_opentelemetry_gets_protocol_buffers(collector: Collector) -> None:
    _, plugin, built = await started(collector, "otlp PLACE")
    await built.resolve(ASKED)
    await plugin.stop()
    (path, kind, body) = collector.bodies[0]
    assert (path, kind) == ("/v1/traces", "application/x-protobuf")
    spans = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    assert [span.name for span in spans] == ["whoami", "servedns"]


async def test_spans_are_sent_in_batches(collector: Collector) -> None:
    _, plugin, built = await started(collector, "PLACE", "zipkin_max_batch_size 10")
    for _ in range(50):
        await built.resolve(ASKED)
    await until(lambda: len(collector.spans) == 100)
    assert max(len(json.loads(body)) for _, _, body in collector.bodies) == 10
    await plugin.stop()


async def test_a_collector_that_refuses_costs_spans_and_is_named_once(collector: Collector) -> None:
    collector.status = 500
    world, plugin, built = await started(collector, "PLACE")
    for number in range(1, 4):
        await built.resolve(ASKED)
        await until(lambda number=number: len(collector.bodies) >= number)  # type: ignore[misc]
    await until(lambda: world.metric("coredns_trace_dropped_total", plugin.settings.url) == 6)
    collector.status = 200
    await built.resolve(ASKED)
    await until(lambda: any("takes spans" in line for line in world.lines))
    assert sum("spans are lost" in line for line in world.lines) == 1
    await plugin.stop()


async def test_a_collector_that_hangs_holds_nobody_up(collector: Collector) -> None:
    world, plugin, built = await started(collector, "PLACE", "zipkin_max_backlog_size 10")
    collector.pause.clear()
    for _ in range(100):
        await built.resolve(ASKED)
    await until(lambda: world.metric("coredns_trace_dropped_total", plugin.settings.url) >= 80)
    collector.pause.set()
    await plugin.stop()


async def test_nobody_listens(collector: Collector) -> None:
    world, plugin, built = await started(collector, f"127.0.0.1:{free_port()}")
    await built.resolve(ASKED)
    await until(lambda: any("connection refused" in line for line in world.lines))
    await plugin.stop()


async def test_a_whole_server_is_traced(collector: Collector, tmp_path: Path) -> None:
    port, http_port = free_port(), free_port()
    async with Upstream(answers("192.0.2.1")) as upstream:
        trace = f"trace {collector.place} {{\n zipkin_max_batch_interval 20ms\n }}"
        text = block(port, trace, "cache 30", f"forward . {upstream.to}", http=http_port)
        async with serving(tmp_path, text, port=port, http=http_port), stub(port) as client:
            for _ in range(4):
                await client.ask("www.example.org")
            await until_served(lambda: sum(span["name"] == "servedns" for span in collector.spans) == 4)
    names = [span["name"] for span in collector.spans]
    assert names[: names.index("servedns") + 1] == ["connect", "forward", "cache", "errors", "prometheus", "servedns"]
    connect = next(span for span in collector.spans if span["name"] == "connect")
    assert connect["tags"]["peer.address"] == upstream.to
    assert sum("coredns.io/replayed" in span["tags"] for span in collector.spans) >= 2


# --- what may be written


def settings(text: str) -> Settings:
    made: Settings = World().part(f". {{\n trace {text}\n}}").settings
    return made


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        ("", "zipkin", "http://localhost:9411/api/v2/spans"),
        ("zipkin", "zipkin", "http://localhost:9411/api/v2/spans"),
        ("otlp", "otlp", "http://localhost:4318/v1/traces"),
        ("OTLP collector", "otlp", "http://collector:4318/v1/traces"),
        ("tracing:9253", "zipkin", "http://tracing:9253/api/v2/spans"),
        ("zipkin [::1]:9253", "zipkin", "http://[::1]:9253/api/v2/spans"),
        ("http://tracing:9411/zipkin/api/v2/spans", "zipkin", "http://tracing:9411/zipkin/api/v2/spans"),
        ("otlp https://otel.example.net", "otlp", "https://otel.example.net/v1/traces"),
        ("otlp https://otel.example.net/x?key=1", "otlp", "https://otel.example.net/x?key=1"),
    ],
)
def test_endpoints(text: str, kind: str, url: str) -> None:
    found = settings(text)
    assert (found.kind, found.url) == (kind, url)


def test_options() -> None:
    plain = settings("")
    assert (plain.every, plain.service, plain.backlog, plain.batch, plain.interval) == (1, "coredns", 1000, 100, 1.0)
    found = settings(
        "{\n every 7\n service dns\n client_server false\n zipkin_max_backlog_size 5\n zipkin_max_batch_size 6\n"
        " zipkin_max_batch_interval 2s\n}"
    )
    assert (found.every, found.service, found.backlog, found.batch, found.interval) == (7, "dns", 5, 6, 2.0)
    assert not found.client_server


async def test_client_server_is_said_to_do_nothing(collector: Collector) -> None:
    world, plugin, _ = await started(collector, "PLACE", "client_server")
    assert any("client_server has no effect" in line for line in world.lines)
    await plugin.stop()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("datadog localhost:8126", "trace otlp localhost:4318"),
        ("datadog", "is not supported"),
        ("{\n datadog_analytics_rate 1\n}", "is not supported"),
        ("jaeger h:1", "not known here"),
        ("a b c", "at most 2"),
        ("h:port", "is not an address"),
        ("http://u:p@h", "is not an address"),
        ("{\n every -1\n}", "out of range"),
        ("{\n every\n}", "needs 1 argument"),
        ("{\n client_server maybe\n}", "not known here"),
        ("{\n zipkin_max_batch_size 0\n}", "out of range"),
        ("{\n zipkin_max_batch_interval 5\n}", "not a duration"),
        ("{\n nonsense\n}", "no option nonsense"),
    ],
)
def test_mistakes_are_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigErrors, match=complaint):
        settings(text)
