"""How connections of aioquic are set up, and all that is used of them beneath their public interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from resolver.chain.capabilities import Pem
from resolver.wire.constants import MAX_MESSAGE

ID_LENGTH: Final = 8  # octets of the connection IDs that we give out
STREAM_WINDOW: Final = MAX_MESSAGE + 2  # octets that a client may send on a stream before it is told to go on
_CONNECTION_WINDOW: Final = 256 << 10
_DATAGRAM: Final = 1200  # octets; crosses any path that QUIC can be spoken over (RFC 9000 section 14)


def configuration_of(pem: Pem, protocols: Sequence[str], idle_timeout: float) -> QuicConfiguration:
    """How a server's connections are set up. Raises ValueError and OSError for a certificate that cannot be used."""
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=list(protocols),
        connection_id_length=ID_LENGTH,
        idle_timeout=idle_timeout,
        max_data=_CONNECTION_WINDOW,
        max_stream_data=STREAM_WINDOW,
        max_datagram_size=_DATAGRAM,
    )
    first, *others = load_pem_x509_certificates(pem.certificate)
    configuration.certificate, configuration.certificate_chain = first, others
    configuration.private_key = load_pem_private_key(pem.key, password=None)
    if pem.keylog is not None:
        configuration.secrets_log_file = pem.keylog.open("a", buffering=1, encoding="ascii")
    return configuration


def limit_streams(quic: QuicConnection, both_ways: int, one_way: int) -> None:
    """How many streams of each kind the client may have open at once; to be called before anything is received."""
    for limit, value in ((quic._local_max_streams_bidi, both_ways), (quic._local_max_streams_uni, one_way)):
        limit.value = limit.sent = value


def received(quic: QuicConnection) -> int:
    """Octets for which the client has laid claim to our memory on all streams, gaps between them included."""
    return quic._local_max_data.used


def is_over(quic: QuicConnection) -> bool:
    """Whether one of both ends has closed the connection."""
    return quic._close_event is not None


def is_done(quic: QuicConnection, stream: int) -> bool:
    """Whether the client has all of a stream, or wants no more of it."""
    found = quic._streams.get(stream)
    return found is None or found.sender.is_finished


def is_reset(quic: QuicConnection, stream: int) -> bool:
    """Whether nothing can be said on a stream any more, for we have given it up or the client wants nothing."""
    found = quic._streams.get(stream)
    return found is not None and found.sender._reset_error_code is not None


def unsent(quic: QuicConnection, stream: int) -> int:
    """Octets of a stream that the client has not acknowledged."""
    found = quic._streams.get(stream)
    return 0 if found is None else found.sender._buffer_stop - found.sender._buffer_start
