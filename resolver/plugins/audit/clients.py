"""Who asks: the part of a line that is the same for all queries of an address."""

from __future__ import annotations

from typing import Final, NamedTuple

from resolver.chain.capabilities import Identifying, Identity, offering
from resolver.chain.setup import Block
from resolver.plugins.audit.filters import Filters
from resolver.plugins.audit.shape import Shape

MOST: Final = 16_384  # addresses that are remembered


class Client(NamedTuple):
    """``before`` and ``after`` stand around the port in a line, and the transport follows them.

    ``wanted`` says whether there are lines at all.
    """

    wanted: bool
    before: str
    after: str


_UNWANTED: Final = Client(False, "", "")


class Clients:
    """Remembers the text of each address, as long as the Pod behind it stays the same."""

    def __init__(self, block: Block, shape: Shape, filters: Filters) -> None:
        self.known: dict[str, Client] = {}
        self._block = block
        self._shape = shape
        self._filters = filters
        self._directory: Identifying | None = None
        self._shows_port = shape.shows("port")
        self._shows_transport = shape.shows("transport")
        self.shows_all = self._shows_port and self._shows_transport

    def start(self) -> None:
        """Find out who knows Pods, now that the block is complete."""
        self._directory = next(offering(self._block.parts, Identifying), None)
        if self._directory is not None:
            self._directory.subscribe(self._forget)

    def client(self, host: str) -> Client:
        """The text of an address; remembered once it is settled who has it."""
        found = self.known.get(host)
        if found is not None:
            return found
        directory = self._directory
        identity = None if directory is None else directory.identify(host)
        settled = directory is None or directory.settled(host)
        found = self._describe(host, identity, settled)
        if settled:
            if len(self.known) >= MOST:
                self.known.clear()
            self.known[host] = found
        return found

    def members(self, client: Client, port: int, transport: str) -> str:
        """What a line says of who asked, in the form of ``Shape.members``."""
        _, before, after = client
        if self.shows_all:
            return f'{before}{port}{after}{transport}"'
        return f"{before}{port if self._shows_port else ''}{after}" + (f'{transport}"' if self._shows_transport else "")

    def alone(self, host: str) -> str | None:
        """What a line says of an address where it is about many queries; None where no line may be."""
        directory = self._directory
        identity = None if directory is None else directory.identify(host)
        if not self._filters.takes_client(host, identity, directory is None or directory.settled(host)):
            return None
        return self._shape.members({"client": plain(host), **({} if identity is None else _fields(identity))})

    def _describe(self, host: str, identity: Identity | None, settled: bool) -> Client:
        if not self._filters.takes_client(host, identity, settled):
            return _UNWANTED
        before = self._shape.members({"client": plain(host)})
        after = "" if identity is None else self._shape.members(_fields(identity))
        if self._shows_port:
            before += ',"port":'
        if self._shows_transport:
            after += ',"transport":"'
        return Client(True, before, after)

    def _forget(self, host: str) -> None:
        self.known.pop(host, None)


def plain(host: str) -> str:
    """An address without its interface; one of IPv4 as such, also where an IPv6 socket took the query."""
    host = host.partition("%")[0]
    return host.removeprefix("::ffff:") if "." in host else host


def _fields(identity: Identity) -> dict[str, object]:
    return {
        "namespace": identity.namespace,
        "pod": identity.pod,
        "owner": identity.owner,
        "service_account": identity.service_account,
        "node": identity.node,
    }
