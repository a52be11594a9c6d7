"""A server that wants another certificate than ours says so, and our log does."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from resolver.errors import UpstreamError
from resolver.upstream.address import Address
from resolver.upstream.https import HttpsExchanges
from resolver.upstream.stream import StreamExchanges
from resolver.upstream.tls import ClientTls, TlsSettings, read_files
from tests.support.upstreams import CERTIFICATES
from tests.upstream.exchanges import LIMITS, Counted, request

HOST = "127.0.0.1"


@contextmanager
def wanting_certificates() -> Iterator[int]:
    """The port of a server that is written with blocking sockets: its alerts are sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    context.load_verify_locations(CERTIFICATES / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    with socket.create_server((HOST, 0)) as listening:
        listening.settimeout(10)
        serving = threading.Thread(target=_serve, args=(listening, context))
        serving.start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        serving.join(10)


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            sock = listening.accept()[0]
            sock.settimeout(5)
            with sock.dup() as raw:
                with (
                    suppress(OSError),
                    context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False) as tls,
                ):
                    tls.do_handshake()
                raw.settimeout(5)
                with suppress(OSError):  # what is unread when a connection is closed would reset it
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(4096):
                        pass


@pytest.mark.parametrize("kind", [StreamExchanges, HttpsExchanges])
async def test_that_a_certificate_is_wanted_is_what_the_error_says(kind: Any) -> None:
    with wanting_certificates() as port:
        scheme = "https" if kind is HttpsExchanges else "tls"
        address = Address(HOST, port, scheme, "dns.test", "/dns-query")
        tls = ClientTls(TlsSettings(read_files(None, None, CERTIFICATES / "ca.pem")))
        counted, loop = Counted(), asyncio.get_running_loop()
        exchanges = kind(loop, time.monotonic, address, LIMITS, counted.hits, counted.misses, tls)
        outcome = await exchanges.ask(request(), 2)
        assert isinstance(outcome, UpstreamError)
        assert "certificate required" in str(outcome)
        exchanges.close()
