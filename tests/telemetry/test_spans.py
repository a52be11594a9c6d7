"""Spans in the forms that collectors read."""

from __future__ import annotations

import json

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from resolver.telemetry.spans import CLIENT, INTERNAL, SERVER, Service, Span, otlp, zipkin

SERVICE = Service("coredns", "0.1", "node-1")
TRACE, ROOT, CHILD = bytes(range(16)), b"rootroot", b"childchi"
BEGAN = 1_700_000_000_123_456_789


def spans() -> list[Span]:
    return [
        Span(TRACE, ROOT, b"", "servedns", SERVER, BEGAN, BEGAN + 5_000_000, {"coredns.io/name": "www.example.org."}),
        Span(TRACE, CHILD, ROOT, "forward", INTERNAL, BEGAN + 1000, BEGAN + 1200, error="no answer"),
    ]


def test_opentelemetry_reads_them() -> None:
    request = ExportTraceServiceRequest.FromString(otlp(spans(), SERVICE))
    (resource,) = request.resource_spans
    known = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert known == {"service.name": "coredns", "service.version": "0.1", "host.name": "node-1"}
    (scope,) = resource.scope_spans
    root, child = scope.spans
    assert (root.trace_id, root.span_id, root.parent_span_id) == (TRACE, ROOT, b"")
    assert (child.trace_id, child.span_id, child.parent_span_id) == (TRACE, CHILD, ROOT)
    assert (root.name, root.kind, root.start_time_unix_nano, root.end_time_unix_nano) == (
        "servedns", 2, BEGAN, BEGAN + 5_000_000,
    )  # fmt: skip
    assert [(one.key, one.value.string_value) for one in root.attributes] == [("coredns.io/name", "www.example.org.")]
    assert (root.status.code, child.status.code, child.status.message) == (0, 2, "no answer")


def test_zipkin_reads_them() -> None:
    root, child = json.loads(zipkin(spans(), SERVICE))
    assert root == {
        "traceId": "000102030405060708090a0b0c0d0e0f",
        "id": ROOT.hex(),
        "name": "servedns",
        "kind": "SERVER",
        "timestamp": BEGAN // 1000,
        "duration": 5000,
        "localEndpoint": {"serviceName": "coredns"},
        "tags": {"coredns.io/name": "www.example.org."},
    }
    assert (child["parentId"], child["duration"], child["tags"]) == (ROOT.hex(), 1, {"error": "no answer"})
    assert "kind" not in child


def test_what_the_upstream_was_asked_is_a_client_span() -> None:
    span = Span(TRACE, CHILD, ROOT, "connect", CLIENT, BEGAN, BEGAN + 1)
    assert json.loads(zipkin([span], SERVICE))[0]["kind"] == "CLIENT"
