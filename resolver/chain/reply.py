"""An answer, as a value: either octets passed on or records, each turned into the other when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from resolver.chain.query import Query
from resolver.wire.constants import AA, AD, RA, SERVFAIL, TC
from resolver.wire.edns import extended_error
from resolver.wire.message import Message, Sections, as_message, scan
from resolver.wire.records import EMPTY_BODY, Body, Record, encode

_KEPT_FLAGS = AA | TC | RA | AD


class Bodies(Protocol):
    """What many messages in a row hold, each made when it is its turn."""

    def __next__(self) -> Body:
        """The next one."""

    def close(self) -> None:
        """No more are wanted; called once, whether all were taken or not."""


Observer = Callable[[bytes, tuple[str, int], tuple[str, int], str, bytes], None]
"""Is told of a replay: query as octets, client, address that was asked, transport, answer as octets."""

Guard = Callable[[tuple[str, int], bytes, bytes, float], bytes | None]
"""Is asked whether an answer may be replayed: client, query as octets, answer as octets, time on the host's clock.

Gives what is sent: the answer, something else, or nothing (``b""``); None sends the query down the chain.
"""


@dataclass(slots=True)
class Replay:
    """Leave to replay an answer's octets without asking the chain again.

    The leave ends at ``until`` (seconds of the monotonic clock). TTLs were worked out as of ``base``: at time t they
    are lower by whole seconds of ``t - base``, and those of this reply already are; None keeps them as they are.
    ``variants`` are bodies to take in turn in place of the reply's own. Each of ``counts`` is called later with the
    number of replays. ``seen`` is a one-element list in which the replays of this very answer are counted.
    ``tags`` name the data behind it: withdrawing a tag ends the leave. ``live`` says that this happens whenever the
    data changes, so that to keep the answer elsewhere would only make it older. Each of ``observers`` is called with
    every single replay, after each of ``guards`` has let it pass.
    """

    until: float
    base: float | None = None
    variants: tuple[Body, ...] = ()
    counts: tuple[Callable[[int], None], ...] = ()
    seen: list[int] | None = None
    tags: tuple[Hashable, ...] = ()
    live: bool = False
    observers: tuple[Observer, ...] = ()
    guards: tuple[Guard, ...] = ()


@dataclass(slots=True)
class Reply:
    """What the chain answers to one query.

    ``rcode`` is the full one (0-4095). ``flags`` holds AA, TC, RA and AD; ID, RD and CD come from the query when the
    answer leaves, without the bits in ``unset``. ``options`` are EDNS options as octets, sent only to clients that
    speak EDNS. ``source`` is the name of the plugin that answered. ``error`` says in words why this is a failure, for
    the log. ``upstream`` is the address that was asked, if one was. A ``silent`` reply is never sent. ``inside``
    says of a kept answer that a part of this server gave it.

    A zone transfer takes many messages: what they hold is in ``stream``, and the body is empty. Only listeners of TCP
    and TLS can send it. Whoever gets such a reply and does not pass it on closes it.
    """

    question: bytes
    rcode: int = 0
    flags: int = 0
    options: bytes = b""
    source: str = ""
    replay: Replay | None = None
    error: str = ""
    upstream: str = ""
    octets: Body | None = field(default=None, repr=False)
    unset: int = 0
    silent: bool = False
    decoded: Sections | None = field(default=None, repr=False)
    stream: Bodies | None = field(default=None, repr=False)
    inside: bool = False

    @property
    def body(self) -> Body:
        """The sections as octets that fit behind ``question``."""
        if self.octets is None:
            self.octets = encode(self.question[:-4], *self.decoded) if self.decoded else EMPTY_BODY
        return self.octets

    @property
    def sections(self) -> Sections:
        """The sections as records; do not change the lists. Raises WireError for rdata that cannot be read."""
        if self.decoded is None:
            self.decoded = decode(self.question, self.body)
        return self.decoded

    def with_body(self, body: Body) -> Reply:
        """The same reply with other octets; leave to replay is kept."""
        return Reply(
            self.question, self.rcode, self.flags, self.options, self.source, self.replay, self.error, self.upstream,
            body, self.unset, self.silent, None, self.stream, self.inside,
        )  # fmt: skip

    def counted(self, count: Callable[[int], None]) -> Reply:
        """The same reply, of whose replays ``count`` is told too; itself where it must not be replayed."""
        leave = self.replay
        if leave is None:
            return self
        counts = (*leave.counts, count)
        replay = Replay(
            leave.until, leave.base, leave.variants, counts, leave.seen, leave.tags, leave.live, leave.observers,
            leave.guards,
        )  # fmt: skip
        return Reply(
            self.question, self.rcode, self.flags, self.options, self.source, replay, self.error, self.upstream,
            self.octets, self.unset, self.silent, self.decoded, self.stream, self.inside,
        )  # fmt: skip

    def tagged(self, tags: tuple[Hashable, ...]) -> Reply:
        """The same reply, whose leave to be replayed ends with these tags too; itself where it has none."""
        leave = self.replay
        if leave is None or not tags:
            return self
        return replace(self, replay=replace(leave, tags=(*leave.tags, *tags)))

    def withheld(self) -> Reply:
        """The same reply without leave to replay it."""
        return Reply(
            self.question, self.rcode, self.flags, self.options, self.source, None, self.error, self.upstream,
            self.octets, self.unset, self.silent, self.decoded, self.stream, self.inside,
        )  # fmt: skip

    def with_sections(
        self, answer: Sequence[Record], authority: Sequence[Record], additional: Sequence[Record]
    ) -> Reply:
        """The same reply with other records; leave to replay is kept."""
        reply = self.with_body(EMPTY_BODY)
        reply.octets, reply.decoded = None, Sections(list(answer), list(authority), list(additional))
        return reply


def decode(question: bytes, body: Body) -> Sections:
    """The records of ``body`` as it stands behind ``question``. Raises WireError."""
    return scan(as_message(question, body)).sections()


def from_records(
    query: Query,
    source: str,
    answer: Sequence[Record] = (),
    authority: Sequence[Record] = (),
    additional: Sequence[Record] = (),
    *,
    rcode: int = 0,
    authoritative: bool = True,
) -> Reply:
    """A reply made of records."""
    return Reply(
        query.question,
        rcode,
        AA if authoritative else 0,
        source=source,
        decoded=Sections(list(answer), list(authority), list(additional)),
    )


def from_message(query: Query, message: Message, source: str, upstream: str = "") -> Reply:
    """A reply that passes on what an upstream answered. Raises WireError.

    The body is untouched where the upstream repeated the question, whatever its spelling.
    """
    repeated = message.question[:-4].lower() == query.name
    return Reply(
        query.question,
        message.rcode,
        message.flags & _KEPT_FLAGS,
        message.edns.options if message.edns else b"",
        source,
        upstream=upstream,
        octets=message.body() if repeated else encode(query.qname, *message.sections()),
    )


def failure(
    query: Query, source: str, rcode: int = SERVFAIL, *, ede: int | None = None, text: str = "", error: str = ""
) -> Reply:
    """A reply without records. ``ede`` is an Extended DNS Error code (RFC 8914) and ``text`` its words."""
    options = b"" if ede is None else extended_error(ede, text)
    return Reply(query.question, rcode, options=options, source=source, error=error or text, octets=EMPTY_BODY)


def silence(query: Query, source: str) -> Reply:
    """No answer at all: the client is left to wait."""
    return Reply(query.question, source=source, octets=EMPTY_BODY, silent=True)
