"""From a message to its answer: accept, replay or work out, finish, remember."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from resolver.chain.finish import finish, repeats
from resolver.chain.query import Envelope, Query, parse
from resolver.chain.reply import Reply, failure
from resolver.errors import EdnsError, WireError
from resolver.listeners.shedding import Shedding
from resolver.replay.store import Store, Stores
from resolver.runtime.eager import Run
from resolver.runtime.messages import Messages
from resolver.telemetry.traffic import DROPPED, Traffic
from resolver.wire.constants import (
    BADVERS,
    FORMERR,
    HEADER_SIZE,
    IN,
    NOTIMP,
    OPCODE_MASK,
    REFUSED,
    SERVFAIL,
    rcode_name,
)
from resolver.wire.edns import write_opt
from resolver.wire.header import ACCEPTED, accept, error_reply
from resolver.wire.message import read_question

if TYPE_CHECKING:
    from resolver.chain.setup import Host
    from resolver.runtime.routing import Router

Send = Callable[[bytes], None]
Answer = bytes | Messages
SendAny = Callable[[Answer], None]
Address = tuple[str, int]
_Ends = tuple[Address, Address, str]

# Answers are replayed for queries up to this size: a name of 255 octets with EDNS and a few options.
_LONGEST_REPLAYED = 512

# Octets of a message that the log shows where nothing could be made of it.
_LONGEST_SHOWN = 100

# Goes with the FORMERR for a broken OPT; the size is what crosses any network unfragmented (DNS flag day 2020).
_OPT = write_opt(1232)


class Dispatcher:
    """Answers the messages of one listening address and port."""

    def __init__(self, router: Router, label: str, host: Host, stores: Stores, *, in_flight: int = 10_000) -> None:
        self.router = router
        self.label = label
        self.host = host
        self.stores = stores
        self.in_flight = in_flight
        self.loop = asyncio.get_running_loop()
        self.pending: set[Run[Reply]] = set()
        self.shedding: Shedding | None = None
        self._traffic = Traffic(host.registry)
        self._rejected = host.registry.counter(
            "coredns_dns_rejected_total",
            "Messages answered with an error or dropped before any plugin saw them.",
            ("server", "proto", "reason"),
        )

    @overload
    def serve(
        self, packet: bytes, client: Address, local: Address, transport: str, send: Send, store: Store | None
    ) -> bytes | None: ...

    @overload
    def serve(
        self,
        packet: bytes,
        client: Address,
        local: Address,
        transport: str,
        send: SendAny,
        store: Store | None,
        *,
        many: Literal[True],
    ) -> Answer | None: ...

    def serve(
        self,
        packet: bytes,
        client: Address,
        local: Address,
        transport: str,
        send: Callable[[Any], None],
        store: Store | None,
        *,
        many: bool = False,
    ) -> Answer | None:
        """The answer to a message, ``b""`` to drop it, or None when ``send`` will be called with it later.

        ``many`` is for who can also send many messages in answer to one. What ``store`` replays was looked for before.
        """
        ends = client, local, transport
        try:
            verdict = accept(packet, notify=self.router.takes_notify)
            if verdict != ACCEPTED:
                return self._reject(packet, verdict, ends)
            query = parse(packet, client, local, transport, self.host.clock())
            if query.edns is not None and query.edns.version:
                return self._refuse(query, "badvers", failure(query, "", BADVERS))
            if len(self.pending) >= self.in_flight:
                if self.shedding is not None and transport == "udp":
                    return self.shedding.drop(packet)
                return self._refuse(query, "overload", failure(query, "", SERVFAIL))
            return self._work_out(packet, query, send, store, many)
        except EdnsError:
            return self._reject(packet, FORMERR, ends, _OPT)
        except WireError:
            return self._reject(packet, FORMERR, ends)
        except Exception as error:  # one message must not take the others of its batch with it
            return self._stumbled(packet, transport, error)

    def _work_out(self, packet: bytes, query: Query, send: SendAny, store: Store | None, many: bool) -> Answer | None:
        route = self.router.find(query)
        if route is None or (query.qclass != IN and not route.classes):
            return self._refuse(query, "outside", failure(query, "", REFUSED))
        query.site = route.site
        handler = route.handler
        if query.flags & OPCODE_MASK:  # no other opcode was accepted
            if route.notify is None:
                return self._reject(packet, NOTIMP, (query.client, query.local, query.transport))
            handler = route.notify
        moment = (self.stores.epoch, self.stores.reign)

        def ended(run: Run[Reply]) -> None:
            self.pending.discard(run)
            send(self._answer(run, packet, query, store, moment, many))

        run = Run(handler(query), self.loop, ended)
        if run.start():
            return self._answer(run, packet, query, store, moment, many)
        self.pending.add(run)
        return None

    def _answer(
        self,
        run: Run[Reply],
        packet: bytes,
        query: Query,
        store: Store | None,
        moment: tuple[int, int],
        many: bool,
    ) -> Answer:
        """What the client gets, whatever became of the chain."""
        reply = run.result
        if reply is None:
            octets = finish(query, self._crashed(query, run.error))
        elif reply.stream is None:
            octets = self._leave(packet, query, reply, store, moment)
        elif many:
            return Messages(query, reply, reply.stream, partial(self._crashed, query))
        else:
            reply.stream.close()
            octets = finish(query, failure(query, reply.source, REFUSED))
        return octets if query.envelope is None else self._sealed(query, query.envelope, octets)

    def _sealed(self, query: Query, envelope: Envelope, octets: bytes) -> bytes:
        """The answer with its signature, where somebody verified the query's."""
        if envelope.seal is None or not octets:
            return octets
        try:
            return envelope.seal(octets)
        except Exception as error:  # what cannot be signed must not leave
            self._crashed(query, error)
            return b""

    def _leave(self, packet: bytes, query: Query, reply: Reply, store: Store | None, moment: tuple[int, int]) -> bytes:
        """The octets of the reply, kept for repeats where the reply gives leave."""
        leave = reply.replay
        try:
            octets = finish(query, reply)
            if (
                leave is None
                or store is None
                or query.envelope is not None
                or len(packet) > _LONGEST_REPLAYED
                or (leave.tags and moment[0] != self.stores.epoch)
                or moment[1] != self.stores.reign
                or not store.is_worth(packet, leave)
            ):
                return octets
            messages = repeats(query, reply, octets)
        except Exception as error:  # a reply that cannot be written must not take the batch with it
            return finish(query, self._crashed(query, error))
        if messages:
            store.add(packet, messages, leave, query.received)
        return octets

    def _refuse(self, query: Query, reason: str, reply: Reply) -> bytes:
        """Answer without any plugin; counted under a zone that cannot exist, as the field does."""
        self._count(query.transport, reason)
        octets = finish(query, reply)
        site, ipv6 = (self.label, DROPPED, ""), ":" in query.client[0]
        sizes = query.size, len(octets)
        seen = (site, query.transport, ipv6, query.qtype, query.do, reply.rcode, "", *sizes)
        self._traffic.tally(seen).one(0.0)
        if self.router.is_witnessed:
            self._tell(query, reply, octets)
        return octets

    def _reject(self, packet: bytes, verdict: int, ends: _Ends, opt: bytes = b"") -> bytes:
        """Answer what is no query, or drop it."""
        self._count(ends[2], "dropped" if verdict < 0 else rcode_name(verdict).lower())
        if verdict < 0:
            return b""
        octets = error_reply(packet, verdict, opt)
        if self.router.is_witnessed:
            self._tell_of_question(packet, verdict, ends, octets)
        return octets

    def _tell_of_question(self, packet: bytes, rcode: int, ends: _Ends, octets: bytes) -> None:
        """Let it be written down where the message has a question, whatever else is wrong with it."""
        try:
            qname, qtype, qclass, _ = read_question(packet)
        except WireError:
            return
        client, local, transport = ends
        flags, now = packet[2] << 8 | packet[3], self.host.clock()
        query = Query(
            qname, qtype, qclass, message_id=packet[0] << 8 | packet[1], flags=flags, client=client, local=local,
            transport=transport, received=now, size=len(packet),
        )  # fmt: skip
        self._tell(query, failure(query, "", rcode), octets)

    def _tell(self, query: Query, reply: Reply, octets: bytes) -> None:
        """Tell those of the server block that the question is for."""
        try:
            route = self.router.find(query)
            if route is not None:
                query.site = route.site
                for witness in route.witnesses:
                    witness.witness(query, reply, octets)
        except Exception as error:  # the answer does not depend on who hears of it
            self._note_panic(error, repr(query))

    def _count(self, transport: str, reason: str) -> None:
        self._rejected.cell(self.label, transport, reason).value += 1

    def _stumbled(self, packet: bytes, transport: str, error: Exception) -> bytes:
        self._count(transport, "error")
        self._note_panic(error, packet[:_LONGEST_SHOWN].hex())
        return error_reply(packet, SERVFAIL) if len(packet) >= HEADER_SIZE else b""

    def _crashed(self, query: Query, error: BaseException | None) -> Reply:
        self._note_panic(error, repr(query))
        return failure(query, "", SERVFAIL, error=str(error))

    def _note_panic(self, error: BaseException | None, asked: str) -> None:
        self.host.registry.counter(
            "coredns_panics_total", "Queries whose handling ended in an unforeseen error."
        ).cell().value += 1
        self.host.log.error(f"recovered from {type(error).__name__} while answering {asked}: {error}")
