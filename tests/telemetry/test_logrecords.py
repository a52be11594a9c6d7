"""Log records, as programs of others read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.telemetry.logrecords import INFO, WARN, LogRecord, otlp_logs, rejected
from resolver.telemetry.spans import Service

logs = pytest.importorskip("opentelemetry.proto.collector.logs.v1.logs_service_pb2", reason="needs opentelemetry-proto")

SERVICE = Service("coredns", "1.2", "node-7")


def test_opentelemetry_reads_them() -> None:
    body: dict[str, object] = {
        "name": "a.example.", "port": 53, "duration_ms": 0.25, "dropped": True, "addresses": ["192.0.2.1", "::1"],
        "ede": [{"code": 15, "text": "no: \u00e9"}],
    }  # fmt: skip
    request = logs.ExportLogsServiceRequest.FromString(
        otlp_logs([LogRecord(1_800_000_000_123_456_000, body), LogRecord(5, {"lost": 3}, WARN)], SERVICE)
    )
    (resource,) = request.resource_logs
    assert {pair.key: pair.value.string_value for pair in resource.resource.attributes} == {
        "service.name": "coredns", "service.version": "1.2", "host.name": "node-7",
    }  # fmt: skip
    first, second = resource.scope_logs[0].log_records
    assert (first.time_unix_nano, first.observed_time_unix_nano) == (1_800_000_000_123_456_000,) * 2
    assert (first.severity_number, first.severity_text, second.severity_text) == (INFO, "INFO", "WARN")
    values = {pair.key: pair.value for pair in first.body.kvlist_value.values}
    assert values["name"].string_value == "a.example."
    assert (values["port"].int_value, values["duration_ms"].double_value, values["dropped"].bool_value) == (
        53,
        0.25,
        True,
    )
    assert [one.string_value for one in values["addresses"].array_value.values] == ["192.0.2.1", "::1"]
    error = {pair.key: pair.value for pair in values["ede"].array_value.values[0].kvlist_value.values}
    assert (error["code"].int_value, error["text"].string_value) == (15, "no: \u00e9")
    assert second.body.kvlist_value.values[0].value.int_value == 3


def test_how_many_records_a_collector_refused_is_read() -> None:
    answer = logs.ExportLogsServiceResponse()
    assert rejected(answer.SerializeToString()) == 0
    answer.partial_success.error_message = "too old"
    answer.partial_success.rejected_log_records = 300
    assert rejected(answer.SerializeToString()) == 300


@given(st.binary(max_size=60))
def test_any_answer_of_a_collector_is_read_or_refused(octets: bytes) -> None:
    try:
        assert rejected(octets) >= 0
    except WireError:
        return
