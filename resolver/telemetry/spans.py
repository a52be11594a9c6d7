"""Spans, and the two forms in which programs collect them: OpenTelemetry's (OTLP) and Zipkin's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from resolver.telemetry.protobuf import number_field, octets_field, varint

INTERNAL, SERVER, CLIENT = 1, 2, 3
_ZIPKIN_KINDS: Final = {SERVER: "SERVER", CLIENT: "CLIENT"}
_FAILED: Final = 2
_FIXED_64 = 1  # how a field of 64 bits is written


@dataclass(slots=True)
class Span:
    """Something that took time. IDs are octets; times are in nanoseconds since 1970; ``error`` says what failed."""

    trace: bytes
    id: bytes
    parent: bytes
    name: str
    kind: int
    began: int
    ended: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """Who the spans are of."""

    name: str
    version: str
    host: str


def otlp(spans: Sequence[Span], service: Service) -> bytes:
    """The body of an OTLP request: protocol buffers as in opentelemetry/proto/trace/v1/trace.proto."""
    known = {"service.name": service.name, "service.version": service.version, "host.name": service.host}
    resource = octets_field(1, b"".join(octets_field(1, _attribute(*one)) for one in known.items()))
    scope = octets_field(1, octets_field(1, b"k8s-resolver") + octets_field(2, service.version.encode()))
    return octets_field(1, resource + octets_field(2, scope + b"".join(octets_field(2, _otlp(one)) for one in spans)))


def zipkin(spans: Sequence[Span], service: Service) -> bytes:
    """The body of a request to Zipkin's second interface: JSON."""
    return json.dumps([_zipkin(span, service) for span in spans]).encode()


def _otlp(span: Span) -> bytes:
    out = [octets_field(1, span.trace), octets_field(2, span.id)]
    if span.parent:
        out.append(octets_field(4, span.parent))
    out += [octets_field(5, _utf8(span.name)), number_field(6, span.kind)]
    out += [_fixed_field(7, span.began), _fixed_field(8, span.ended)]
    out += [octets_field(9, _attribute(key, value)) for key, value in span.tags.items()]
    if span.error:
        out.append(octets_field(15, octets_field(2, _utf8(span.error)) + number_field(3, _FAILED)))
    return b"".join(out)


def _attribute(key: str, value: str) -> bytes:
    return octets_field(1, key.encode()) + octets_field(2, octets_field(1, _utf8(value)))


def _fixed_field(number: int, value: int) -> bytes:
    return varint(number << 3 | _FIXED_64) + value.to_bytes(8, "little")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _zipkin(span: Span, service: Service) -> dict[str, object]:
    found: dict[str, object] = {
        "traceId": span.trace.hex(),
        "id": span.id.hex(),
        "name": span.name,
        "timestamp": span.began // 1000,
        "duration": max((span.ended - span.began) // 1000, 1),
        "localEndpoint": {"serviceName": service.name},
        "tags": span.tags | {"error": span.error} if span.error else span.tags,
    }
    if span.parent:
        found["parentId"] = span.parent.hex()
    if span.kind in _ZIPKIN_KINDS:
        found["kind"] = _ZIPKIN_KINDS[span.kind]
    return found
