"""Log records in OpenTelemetry's form (OTLP): protocol buffers as in opentelemetry/proto/logs/v1/logs.proto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from resolver.errors import WireError
from resolver.telemetry.protobuf import number_field, octets_field, varint
from resolver.telemetry.spans import Service

INFO, WARN = 9, 13
_NAMES: Final = {INFO: b"INFO", WARN: b"WARN"}
_FIXED_64 = 1  # how a field of 64 bits is written
_FLOAT = Struct("<d")
_SIZES: Final = {1: 8, 2: 0, 5: 4}
_LONGEST_VARINT: Final = 10


@dataclass(frozen=True, slots=True)
class LogRecord:
    """``time`` is in nanoseconds since 1970; ``body`` holds what JSON can hold."""

    time: int
    body: Mapping[str, object]
    severity: int = INFO


def otlp_logs(records: Sequence[LogRecord], service: Service) -> bytes:
    """The body of an OTLP request (ExportLogsServiceRequest)."""
    known = {"service.name": service.name, "service.version": service.version, "host.name": service.host}
    resource = octets_field(1, b"".join(octets_field(1, _pair(*one)) for one in known.items()))
    scope = octets_field(1, octets_field(1, b"k8s-resolver") + octets_field(2, service.version.encode()))
    return octets_field(1, resource + octets_field(2, scope + b"".join([octets_field(2, _record(r)) for r in records])))


def rejected(answer: bytes) -> int:
    """How many records a collector says that it did not take (ExportLogsServiceResponse). Raises WireError."""
    for field, value in _fields(answer):
        if field == 1 and isinstance(value, bytes):
            return next((count for number, count in _fields(value) if number == 1 and isinstance(count, int)), 0)
    return 0


def _record(record: LogRecord) -> bytes:
    when = record.time.to_bytes(8, "little")
    return b"".join(
        (
            varint(1 << 3 | _FIXED_64) + when,
            number_field(2, record.severity),
            octets_field(3, _NAMES[record.severity]),
            octets_field(5, _value(record.body)),
            varint(11 << 3 | _FIXED_64) + when,
        )
    )


def _pair(key: str, value: object) -> bytes:
    return octets_field(1, key.encode("utf-8", "replace")) + octets_field(2, _value(value))


def _value(value: object) -> bytes:
    """An AnyValue; what it cannot hold is written as text."""
    if isinstance(value, bool):
        return number_field(2, int(value))
    if isinstance(value, int) and 0 <= value < 2**63:
        return number_field(3, value)
    if isinstance(value, float):
        return varint(4 << 3 | _FIXED_64) + _FLOAT.pack(value)
    if isinstance(value, Mapping):
        return octets_field(6, b"".join([octets_field(1, _pair(str(key), one)) for key, one in value.items()]))
    if isinstance(value, list):
        return octets_field(5, b"".join([octets_field(1, _value(one)) for one in value]))
    return octets_field(1, str(value).encode("utf-8", "replace"))


# --- reading


def _fields(octets: bytes) -> list[tuple[int, int | bytes]]:
    """Number and value of each field. Raises WireError."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(octets):
        tag, at = _read_varint(octets, at)
        kind = tag & 7
        if kind == 0:
            value, at = _read_varint(octets, at)
            found.append((tag >> 3, value))
            continue
        if kind not in _SIZES:
            raise WireError("a field is written in a way that is not known")
        size, at = _read_varint(octets, at) if kind == 2 else (_SIZES[kind], at)
        if at + size > len(octets):
            raise WireError("a field is cut off")
        found.append((tag >> 3, octets[at : at + size]))
        at += size
    return found


def _read_varint(octets: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index, octet in enumerate(octets[at : at + _LONGEST_VARINT]):
        number |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            return number, at + index + 1
    raise WireError("a number is cut off")
