"""One serving process: sockets, listeners and parts of a plan, and swapping one plan for another."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from resolver.chain.capabilities import ListenSettings, Replaying, Successor, offering
from resolver.chain.plugin import Part
from resolver.chain.setup import Block, Host
from resolver.chain.turns import Turns
from resolver.config.model import Config
from resolver.listeners.doh import PROTOCOLS, HttpsListener, HttpsMetrics
from resolver.listeners.grpc import PROTOCOLS as GRPC_PROTOCOLS
from resolver.listeners.grpc import GrpcListener, GrpcMetrics
from resolver.listeners.http import HttpServers
from resolver.listeners.shedding import Shedding
from resolver.listeners.sockets import leave
from resolver.listeners.tcp import StreamMetrics, TcpListener
from resolver.listeners.udp import UdpListener
from resolver.replay.clients import Clients
from resolver.replay.store import Stores
from resolver.runtime import quic
from resolver.runtime.dispatch import Answer, Dispatcher, SendAny
from resolver.runtime.plan import Endpoint, Plan, assembling
from resolver.runtime.routing import Router
from resolver.runtime.sockets import OpenSocket, hosts_of, open_socket
from resolver.runtime.within import asking
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry

if TYPE_CHECKING:
    from resolver.listeners.quic import QuicListener

# How long answers under way may take after the last query was read, in seconds: a forward's whole budget.
DRAIN_TIME = 5.5
_POLL = 0.01
# Names for ALPN where OpenSSL speaks TLS; RFC 7858 section 3.1 leaves it to the port.
_PROTOCOLS = {"tls": ("dot",), "https": PROTOCOLS, "grpc": GRPC_PROTOCOLS}
REPLAY_BUDGET = 32 << 20  # octets of answers kept for replay, beside the caches


@dataclass(slots=True)
class Port:
    """An endpoint that is open: its dispatcher and listeners."""

    dispatcher: Dispatcher
    udp: list[UdpListener] = field(default_factory=list)
    tcp: list[TcpListener | QuicListener] = field(default_factory=list)
    clients: list[Clients] = field(default_factory=list)
    identity: object = None  # of the certificate it serves with


class Server:
    """Serves a plan until told to stop. ``http`` False leaves HTTP endpoints to the supervisor."""

    def __init__(
        self,
        host: Host,
        stores: Stores,
        *,
        default_port: int = 53,
        http: bool = True,
        open_socket: OpenSocket = open_socket,
    ) -> None:
        self.host = host
        self.stores = stores
        self.default_port = default_port
        self.open_socket = open_socket
        self.plan: Plan | None = None
        self.ports: dict[Endpoint, Port] = {}
        self.left_behind = 0  # parts of the plan before this one that were not freed by themselves
        host.blocks = lambda: self.plan.blocks if self.plan else ()
        host.suspend = self._suspend
        host.resort = self._resort
        host.ask = asking(self._router)
        self.http = HttpServers(host.log) if http else None

    async def apply(self, config: Config, switched: Callable[[], None] = lambda: None) -> Plan:
        """Start with a configuration, or swap the present one for it without closing sockets.

        ``switched`` is called when all new queries go the new way; those that went the old way may still be under way.
        Raises ResolverError and leaves everything as it was when the new one is wrong or cannot be served.
        """
        turns = Turns()
        plan = await turns.all(assembling(config, self.host, self.default_port))
        opened = self._open_missing(plan)
        previous, old_ports = self.plan, self.ports
        started: list[Part] = []
        try:
            if previous is not None:
                await turns.all(_hand_over(previous.blocks, plan.blocks))
            for part in plan.parts:
                started.append(part)
                await part.start()
                await turns.give()
            if self.http is not None:
                await self.http.apply(plan.http)
        except BaseException:
            await _stop(reversed(started), self.host.log)
            self._discard(opened.values())
            raise
        self.plan = plan
        self.ports = {endpoint: opened.get(endpoint) or old_ports[endpoint] for endpoint in plan.services}
        self._switch(plan)
        self.stores.renew()
        wishes = (part.replay_octets for part in offering(plan.parts, Replaying))
        self.stores.budget.limit = max(REPLAY_BUDGET, *wishes, 0)
        for port in opened.values():
            _listen(port)
        switched()
        if previous is not None:
            gone = [port for endpoint, port in old_ports.items() if self.ports.get(endpoint) is not port]
            await self._retire(previous, gone)
        return plan

    async def stop(self, *, drain: bool = True) -> None:
        """Read no more queries, finish those under way unless ``drain`` is False, close everything."""
        ports = list(self.ports.values())
        if self.http is not None:  # else the sockets are the supervisor's
            for port in ports:
                for udp in port.udp:
                    leave(udp.sock)
        if drain:
            await _finish(ports)
        if self.plan is not None:
            await _stop(self.plan.parts, self.host.log)
        if self.http is not None:
            await self.http.stop()
        self._discard(ports)
        self.ports = {}
        self.plan = None

    def _router(self, label: str) -> Router | None:
        return next((port.dispatcher.router for endpoint, port in self.ports.items() if endpoint.label == label), None)

    def _suspend(self, who: str, reason: str) -> None:
        if reason:
            self.host.suspended[who] = reason
        else:
            self.host.suspended.pop(who, None)

    def _resort(self, client: str | None) -> None:
        """Sort a client anew, or all; what is being worked out for those of before is not kept."""
        self.stores.resort()
        for endpoint, port in self.ports.items():
            service = self.plan.services.get(endpoint) if self.plan is not None and client is None else None
            for clients in port.clients:
                clients.forget(client)
                if service is not None:
                    clients.sort(service.sorters)

    def _open_missing(self, plan: Plan) -> dict[Endpoint, Port]:
        opened: dict[Endpoint, Port] = {}
        try:
            for endpoint, service in plan.services.items():
                certificate = service.settings.certificate
                identity = certificate.identity if certificate is not None else None
                known = self.ports.get(endpoint)
                if known is None or (endpoint.scheme in _PROTOCOLS and known.identity != identity):
                    dispatcher = Dispatcher(service.router, endpoint.label, self.host, self.stores)
                    opened[endpoint] = Port(dispatcher, identity=identity)
                    self._bind(endpoint, service.settings, opened[endpoint], known)
                    if reason := service.failing(endpoint):
                        self.host.log.error(f"{endpoint.label} {reason}")
        except BaseException:
            self._discard(opened.values())
            raise
        return opened

    def _bind(self, endpoint: Endpoint, settings: ListenSettings, port: Port, known: Port | None) -> None:
        """Open the sockets; streams take over those of ``known``, which serves with another certificate."""
        for number, host in enumerate(hosts_of(endpoint.host)):
            if endpoint.scheme in quic.SCHEMES:
                port.tcp.append(self._over_quic(endpoint, settings, port, host))
                continue
            if endpoint.scheme == "dns":
                port.udp.append(self._datagrams(endpoint, host, port))
            sock = known.tcp[number].sock.dup() if known else self.open_socket("tcp", host, endpoint.port)
            port.tcp.append(self._streams(endpoint, settings, port, sock))

    def _datagrams(self, endpoint: Endpoint, host: str, port: Port) -> UdpListener:
        sock = self.open_socket("udp", host, endpoint.port)
        return UdpListener(sock, port.dispatcher.serve, self._clients(port), self.host.clock)

    def _clients(self, port: Port) -> Clients:
        """Those of one more listener of a port; they are sorted when it begins to serve."""
        clients = Clients(self.stores)
        port.clients.append(clients)
        return clients

    def _streams(self, endpoint: Endpoint, settings: ListenSettings, port: Port, sock: socket.socket) -> TcpListener:
        clients = self._clients(port)
        if endpoint.scheme == "https":  # a response carries one message
            answer = partial(_serve_stream, port.dispatcher.serve, clients, self.host.clock)
            http = HttpsMetrics(self.host.registry, endpoint.label)
            return HttpsListener(sock, settings, answer, tls=self._context(endpoint, settings), metrics=http)
        if endpoint.scheme == "grpc":  # in the clear where no certificate is given, as the field does
            answer = partial(_serve_stream, port.dispatcher.serve, clients, self.host.clock)
            tls = self._context(endpoint, settings) if settings.certificate is not None else None
            return GrpcListener(
                sock, settings, answer, tls=tls, metrics=GrpcMetrics(self.host.registry, endpoint.label)
            )
        answer = partial(_serve_stream, partial(port.dispatcher.serve, many=True), clients, self.host.clock)
        transport = "tls" if endpoint.scheme == "tls" else "tcp"
        metrics = StreamMetrics(self.host.registry, endpoint.label, transport)
        tls = self._context(endpoint, settings) if endpoint.scheme == "tls" else None
        return TcpListener(sock, settings, answer, transport=transport, tls=tls, metrics=metrics)

    def _over_quic(self, endpoint: Endpoint, settings: ListenSettings, port: Port, host: str) -> QuicListener:
        clients = self._clients(port)
        many = endpoint.scheme == "quic"  # a response of HTTP carries one message
        work_out = partial(port.dispatcher.serve, many=True) if many else port.dispatcher.serve
        answer = partial(_serve_stream, work_out, clients, self.host.clock)
        sock = self.open_socket("udp", host, endpoint.port)
        return quic.make_listener(endpoint.scheme, sock, settings, answer, self.host.registry, endpoint.label)

    def _context(self, endpoint: Endpoint, settings: ListenSettings) -> ssl.SSLContext:
        if settings.certificate is not None:
            return settings.certificate.context(_PROTOCOLS[endpoint.scheme])
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def _switch(self, plan: Plan) -> None:
        """From here on new queries go the new way."""
        for endpoint, service in plan.services.items():
            port = self.ports[endpoint]
            port.dispatcher.router = service.router
            for listener in port.tcp:
                listener.update(service.settings)
            for clients in port.clients:
                clients.sort(service.sorters)
            self._guard(port, endpoint.label, service.settings)

    def _guard(self, port: Port, label: str, settings: ListenSettings) -> None:
        """Put in front of the datagrams what was asked for: headers of proxies, and limits under load."""
        registry = self.host.registry
        dropped = partial(_note_unproxied, registry, label)
        for datagrams in port.udp:
            datagrams.update(settings.proxy, dropped, Shedding(registry, label) if settings.shed else None)
        port.dispatcher.shedding = Shedding(registry, label) if settings.shed else None

    async def _retire(self, previous: Plan, gone: list[Port]) -> None:
        """Let queries that went the old way finish, then stop the old parts."""
        await asyncio.gather(_finish(gone), _until_idle(self.ports.values()))
        await _stop(previous.parts, self.host.log)
        self.left_behind = await Turns().all(previous.dissolve())
        self._discard(gone)

    def _discard(self, ports: Iterable[Port]) -> None:
        """Close ports at once and forget what is kept for them."""
        for port in ports:
            for udp in port.udp:
                udp.close()
            for tcp in port.tcp:
                tcp.close()
            for clients in port.clients:
                clients.close()


def _note_unproxied(registry: Registry, server: str, reason: str) -> None:
    labels = ("server", "reason")
    registry.counter(
        "coredns_proxyproto_dropped_total", "Datagrams that were dropped for their PROXY header.", labels
    ).cell(server, reason).value += 1


def _serve_stream(
    work_out: Callable[..., Answer | None],
    clients: Clients,
    clock: Callable[[], float],
    packet: bytes,
    client: tuple[str, int],
    local: tuple[str, int],
    transport: str,
    send: SendAny,
) -> Answer | None:
    store = clients.of(client[0])
    answer = None if store is None else store.replay_any(packet, client, local, transport, clock())
    return answer if answer is not None else work_out(packet, client, local, transport, send, store)


def _hand_over(old: Iterable[Block], new: Iterable[Block]) -> Generator[None, None, None]:
    """Give parts that can take over what the same directive of the same block held; block by block."""
    before: dict[tuple[str, ...], Block] = {}
    for block in old:
        before[tuple([key.text for key in block.keys])] = block
        yield
    for block in new:
        previous = before.get(tuple([key.text for key in block.keys]))
        if previous is not None:
            held = {part.name: part for part in previous.parts}
            for part in offering(block.parts, Successor):
                if part.name in held:
                    part.succeed(held[part.name])
        yield


def _listen(port: Port) -> None:
    for udp in port.udp:
        udp.start()
    for tcp in port.tcp:
        tcp.start()


async def _finish(ports: Sequence[Port]) -> None:
    """Serve what the kernel still holds, read no more, and let the queries under way finish."""
    for port in ports:
        for udp in port.udp:
            udp.drain()
            udp.stop()
    streams = [tcp.stop() for port in ports for tcp in port.tcp]
    await asyncio.gather(*streams, _until_idle(ports))


async def _stop(parts: Iterable[Part], log: Log) -> None:
    turns = Turns()
    for part in parts:
        await turns.give()
        try:
            await part.stop()
        except Exception as error:  # one part that cannot close is no reason to leave the others open
            log.error(f"{part.name} did not stop cleanly: {type(error).__name__}: {error}")


def _until_idle(ports: Iterable[Port]) -> Awaitable[None]:
    """Wait until the queries that are under way now have been answered, DRAIN_TIME at most."""
    waiting = [(port.dispatcher.pending, set(port.dispatcher.pending)) for port in ports]

    async def wait() -> None:
        deadline = time.monotonic() + DRAIN_TIME
        while any(runs & begun for runs, begun in waiting) and time.monotonic() < deadline:  # noqa: ASYNC110 - rare
            await asyncio.sleep(_POLL)

    return wait()
