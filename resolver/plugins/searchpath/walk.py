"""Asking for one name after the other, as the client would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from resolver.chain.joined import because_of, behind, denial_ttl, joined, shortest_ttl
from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.errors import WireError
from resolver.plugins.searchpath.names import Candidate
from resolver.plugins.searchpath.places import Places, Side
from resolver.wire.constants import CNAME, NOERROR, NXDOMAIN, A
from resolver.wire.records import record

# How long a walk goes on asking, in seconds: then the client asks anew or has given up.
LONGEST: Final = 5.0

FAILED: Final = "failed"
_PLUGIN: Final = "searchpath"


class Outcome(NamedTuple):
    """``candidate`` is the name that was found, None where there is none for the ``reason`` given."""

    reply: Reply
    candidate: Candidate | None = None
    reason: str = ""


class Walk:
    """One walk; ``consulted`` are the replies because of which it ends as it does."""

    def __init__(self, query: Query, next: Handler, host: Host, places: Places) -> None:
        self.query = query
        self.consulted: list[Reply] = []
        self._next = next
        self._host = host
        self._places = places
        self._deadline = host.clock() + LONGEST

    async def ask(self, name: bytes, qtype: int) -> Reply:
        """What the client would get for that name, which is answered from wherever in the server it belongs."""
        query = self.query.derive(qname=name, qtype=qtype, depth=self.query.depth + 1)
        here = self._places.side(query, query.name) is Side.HERE
        reply = await (self._next if here else self._host.ask)(query)
        self.consulted.append(reply)
        return reply

    async def along(self, candidates: Sequence[Candidate], own: Reply) -> Outcome:
        """The first name that exists, with what it has of the type asked for; ``own`` where none does.

        Whether a name exists is found out with the type A whatever was asked for: no client may get the IPv4 address of
        one name and the IPv6 address of another because a server denies names for lack of one of them. Behind the last
        name there is no other.
        """
        qtype = self.query.qtype
        for candidate in candidates:
            if self._places.side(self.query, candidate.name.lower()) is Side.NOWHERE:
                return Outcome(because_of(own, self.consulted), reason="outside")
            if self._host.clock() > self._deadline:
                return self._failed("the names on the search path take too long to be asked for")
            is_last = candidate is candidates[-1]
            reply = await self.ask(candidate.name, qtype if is_last else A)
            if reply.rcode == NXDOMAIN:
                continue
            if reply.rcode == NOERROR and qtype != A and not is_last:
                reply = await self.ask(candidate.name, qtype)
            try:
                return self._end(candidate, reply, own)
            except WireError as error:
                return self._failed(f"the answer for a name on the search path cannot be read: {error}")
        return Outcome(because_of(own, self.consulted), reason="denied")

    def _end(self, candidate: Candidate, reply: Reply, own: Reply) -> Outcome:
        others = [own, *(other for other in self.consulted if other is not reply)]
        if reply.rcode not in (NOERROR, NXDOMAIN):
            return Outcome(behind(self.query, reply, None, joined(reply, others)), reason=FAILED)
        return Outcome(self._found(candidate, reply, others), candidate)

    def _failed(self, text: str) -> Outcome:
        return Outcome(failure(self.query, _PLUGIN, error=text), reason=FAILED)

    def _found(self, candidate: Candidate, reply: Reply, others: list[Reply]) -> Reply:
        """The records behind an alias, which also tells a client that there are none not to search any further.

        The alias holds no longer than what says that the names before the found one are not there.
        """
        ttls = [denial_ttl(other) for other in others if other.rcode == NXDOMAIN]
        shown = shortest_ttl(reply.sections.answer)
        if shown is None:
            shown = denial_ttl(reply)
        alias = record(self.query.qname, CNAME, min(shown, *ttls), candidate.name)
        leave = joined(reply, others)
        found = behind(self.query, reply, alias, leave)
        found.rcode = NOERROR  # a server that denies a name of which it has other records
        if leave is not None and found.replay is not None:
            found.replay = _while_alias_holds(found.replay, alias.ttl, self._host.clock())
        return found


def _while_alias_holds(leave: Replay, ttl: int, now: float) -> Replay:
    """Where TTLs count down, until that of the alias is zero."""
    if leave.base is not None:
        leave.until = min(leave.until, now + ttl)
    return leave
