"""Queries that no plugin sees are answered and counted all the same."""

from __future__ import annotations

import time
from io import StringIO

import pytest

from resolver.chain.plugin import Handler
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Host
from resolver.replay.store import Stores
from resolver.runtime.dispatch import Dispatcher
from resolver.runtime.routing import Route, Router
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import SERVFAIL
from resolver.wire.edns import Edns

LOCAL = ("127.0.0.1", 53)
LABEL = "dns://:53"
INSIDE = b"\3www\7example\3org\0"


def dispatcher(handler: Handler) -> Dispatcher:
    host = Host(clock=time.monotonic, registry=Registry(), log=Log(StringIO()))
    router = Router()
    router.add(Route(b"\7example\3org\0", Site(LABEL, "example.org."), handler))
    return Dispatcher(router, LABEL, host, Stores(1 << 20))


async def answer(query: Query) -> Reply:
    return failure(query, "whoami", 0)


def counted(dispatcher: Dispatcher, name: str) -> dict[tuple[str, ...], float]:
    families = dispatcher.host.registry.families()
    cells = next(family for family in families if family.name == name).cells
    return {labels: cell.value for labels, cell in cells.items()}


@pytest.mark.parametrize(
    ("query", "rcode"),
    [
        (Query(b"\3com\0", 1), "REFUSED"),
        (Query(INSIDE, 1, 3), "REFUSED"),
        (Query(INSIDE, 1, edns=Edns(1232, version=1)), "BADVERS"),
    ],
)
async def test_a_query_that_is_refused_counts_under_the_zone_dropped(query: Query, rcode: str) -> None:
    refusing = dispatcher(answer)
    packet = (
        query.wire(1) if query.edns is None else query.wire(1).replace(b"\0\0\x29\x04\xd0\0\0", b"\0\0\x29\x04\xd0\0\1")
    )
    assert refusing.serve(packet, ("192.0.2.1", 5), LOCAL, "udp", lambda octets: None, None)
    site = (LABEL, "dropped", "")
    assert counted(refusing, "coredns_dns_requests_total") == {(*site, "udp", "1", "A"): 1}
    assert counted(refusing, "coredns_dns_responses_total") == {(*site, rcode, ""): 1}


async def test_a_query_for_a_plugin_does_not() -> None:
    answering = dispatcher(answer)
    assert answering.serve(Query(INSIDE, 1).wire(1), ("192.0.2.1", 5), LOCAL, "udp", lambda octets: None, None)
    assert counted(answering, "coredns_dns_requests_total") == {}


class Odd(Router):
    """A router that stumbles over every query."""

    def find(self, query: Query) -> Route | None:
        raise LookupError("odd")


async def test_a_message_that_nobody_foresaw_is_answered_counted_and_said() -> None:
    output = StringIO()
    host = Host(clock=time.monotonic, registry=Registry(), log=Log(output))
    stumbling = Dispatcher(Odd(), LABEL, host, Stores(1 << 20))
    octets = stumbling.serve(Query(INSIDE, 1).wire(7), ("192.0.2.1", 5), LOCAL, "udp", lambda octets: None, None)
    assert octets is not None
    assert (octets[:2], octets[3] & 0xF) == (b"\0\7", SERVFAIL)
    assert counted(stumbling, "coredns_dns_rejected_total") == {(LABEL, "udp", "error"): 1}
    assert counted(stumbling, "coredns_panics_total") == {(): 1}
    assert "recovered from LookupError while answering 0007" in output.getvalue()
