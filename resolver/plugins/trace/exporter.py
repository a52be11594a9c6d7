"""Sending spans from a thread of its own: a collector that hangs holds no query up."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections import deque
from typing import Final, Protocol
from urllib.parse import urlsplit

from resolver.plugins.trace.settings import OTLP, Settings
from resolver.telemetry import spans
from resolver.telemetry.spans import Service, Span

PATIENCE: Final = 5.0  # seconds for a request
ENDING: Final = 2.0  # seconds for what is left when the server ends
_MAX_ANSWER: Final = 65_536  # octets that are read of an answer
_MIDDLE: Final = {OTLP: "application/x-protobuf"}


class Reporting(Protocol):
    """Is told what became of spans; called from any thread."""

    def sent(self, spans: int) -> None:
        """So many were taken."""

    def lost(self, spans: int) -> None:
        """So many are lost."""

    def changed(self, problem: str) -> None:
        """Spans are not taken any more because of a problem, or are again."""


class Exporter:
    """``put`` never waits: over the backlog the oldest span goes."""

    def __init__(self, settings: Settings, service: Service, report: Reporting) -> None:
        self._settings = settings
        self._service = service
        self._report = report
        self._waiting: deque[Span] = deque()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._connection: http.client.HTTPConnection | None = None
        self._failed = False

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, span: Span) -> None:
        """Send it some time."""
        waiting = self._waiting
        waiting.append(span)
        if len(waiting) > self._settings.backlog and _first(waiting) is not None:
            self._report.lost(1)
        if len(waiting) >= self._settings.batch and not self._wake.is_set():
            self._wake.set()

    def stop(self) -> None:
        """Send what waits and end; blocks, for some seconds at most."""
        self._ending.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(ENDING)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._wake.wait(self._settings.interval)
            self._wake.clear()
            while self._waiting and self._send(self._take()):
                if len(self._waiting) < self._settings.batch and not self._ending.is_set():
                    break
        while self._waiting and self._send(self._take()):
            pass
        if self._waiting:
            self._report.lost(len(self._waiting))
        self._close()

    def _take(self) -> list[Span]:
        found: list[Span] = []
        while len(found) < self._settings.batch and (span := _first(self._waiting)) is not None:
            found.append(span)
        return found

    def _send(self, batch: list[Span]) -> bool:
        """Whether the batch was taken; one that was not is lost."""
        encode = spans.otlp if self._settings.kind == OTLP else spans.zipkin
        try:
            problem = self._post(encode(batch, self._service))
        except (OSError, http.client.HTTPException) as error:
            problem = str(getattr(error, "strerror", "") or str(error) or type(error).__name__).lower()
            self._close()
        except Exception as error:  # whatever it is, spans go on being sent
            problem = f"{type(error).__name__}: {error}"
            self._close()
        (self._report.lost if problem else self._report.sent)(len(batch))
        if bool(problem) is not self._failed:
            self._failed = bool(problem)
            self._report.changed(problem)
        return not problem

    def _post(self, body: bytes) -> str:
        """Empty where it was taken, else what the collector says."""
        parts = urlsplit(self._settings.url)
        if self._connection is None:
            self._connection = _connection(parts.scheme, parts.netloc)
        headers = {"content-type": _MIDDLE.get(self._settings.kind, "application/json")}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        answer.read(_MAX_ANSWER)
        if not answer.isclosed():
            self._close()
        return "" if 200 <= answer.status < 300 else f"status {answer.status}"

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _first(waiting: deque[Span]) -> Span | None:
    """The oldest one; both threads take some."""
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _connection(scheme: str, place: str) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(place, timeout=PATIENCE, context=ssl.create_default_context())
    return http.client.HTTPConnection(place, timeout=PATIENCE)
