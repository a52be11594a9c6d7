"""The first packets of clients: which of them begin a connection, and what is answered to the others (RFC 9000)."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from aioquic._buffer import Buffer
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE
from aioquic.quic.connection import TRANSPORT_CLOSE_FRAME_CAPACITY
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import (
    QuicErrorCode,
    QuicFrameType,
    QuicHeader,
    QuicPacketType,
    QuicProtocolVersion,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.retry import QuicRetryTokenHandler

from resolver.listeners.quic_datagrams import Address
from resolver.listeners.quic_library import ID_LENGTH

VERSIONS: Final = [int(QuicProtocolVersion.VERSION_1), int(QuicProtocolVersion.VERSION_2)]


class Arrival(NamedTuple):
    """A client that may begin a connection. ``original`` and ``retried`` are what transport parameters repeat."""

    chosen: bytes
    original: bytes
    retried: bytes | None
    header: QuicHeader


def destination(packet: bytes) -> bytes:
    """The connection ID that a packet is for; empty for what is none."""
    if packet[0] & 0x80:
        return packet[6 : 6 + packet[5]] if len(packet) > 6 else b""
    return packet[1 : 1 + ID_LENGTH]


class Gate:
    """Looks at packets for connections that do not exist."""

    def __init__(self) -> None:
        self._tokens = QuicRetryTokenHandler()

    def look(self, packet: bytes, client: Address, now: float, prove: bool) -> Arrival | bytes | None:
        """A client to let in, or what to answer, if anything.

        With ``prove`` only those are let in who have shown that they receive at their address (Retry, RFC 9000 section
        8.1.2), which holds for a forged address never.
        """
        if len(packet) < SMALLEST_MAX_DATAGRAM_SIZE or not packet[0] & 0x80:
            return None  # also keeps what we answer smaller than what was sent (section 8.1)
        try:
            header = pull_quic_header(Buffer(data=packet), host_cid_length=ID_LENGTH)
        except ValueError:
            return None
        if header.packet_type == QuicPacketType.VERSION_NEGOTIATION:
            return None
        if header.version not in VERSIONS:
            return encode_quic_version_negotiation(header.destination_cid, header.source_cid, VERSIONS)
        if header.packet_type != QuicPacketType.INITIAL or len(header.destination_cid) < ID_LENGTH:
            return None
        if header.token:
            return self._with_token(header, client, now)
        if prove:
            return self._retry(header, client, now)
        return Arrival(header.destination_cid, header.destination_cid, None, header)

    def _with_token(self, header: QuicHeader, client: Address, now: float) -> Arrival | bytes:
        chosen = header.destination_cid
        try:
            original = self._tokens.validate_token(address=client, destination_cid=chosen, token=header.token, now=now)
        except ValueError:
            return closing(header, QuicErrorCode.INVALID_TOKEN)
        return Arrival(chosen, original, chosen, header)

    def _retry(self, header: QuicHeader, client: Address, now: float) -> bytes:
        chosen = os.urandom(ID_LENGTH)
        token = self._tokens.create_token(
            address=client,
            original_destination_connection_id=header.destination_cid,
            retry_source_connection_id=chosen,
            now=now,
        )
        return encode_quic_retry(
            version=_version(header),
            source_cid=chosen,
            destination_cid=header.source_cid,
            original_destination_cid=header.destination_cid,
            retry_token=token,
        )


def closing(header: QuicHeader, code: QuicErrorCode) -> bytes:
    """The packet that turns a client away before there is any connection (RFC 9000 section 10.2.3)."""
    crypto = CryptoPair()
    crypto.setup_initial(cid=header.destination_cid, is_client=False, version=_version(header))
    builder = QuicPacketBuilder(
        host_cid=header.destination_cid,
        is_client=False,
        max_datagram_size=SMALLEST_MAX_DATAGRAM_SIZE,
        peer_cid=header.source_cid,
        version=_version(header),
    )
    builder.start_packet(QuicPacketType.INITIAL, crypto)
    frame = builder.start_frame(QuicFrameType.TRANSPORT_CLOSE, capacity=TRANSPORT_CLOSE_FRAME_CAPACITY)
    frame.push_uint_var(code)
    frame.push_uint_var(QuicFrameType.PADDING)
    frame.push_uint_var(0)
    datagrams, _ = builder.flush()
    return datagrams[0]


def _version(header: QuicHeader) -> int:
    return header.version or VERSIONS[0]
