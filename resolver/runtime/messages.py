"""Many messages in answer to one, finished and signed when it is their turn."""

from __future__ import annotations

from collections.abc import Callable

from resolver.chain.finish import finish
from resolver.chain.query import Query
from resolver.chain.reply import Bodies, Reply
from resolver.errors import WireError
from resolver.wire.constants import TC

_CUT = TC >> 8


class Messages:
    """The octets of each message of a transfer. Whoever takes them says so with ``close`` when he wants no more."""

    __slots__ = ("_failed", "_query", "_reply", "_stream")

    def __init__(self, query: Query, reply: Reply, stream: Bodies, failed: Callable[[Exception], object]) -> None:
        self._query = query
        self._reply = reply
        self._stream = stream
        self._failed = failed

    def __iter__(self) -> Messages:
        return self

    def __next__(self) -> bytes:
        """The next message. Raises StopIteration behind the last, WireError where the rest cannot be sent."""
        try:
            octets = finish(self._query, self._reply, next(self._stream))
            if octets[2] & _CUT:
                raise WireError("a record is too long for a message")
            envelope = self._query.envelope
            return octets if envelope is None or envelope.seal is None else envelope.seal(octets)
        except StopIteration:
            raise
        except Exception as error:  # whatever it is, the client must not take half a zone for a whole one
            self._failed(error)
            raise WireError(str(error)) from error

    def close(self) -> None:
        """Let go of what the messages were to be made of."""
        self._stream.close()
