"""Lines for collectors of dnstap: each in the field ``extra`` of a message of its own."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from resolver import __version__
from resolver.errors import WireError
from resolver.plugins.audit.outlet import Batch
from resolver.telemetry import dnstap
from resolver.telemetry.framestream import (
    ACCEPT,
    FINISH,
    MAX_CONTROL,
    READY,
    START,
    STOP,
    control_frame,
    data_frame,
    read_control,
)

PATIENCE: Final = 4.0  # seconds for each step


class TapSink:
    """One connection, opened when there is something to say and again after it broke."""

    patience = None

    def __init__(self, scheme: str, path: str, host: str, port: int) -> None:
        self._scheme = scheme
        self._path = path
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._envelope = dnstap.Envelope(socket.gethostname().encode(), f"k8s-resolver-{__version__}".encode())

    def open(self) -> None:
        """Nothing yet: a collector may come later than the server."""

    def write(self, batch: Batch) -> int:
        frames = b"".join([self._frame(line) for line in batch.octets.splitlines()])
        try:
            connection = self._socket
            if connection is None or _has_ended(connection):
                self._drop()
                connection = self._socket = self._connect()
            connection.sendall(frames)
        except WireError as error:
            self._drop()
            raise OSError(str(error)) from None
        except OSError:
            self._drop()
            raise
        return 0

    def close(self) -> None:
        """Say good-bye."""
        try:
            if self._socket is not None:
                self._socket.sendall(control_frame(STOP))
                _expect(self._socket, FINISH)
        except (OSError, WireError):
            pass
        self._drop()

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        """A connection over which frames may flow. Raises OSError or WireError."""
        connection = self._dial()
        try:
            connection.sendall(control_frame(READY, dnstap.CONTENT_TYPE))
            types = _expect(connection, ACCEPT)
            if types and dnstap.CONTENT_TYPE not in types:
                raise WireError("it accepts other contents than dnstap")
            connection.sendall(control_frame(START, dnstap.CONTENT_TYPE))
        except BaseException:
            connection.close()
            raise
        return connection

    def _dial(self) -> socket.socket:
        if self._scheme == "unix":
            local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                local.settimeout(PATIENCE)
                local.connect(self._path)
            except BaseException:
                local.close()
                raise
            return local
        plain = socket.create_connection((self._host, self._port), PATIENCE)
        if self._scheme == "tcp":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise

    def _frame(self, line: bytes) -> bytes:
        values: dict[str, Any] = json.loads(line)
        when = datetime.strptime(values["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
        part = dnstap.response_part(when - values.get("duration_ms", 0) / 1000, when)
        message = dnstap.message(dnstap.CLIENT_RESPONSE, _ends(values), part)
        return data_frame(self._envelope.wrap(message, line))


def _ends(values: Mapping[str, Any]) -> bytes:
    """Who asked, where that may be said."""
    client = values.get("client", "")
    if not client or client.startswith("h:"):
        return b""
    return dnstap.sockets(values.get("transport", ""), (client, values.get("port", 0)), None)


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side said something: then it is STOP or the end, for it has nothing else to say."""
    connection.settimeout(0)
    try:
        connection.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(PATIENCE)
    return True


def _expect(connection: socket.socket, wanted: int) -> tuple[bytes, ...]:
    """The content types of a control frame, which must be of that kind. Raises OSError or WireError."""
    head = _read(connection, 8)
    length = int.from_bytes(head[4:], "big")
    if head[:4] != bytes(4) or length > MAX_CONTROL:
        raise WireError("it does not speak Frame Streams")
    kind, types = read_control(_read(connection, length))
    if kind != wanted:
        raise WireError("it does not accept frames")
    return types


def _read(connection: socket.socket, size: int) -> bytes:
    octets = b""
    while len(octets) < size:
        more = connection.recv(size - len(octets))
        if not more:
            raise WireError("it closed the connection")
        octets += more
    return octets
