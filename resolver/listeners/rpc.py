"""What gRPC asks and answers: the method Query of coredns.dns.DnsService. Pure: no sockets, no clock."""

from __future__ import annotations

from typing import Final

from resolver.errors import WireError
from resolver.listeners.exchange import Fields, Head, Response
from resolver.wire.constants import HEADER_SIZE
from resolver.wire.grpc import FRAME, LARGEST, PATH, read_packet, write_packet

MEDIA_TYPE: Final = b"application/grpc"
OK: Final = 0
INVALID_ARGUMENT: Final = 3
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14

_HEADERS: Final[Fields] = ((b"content-type", MEDIA_TYPE),)
_DONE: Final[Fields] = ((b"grpc-status", b"0"),)


class Rpc:
    """Requests are calls, responses end with trailers that say how the call went."""

    most = FRAME + LARGEST

    def at_once(self, head: Head) -> bytes:
        """Nothing: a call has a body."""
        return b""

    def objection(self, head: Head) -> Response | None:
        """The response to what is no call of ours."""
        if not head.media_type.startswith(MEDIA_TYPE.decode()):
            return _plain(415)
        if head.method != "POST":
            return _plain(405)
        return failure(UNIMPLEMENTED, "this method is not served") if head.target != PATH else None

    def objection_to(self, body: bytearray) -> Response | None:
        """The response to a message whose beginning says that it will be too long."""
        if len(body) >= FRAME and int.from_bytes(body[1:FRAME], "big") > LARGEST:
            return self.too_large()
        return None

    def too_large(self) -> Response:
        """The response to a message that is too long."""
        return failure(RESOURCE_EXHAUSTED, "the message is too long")

    def query_of(self, head: Head, body: bytearray) -> bytes | Response:
        """The DNS message of a call, or the response that says why there is none."""
        if len(body) < FRAME or int.from_bytes(body[1:FRAME], "big") != len(body) - FRAME:
            return failure(INTERNAL, "there has to be one whole message")
        if body[0]:
            return failure(UNIMPLEMENTED, "messages must not be compressed")
        try:
            message = read_packet(body[FRAME:])
        except WireError as error:
            return failure(INTERNAL, str(error))
        if len(message) < HEADER_SIZE or message[2] & 0x80:
            return failure(INVALID_ARGUMENT, "this is no DNS query")
        return message

    def response(self, answer: bytes) -> Response:
        """The response with an answer; to a message that nobody answers, one that says so."""
        if not answer:
            return failure(UNAVAILABLE, "the query is not answered")
        return Response(200, _HEADERS, write_packet(answer), _DONE, OK)


def failure(code: int, reason: str) -> Response:
    """The end of a call that cannot be answered."""
    told = *_HEADERS, (b"grpc-status", b"%d" % code), (b"grpc-message", reason.encode())
    return Response(200, told, b"", code=code)


def _plain(status: int) -> Response:
    """To who does not speak gRPC at all."""
    return Response(status, ((b"content-length", b"0"),), b"")
