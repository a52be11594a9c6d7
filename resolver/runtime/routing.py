"""Which server block takes a query: the longest zone by labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from resolver.chain.capabilities import Witness
from resolver.chain.plugin import Handler
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply
from resolver.wire.constants import DS
from resolver.wire.names import ROOT


@dataclass(slots=True)
class Route:
    """One zone of one server block. ``takes`` decides per query where a view filters; None takes all.

    ``personal`` says that it may decide otherwise for another client with the same octets. ``classes`` tells whether
    queries of other classes than IN may enter. ``notify`` is where a NOTIFY goes, None where none is taken.
    ``witnesses`` are told of what is answered in front of the handler.
    """

    zone: bytes
    site: Site
    handler: Handler
    classes: bool = False
    takes: Callable[[Query], bool] | None = None
    notify: Handler | None = None
    personal: bool = False
    witnesses: tuple[Witness, ...] = ()
    unrepeated: Route | None = None

    def withheld(self) -> Route:
        """The same route, whose answers must not be replayed; made once."""
        found = self.unrepeated
        if found is None:
            found = self.unrepeated = replace(self, handler=partial(_withheld, self.handler))
        return found


async def _withheld(handler: Handler, query: Query) -> Reply:
    return (await handler(query)).withheld()


class Router:
    """The zones of one listener. A look-up costs a dictionary access per label, however many zones there are."""

    def __init__(self) -> None:
        self._zones: dict[bytes, list[Route]] = {}
        self.takes_notify = self.is_witnessed = False

    def add(self, route: Route) -> None:
        """Add a zone; several routes of one zone are tried in the order of the file."""
        self._zones.setdefault(route.zone, []).append(route)
        self.takes_notify = self.takes_notify or route.notify is not None
        self.is_witnessed = self.is_witnessed or bool(route.witnesses)

    def find(self, query: Query) -> Route | None:
        """The route for the query, None outside of all zones.

        A DS query for a zone's own name belongs to its parent (RFC 4035 section 3.1.4.1) where that is served here.
        Where a view has looked at the client on the way, whether it took the query or not, the answer is for him alone.
        """
        zones = self._zones
        name = query.name
        own: Route | None = None
        personal = False
        while True:
            routes = zones.get(name)
            if routes is not None:
                for route in routes:
                    if route.takes is not None:
                        personal = personal or route.personal
                        if not route.takes(query):
                            continue
                    if query.qtype == DS and name == query.name and name != ROOT:
                        own = own or route
                        break
                    if own is not None and name == ROOT:
                        break
                    return route.withheld() if personal else route
            length = name[0]
            if not length:
                return own.withheld() if own is not None and personal else own
            name = name[1 + length :]

    def sites(self) -> Iterator[Site]:
        """The sites of all routes, in the order in which they were added."""
        return (route.site for routes in self._zones.values() for route in routes)

    def drain(self) -> Iterator[None]:
        """Forget all routes, one with each step."""
        while self._zones:
            self._zones.popitem()
            yield

    def __len__(self) -> int:
        return len(self._zones)
