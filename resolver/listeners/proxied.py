"""Headers of proxies, taken off datagrams and connections before anybody sees a query."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from resolver.chain.proxied import IGNORE, REJECT, SKIP, USE, ProxyPolicy
from resolver.errors import WireError
from resolver.listeners.connection import Address, Connection
from resolver.wire.proxy import DATAGRAM, is_incomplete, read_header

if TYPE_CHECKING:
    from resolver.listeners.tcp import TcpListener


class Unwrapper:
    """Takes headers off the datagrams of one listener. ``dropped`` is told why a datagram is not served."""

    def __init__(self, policy: ProxyPolicy, dropped: Callable[[str], None]) -> None:
        self.policy = policy
        self._dropped = dropped
        self._sessions: OrderedDict[Address, tuple[float, Address]] = OrderedDict()

    def unwrap(self, packet: bytes, peer: Address, now: float) -> tuple[bytes, Address] | None:
        """The query in a datagram and who asks it; None where it must not be served."""
        decision = self.policy.decide(peer[0])
        if decision == SKIP:
            return packet, peer
        try:
            header = read_header(packet)
        except WireError:
            self._dropped("malformed")
            return None
        if header is None:
            return packet, self._known(peer, now) if decision == USE else peer
        if header.version != 2 or (header.source is not None and header.kind != DATAGRAM):
            self._dropped("malformed")  # a line of text, or a header for streams
            return None
        if decision == REJECT:
            self._dropped("rejected")
            return None
        query = packet[header.length :]
        if decision == IGNORE or header.source is None:
            return query, peer
        if self.policy.track > 0:
            self._keep(peer, header.source, now)
            if not query:
                return None  # the beginning of a session
        return query, header.source

    def _known(self, peer: Address, now: float) -> Address:
        """Who a proxy last spoke for from this host and port."""
        if self.policy.track <= 0:
            return peer
        until, client = self._sessions.get(peer, (0.0, peer))
        if until <= now:
            self._sessions.pop(peer, None)
            return peer
        self._keep(peer, client, now)
        return client

    def _keep(self, peer: Address, client: Address, now: float) -> None:
        sessions = self._sessions
        sessions[peer] = (now + self.policy.track, client)
        sessions.move_to_end(peer)
        if len(sessions) > self.policy.sessions:
            sessions.popitem(last=False)


class ProxiedConnection(Connection):
    """A connection that may begin with a header."""

    __slots__ = ("decision", "start")

    def __init__(self, listener: TcpListener, policy: ProxyPolicy) -> None:
        super().__init__(listener)
        self.decision = policy.decide
        self.start: bytes | None = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.stream is not None and self.decision(self.client[0]) == SKIP:
            self.start = None

    def data_received(self, data: bytes) -> None:
        if self.start is None:
            super().data_received(data)
            return
        self.start += data
        try:
            if not is_incomplete(self.start):
                self._begin(self.start)
        except WireError:
            self._refuse("proxy_malformed")

    def _begin(self, octets: bytes) -> None:
        """All of the header is there, or it is clear that there is none."""
        self.start = None
        header = read_header(octets)
        if header is not None:
            decision = self.decision(self.client[0])
            if decision == REJECT:
                self._refuse("proxy_rejected")
                return
            if decision == USE and header.source is not None:
                self.client = header.source
            octets = octets[header.length :]
        if octets:
            super().data_received(octets)

    def _refuse(self, reason: str) -> None:
        if self.stream is not None:
            self.listener.metrics.closed(reason)
            self.abort()
