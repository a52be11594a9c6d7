"""What parts can offer to others and to the runtime; the only way in which plugins meet."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

from resolver.chain.contacts import Caller, Contact
from resolver.chain.proxied import ProxyPolicy
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.config.model import Word
from resolver.errors import ConfigError, WireError
from resolver.wire.names import from_text
from resolver.wire.records import Record
from resolver.wire.tsig import Key

T = TypeVar("T")
_OFFERED: dict[tuple[type, object], bool] = {}


def offering(parts: Iterable[object], capability: Callable[..., T]) -> Iterator[T]:
    """The parts that offer a capability: one of the protocols below.

    Parts of one class all do or all do not. Python takes some 7 microseconds to find that out for a protocol, and tens
    of thousands of parts are normal, so it is found out once a class.
    """
    for part in parts:
        known = _OFFERED.get((type(part), capability))
        if known is None:
            known = _OFFERED[type(part), capability] = isinstance(part, cast(type, capability))
        if known:
            yield cast(T, part)


@runtime_checkable
class Ready(Protocol):
    """A part that needs time before it can serve."""

    name: ClassVar[str]

    def is_ready(self) -> bool:
        """Whether it can serve now."""


@runtime_checkable
class Checking(Protocol):
    """A part that reads files when it starts, and can tell before what is wrong with them, for ``resolver check``."""

    async def mistakes(self) -> Sequence[ConfigError]:
        """The mistakes with their places. Nothing but files is opened, and what was read is not kept."""


@runtime_checkable
class Readiness(Protocol):
    """A part that tells whether everything behind one HTTP address can serve."""

    @property
    def address(self) -> tuple[str, int]:
        """Host (empty for all) and port at which it is asked."""

    def unready(self) -> list[str]:
        """What keeps this process from being ready, empty when nothing does."""


class Pem(NamedTuple):
    """A certificate as in its files: the chain, the key, and where secrets of connections are written, if anywhere."""

    certificate: bytes
    key: bytes
    keylog: Path | None = None


class Certificate(Protocol):
    """What encrypted listeners serve with."""

    @property
    def identity(self) -> object:
        """Certificates with equal identities may serve the same listener."""

    def context(self, protocols: Sequence[str]) -> ssl.SSLContext:
        """The context for listeners that speak these protocols (ALPN names)."""

    def pem(self) -> Pem:
        """For those who do without OpenSSL's contexts; another object whenever the files have changed."""


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """How the listeners of a server block behave. Times are in seconds, 0 means no limit where a limit is optional."""

    addresses: tuple[str, ...] = ()
    read_timeout: float = 3.0
    write_timeout: float = 5.0
    idle_timeout: float = 10.0
    sockets: int = 1
    max_connections: int = 1000
    https_connections: int = 200
    grpc_connections: int = 200
    grpc_streams: int = 256
    quic_connections: int = 200
    quic_streams: int = 256
    quic_workers: int = 512
    https3_connections: int = 200
    https3_streams: int = 256
    max_queries_per_connection: int = 0
    certificate: Certificate | None = None
    proxy: ProxyPolicy | None = None
    shed: bool = False


@runtime_checkable
class Listening(Protocol):
    """A part that says how its server block listens (bind, timeouts, multisocket, tls, proxyproto, shed)."""

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with this part's own put in."""


class HttpRequest(NamedTuple):
    """What an endpoint may want to know of a request: the ``Accept`` header, the path, and what is behind the ``?``."""

    accept: str = ""
    path: str = ""
    query: str = ""


class HttpAnswer(NamedTuple):
    """A small HTTP answer: status, media type, body."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """A path to serve with GET at an address. ``host`` empty means all addresses; ``tls`` is an ``ssl.SSLContext``.

    An answer that takes longer than ``within`` seconds is given up.
    """

    host: str
    port: int
    path: str
    answer: Callable[[HttpRequest], Awaitable[HttpAnswer]]
    tls: Any = None
    within: float = 10.0


@runtime_checkable
class HttpServing(Protocol):
    """A part that wants HTTP endpoints. Parts that name the same address and path share one."""

    def endpoints(self) -> Sequence[HttpEndpoint]:
        """The endpoints to open; the runtime owns the sockets and keeps them over a reload."""


@runtime_checkable
class Connecting(Protocol):
    """A part that connects to others over the network of its own accord."""

    def contacts(self) -> Iterable[Contact]:
        """All of them, by the configuration alone: nothing is asked, and it need not be started."""


@runtime_checkable
class Called(Protocol):
    """A part for which others than clients connect to this server."""

    def callers(self) -> Iterable[Caller]:
        """All of them, by the configuration alone."""


@runtime_checkable
class Inspectable(Protocol):
    """A part that can look into its process. Where several serve, ``Host.inspect`` asks the part of any of them."""

    name: ClassVar[str]

    async def inspect(self, wish: Any) -> Any:
        """What it finds. Wish and answer can be pickled."""


@runtime_checkable
class Lameduck(Protocol):
    """A part that asks the server to go on answering for a while after it was told to stop."""

    @property
    def lameduck(self) -> float:
        """Seconds to go on."""


@runtime_checkable
class Reloading(Protocol):
    """A part that wants the configuration to be watched."""

    @property
    def interval(self) -> float:
        """Seconds between two looks at the files."""

    @property
    def jitter(self) -> float:
        """Seconds by which each interval may vary, so that many Pods do not reload at once."""


@runtime_checkable
class View(Protocol):
    """A part that decides per query whether its server block takes it."""

    @property
    def view_name(self) -> str:
        """The ``view`` label of metrics."""

    @property
    def personal(self) -> bool:
        """Whether another client who sends the same octets to the same listener might not be taken."""

    def takes(self, query: Query) -> bool:
        """Whether the block takes the query; the next block of the same zone is tried otherwise."""


UNSETTLED: Final = object()
"""The group of a client of whom too little is known: nothing is replayed to him, and he is sorted again next time."""


@runtime_checkable
class Sorting(Protocol):
    """A part whose answers differ by client: clients of one group get the same, so that these may be replayed to them.

    Without it, a part that looks at the client must take away every leave to replay.
    """

    @property
    def sorts(self) -> bool:
        """Whether it looks at clients at all now; where that changes, ``Host.resort(None)`` is called."""

    def group(self, client: str) -> Hashable:
        """The group of a client's address, or UNSETTLED. There should be few; ``Host.resort`` ends what was said."""


@runtime_checkable
class Vouching(Protocol):
    """A part that can tell whose queries over UDP really come from the address that they bear."""

    def vouches(self, query: Query) -> bool:
        """Whether the client has proven its address."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The Pod behind an address. ``owner`` is the workload (``Deployment/web``), ``labels`` are the Pod's."""

    namespace: str
    pod: str
    service_account: str = ""
    owner: str = ""
    node: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Identifying(Protocol):
    """A part that knows which Pods are behind which addresses."""

    def identify(self, client: str) -> Identity | None:
        """Who has the address, as known now; None for nobody or for who is not known yet."""

    def settled(self, client: str) -> bool:
        """Whether ``identify`` would say the same after any wait: False while it may not know a Pod yet."""

    def unknown(self, client: str) -> bool:
        """Whether nobody can say now that the address is no Pod's, nor whose; followers are told when that changes."""

    async def meet(self, client: str) -> Identity | None:
        """As ``identify``, after a short wait (bounded) where the address is not settled yet."""

    def subscribe(self, changed: Callable[[str], None]) -> None:
        """Be told of each address whose Pod is another one, or has other labels, than before."""


@runtime_checkable
class Describing(Protocol):
    """A part that can tell more of a query than is in it, for the directives that use metadata."""

    def describe(self, query: Query, labels: dict[str, str]) -> None:
        """Put what is known into ``labels`` (``PLUGIN/NAME`` to text); asked before the query goes down the chain."""


@runtime_checkable
class Collecting(Protocol):
    """A part that asks all others of its block what they know of a query."""

    def collect(self, query: Query) -> None:
        """Give the query its metadata, where it is in the zones for which it is wanted."""


class Exchange(NamedTuple):
    """A question that was put to an upstream.

    ``upstream`` is its address, ``transport`` as for queries, ``asked`` in seconds of the host's clock. ``question``
    and ``answer`` are whole messages; the answer is empty where none came.
    """

    upstream: tuple[str, int]
    transport: str
    asked: float
    question: bytes
    answer: bytes


@runtime_checkable
class Tapping(Protocol):
    """A part that wants to know of every exchange with an upstream."""

    def exchanged(self, query: Query, exchange: Exchange) -> None:
        """An exchange has ended that was begun for this query."""


@runtime_checkable
class Witness(Protocol):
    """A part that wants to know of queries for its server block that are answered in front of the chain."""

    def witness(self, query: Query, reply: Reply, octets: bytes) -> None:
        """A message was answered with these octets. Where its form or opcode is wrong only the question was read."""


@runtime_checkable
class Overlay(Protocol):
    """A part that passes names on today and may begin to answer for them tomorrow, and wants that to be seen at once.

    Whoever keeps answers in front of it must not answer for what it claims, and adds its tag to what he replays.
    """

    def claims(self, name: bytes) -> bool:
        """Whether the part answers for the name (in lower case) now."""

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        """The tags that are withdrawn when the part begins to answer for the name, none if it never will."""


class Transferable(NamedTuple):
    """A zone that is made of records when it is asked for: its SOA, and what gives all others."""

    soa: Record
    others: Callable[[], Iterator[Record]]


@runtime_checkable
class Transferring(Protocol):
    """A part that can hand on a zone which it does not keep as one, for the directive transfer."""

    def transferable(self, query: Query) -> Transferable | None:
        """The zone of exactly the query's name as it is now; None where the part does not have it."""


@runtime_checkable
class Keys(Protocol):
    """A part that knows the keys by which messages are signed."""

    def key(self, name: bytes) -> Key | None:
        """The key of a lower-case wire name."""


def signing_key(word: Word, parts: Iterable[object]) -> Key:
    """The key of that name among those that other parts know. Raises ConfigError."""
    try:
        name = from_text(word.text).lower()
    except WireError as error:
        raise word.error(str(error)) from None
    for part in offering(parts, Keys):
        key = part.key(name)
        if key is not None:
            return key
    raise word.error(f"there is no key {word.text!r}", "the directive tsig of the same server block has to have it")


@runtime_checkable
class Replaying(Protocol):
    """A part that gives leave to replay many answers."""

    @property
    def replay_octets(self) -> int:
        """How much memory the finished messages are worth; the largest wish of all parts counts."""


@runtime_checkable
class Successor(Protocol):
    """A part that can take over from the part of the same block before a reload."""

    name: ClassVar[str]

    def succeed(self, previous: Any) -> None:
        """Take over what is still valid (cached answers, connections). Called before ``start``."""
