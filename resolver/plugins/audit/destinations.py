"""Where lines go: as the configuration says it, and the outlets that all server blocks of a process share."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from weakref import WeakKeyDictionary

from resolver.chain.contacts import TCP, Contact, at_url
from resolver.chain.setup import Host
from resolver.errors import ResolverError
from resolver.plugins.audit.file import FileSink
from resolver.plugins.audit.journal import Destination
from resolver.plugins.audit.metrics import Report
from resolver.plugins.audit.otlp import OtlpSink
from resolver.plugins.audit.outlet import Outlet, Sink, words_of
from resolver.plugins.audit.stdout import Stdout
from resolver.plugins.audit.tap import TapSink
from resolver.telemetry.metrics import Registry
from resolver.telemetry.rotation import Keeping


@dataclass(frozen=True, slots=True)
class ToStdout:
    """Standard output."""

    shown: str = "stdout"


@dataclass(frozen=True, slots=True)
class ToFile:
    """A file."""

    path: str
    keeping: Keeping

    @property
    def shown(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class ToTap:
    """A collector of dnstap; ``scheme`` is ``unix``, ``tcp`` or ``tls``, ``endpoint`` how the operator wrote it."""

    endpoint: str
    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0

    @property
    def shown(self) -> str:
        return f"dnstap {self.endpoint}"


@dataclass(frozen=True, slots=True)
class ToOtlp:
    """A collector of OpenTelemetry. Headers may be secret, and what stands behind a ``?``."""

    url: str = field(repr=False)
    service: str = "coredns"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        return f"otlp {self.url.partition('?')[0]}"


Target: TypeAlias = ToStdout | ToFile | ToTap | ToOtlp


class Opened(Destination, Protocol):
    """A destination that is opened and closed."""

    async def start(self) -> None:
        """Begin. Raises OSError."""

    async def stop(self) -> None:
        """Bring away what waits, for a short while, and close."""


class Outlets:
    """One outlet for each place, whoever writes there; a reload finds it open and leaves it so."""

    def __init__(self) -> None:
        self._open: dict[tuple[Target, int], tuple[Opened, list[None]]] = {}

    async def take(self, target: Target, limit: int, host: Host) -> Destination:
        """The outlet, with a queue of so many octets. Raises ResolverError where nothing can be written."""
        key = target, limit
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = make(target, limit, host), []
            try:
                await found[0].start()
            except OSError as error:
                del self._open[key]
                raise ResolverError(f"audit cannot write to {target.shown}: {_why(error)}") from None
        found[1].append(None)
        return found[0]

    async def give_back(self, target: Target, limit: int) -> None:
        """One user less; after the last one it is closed."""
        outlet, users = self._open[target, limit]
        users.pop()
        if not users:
            del self._open[target, limit]
            await outlet.stop()


_all: WeakKeyDictionary[Registry, Outlets] = WeakKeyDictionary()


def outlets_of(registry: Registry) -> Outlets:
    """The outlets of the process that counts in this registry."""
    return _all.setdefault(registry, Outlets())


def contacts_of(targets: Iterable[Target]) -> Iterator[Contact]:
    """Who is connected to, of all places."""
    for target in targets:
        if isinstance(target, ToOtlp):
            yield at_url(target.url, f"audit: {target.shown}")
        elif isinstance(target, ToTap) and target.host:
            yield Contact(target.host, target.port, TCP, f"audit: {target.shown}")


def make(target: Target, limit: int, host: Host) -> Opened:
    """What brings lines to a place."""
    clock: Callable[[], float] = host.log.clock
    report = Report(target.shown, host.registry, host.log.named("audit"))
    if isinstance(target, ToStdout):
        return Stdout(limit, report, clock)
    return Outlet(_sink(target), limit, report, clock)


def _sink(target: ToFile | ToTap | ToOtlp) -> Sink:
    if isinstance(target, ToFile):
        return FileSink(target.path, target.keeping)
    if isinstance(target, ToTap):
        return TapSink(target.scheme, target.path, target.host, target.port)
    return OtlpSink(target.url, target.service, target.headers)


def _why(error: OSError) -> str:
    return "its folder does not exist" if error.errno == errno.ENOENT else words_of(error)
