"""Lines as log records for OpenTelemetry collectors: OTLP over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from resolver import __version__
from resolver.errors import WireError
from resolver.plugins.audit.outlet import Batch, Undeliverable
from resolver.telemetry.logrecords import INFO, WARN, LogRecord, otlp_logs, rejected
from resolver.telemetry.spans import Service

PATIENCE: Final = 5.0  # seconds for a request
TRIED_FOR: Final = 30.0  # seconds
_MAX_ANSWER: Final = 65_536  # octets that are read of an answer
_COME_AGAIN: Final = frozenset((429, 502, 503, 504))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OtlpSink:
    """A request for each batch, over one connection."""

    patience = TRIED_FOR

    def __init__(self, url: str, service: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        parts = urlsplit(url)
        self._place = parts.netloc
        self._is_https = parts.scheme == "https"
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"content-type": "application/x-protobuf", **dict(headers)}
        self._service = Service(service, __version__, socket.gethostname())
        self._connection: http.client.HTTPConnection | None = None

    def open(self) -> None:
        """Nothing yet: a collector may come later than the server."""

    def write(self, batch: Batch) -> int:
        body = otlp_logs([_record(line) for line in batch.octets.splitlines()], self._service)
        status, answer = self._post(body)
        if status in _COME_AGAIN:
            raise OSError(f"status {status}")
        if not 200 <= status < 300:
            raise Undeliverable(f"status {status}")
        try:
            return min(rejected(answer), batch.lines)
        except WireError:
            return 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; a connection that ended while it was idle is opened again. Raises OSError."""
        was_open = self._connection is not None
        try:
            return self._exchange(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not was_open or isinstance(error, TimeoutError):
                raise _as_system_error(error) from None
        try:
            return self._exchange(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _as_system_error(error) from None

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", self._target, body, self._headers)
        answer = self._connection.getresponse()
        octets = answer.read(_MAX_ANSWER)
        if not answer.isclosed():
            self.close()
        is_protobuf = answer.headers.get_content_type() == "application/x-protobuf"
        return answer.status, octets if is_protobuf else b""

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_https:
            return http.client.HTTPSConnection(self._place, timeout=PATIENCE, context=ssl.create_default_context())
        return http.client.HTTPConnection(self._place, timeout=PATIENCE)


def _as_system_error(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(str(error) or type(error).__name__)


def _record(line: bytes) -> LogRecord:
    values: dict[str, Any] = json.loads(line)
    since = datetime.strptime(values["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) - _EPOCH
    nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
    is_odd = values.get("decision") == "deny" or "lost" in values
    return LogRecord(nanoseconds, values, WARN if is_odd else INFO)
