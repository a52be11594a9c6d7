"""UDP: take what the socket holds, answer repeats at once, hand the rest to the dispatcher."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from resolver.chain.proxied import ProxyPolicy
from resolver.listeners import batch
from resolver.listeners.proxied import Unwrapper
from resolver.listeners.shedding import Shedding
from resolver.replay.clients import Clients
from resolver.replay.store import Store

Serve = Callable[
    [bytes, tuple[str, int], tuple[str, int], str, Callable[[bytes], None], "Store | None"], "bytes | None"
]

_LONGEST_QUERY = 4096  # octets; a longer datagram is cut off and so malformed
_BURST = 64
_DRAINED_BURSTS = 256
_CONTROL_SPACE = 128
_MOST_ADDRESSES = 256  # of this machine, remembered as text
_CROWDED = (errno.EAGAIN, errno.ENOBUFS)


class UdpListener:
    """Serves one bound UDP socket.

    On a wildcard socket every answer leaves from the address that was asked. ``batched`` False makes a system call
    per datagram, as platforms without recvmmsg need it.
    """

    def __init__(
        self,
        sock: socket.socket,
        serve: Serve,
        clients: Clients,
        clock: Callable[[], float],
        *,
        batched: bool = batch.AVAILABLE,
    ) -> None:
        self.sock = sock
        self.serve = serve
        self.clients = clients
        self.clock = clock
        self._readable: Callable[[], None]
        self.local: tuple[str, int] = sock.getsockname()[:2]
        self.wildcard = self.local[0] in ("0.0.0.0", "::") and sock.family in batch.RECEIVE_INFORMATION
        self._family = sock.family
        if batched:
            datagrams = batch.Batch(sock, wildcard=self.wildcard)
            self._readable = partial(
                self._read_batch,
                datagrams,
                partial(self._work_out_slot, datagrams),
                partial(self._meet_slot, datagrams),
            )
        else:
            self._readable = self._read_singly
            if self.wildcard:
                sock.setsockopt(*batch.RECEIVE_INFORMATION[sock.family], 1)
        self._unwrapper: Unwrapper | None = None
        self._shedding: Shedding | None = None
        self._late: list[tuple[bytes, bytes]] = []
        self._now = 0.0  # when the batch at hand was read
        self._asked: dict[bytes, tuple[str, int]] = {}  # addresses of this machine by packet information
        self._loop: asyncio.AbstractEventLoop | None = None

    def update(
        self, policy: ProxyPolicy | None, dropped: Callable[[str], None], shedding: Shedding | None = None
    ) -> None:
        """Look for headers of proxies from now on, or no more; ``dropped`` is told why one is not served.

        With ``shedding`` queries are dropped while the kernel has no room for answers.
        """
        if (shedding is None) != (self._shedding is None):
            self._shedding = shedding
        known = self._unwrapper
        if policy is None:
            self._unwrapper = None
        elif known is None:
            self._unwrapper = Unwrapper(policy, dropped)
        else:
            known.policy = policy  # its sessions go on

    def start(self) -> None:
        """Begin to answer, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.sock.fileno(), self._readable)

    def drain(self) -> None:
        """Serve what the kernel still holds, a bounded number of bursts."""
        waiting = select.poll()  # select() cannot look at files beyond the first 1024
        waiting.register(self.sock, select.POLLIN)
        for _ in range(_DRAINED_BURSTS):
            if not waiting.poll(0):
                return
            self._readable()

    def stop(self) -> None:
        """Read no more; answers under way may still leave until ``close``."""
        if self._loop is not None:
            self._loop.remove_reader(self.sock.fileno())
            self._loop.remove_writer(self.sock.fileno())
            self._loop = None

    def close(self) -> None:
        """Close the socket."""
        self.stop()
        self.sock.close()

    def _read_batch(
        self,
        datagrams: batch.Batch,
        work_out: Callable[[bytes, int], bytes | None],
        meet: Callable[[bytes, int], bytes | None],
    ) -> None:
        shedding, common = self._shedding, self.clients.common
        now = self._now = self.clock()
        if shedding is not None and shedding.congested:
            datagrams.serve(None, now, shedding.drop)
            return
        if self._unwrapper is not None:
            crowded = datagrams.serve(None, now, partial(self._unwrap_slot, datagrams, self._unwrapper))
        elif common is not None and common.told is None:
            crowded = datagrams.serve(common.replay, now, work_out)
        else:
            crowded = datagrams.serve(None, now, meet)
        if crowded:
            self._crowd(crowded)

    def _crowd(self, answers: int) -> None:
        """The kernel had no room for some answers: shed queries, where that was asked for, until it has again."""
        shedding = self._shedding
        if shedding is None:
            return
        shedding.responses.value += answers
        if not shedding.congested and self._loop is not None:
            shedding.congested = True
            self._loop.add_writer(self.sock.fileno(), self._relieve, shedding)

    def _relieve(self, shedding: Shedding) -> None:
        shedding.congested = False
        if self._loop is not None:
            self._loop.remove_writer(self.sock.fileno())

    def _unwrap_slot(self, datagrams: batch.Batch, unwrapper: Unwrapper, packet: bytes, slot: int) -> bytes | None:
        found = unwrapper.unwrap(packet, datagrams.client(slot)[:2], self._now)
        if found is None:
            return None
        query, client = found
        local = self._local_of(datagrams, slot)
        store = self.clients.of(client[0])
        answer = None if store is None else store.replay_any(query, client, local, "udp", self._now)
        return answer if answer is not None else self._work_out(datagrams, query, slot, client, local, store)

    def _meet_slot(self, datagrams: batch.Batch, packet: bytes, slot: int) -> bytes | None:
        """Answer where it matters who asks, or somebody wants to see every query."""
        packed, port = datagrams.peer(slot)
        known = self.clients.meet(packed)
        store = known.store
        if store is not None and (store.young or store.old):
            octets = store.replay(packet, self._now)
            if octets is not None:
                return octets
        client = known.host, port
        local = self._local_of(datagrams, slot) if self.wildcard else self.local
        octets = None if store is None else store.replay_told(packet, client, local, "udp", self._now)
        return octets if octets is not None else self._work_out(datagrams, packet, slot, client, local, store)

    def _local_of(self, datagrams: batch.Batch, slot: int) -> tuple[str, int]:
        """Which address of this machine the datagram in a slot asked."""
        if not self.wildcard:
            return self.local
        information = datagrams.asked(slot)
        local = self._asked.get(information)
        if local is None:
            if len(self._asked) >= _MOST_ADDRESSES:
                self._asked.clear()
            local = self._asked[information] = _asked_host(self._family, information), self.local[1]
        return local

    def _work_out_slot(self, datagrams: batch.Batch, packet: bytes, slot: int) -> bytes | None:
        """Answer where it does not matter who asks."""
        client, local = datagrams.client(slot)[:2], self._local_of(datagrams, slot)
        return self._work_out(datagrams, packet, slot, client, local, self.clients.common)

    def _work_out(
        self,
        datagrams: batch.Batch,
        packet: bytes,
        slot: int,
        client: tuple[str, int],
        local: tuple[str, int],
        store: Store | None,
    ) -> bytes | None:
        send = partial(self._send_soon, datagrams, datagrams.origin(slot))
        return self.serve(packet, client, local, "udp", send, store)

    def _send_soon(self, datagrams: batch.Batch, origin: bytes, answer: bytes) -> None:
        """Send a later answer at the end of this turn of the loop, with all others that come till then."""
        if not answer:
            return
        late = self._late
        if not late and self._loop is not None:
            self._loop.call_soon(self._flush, datagrams)
        late.append((origin, answer))
        if self._loop is None or len(late) >= batch.SLOTS:
            self._flush(datagrams)

    def _flush(self, datagrams: batch.Batch) -> None:
        late, self._late = self._late, []
        if late and self.sock.fileno() >= 0:
            crowded = datagrams.send_late(late)
            if crowded:
                self._crowd(crowded)

    def _read_singly(self) -> None:
        sock, wildcard = self.sock, self.wildcard
        now = self.clock()
        asked = b""
        for _ in range(_BURST):
            try:
                if wildcard:
                    packet, ancillary, _, client = sock.recvmsg(_LONGEST_QUERY, _CONTROL_SPACE)
                    asked = ancillary[0][2] if ancillary else b""
                else:
                    packet, client = sock.recvfrom(_LONGEST_QUERY)
            except OSError:
                return  # nothing left, or the ICMP error of an earlier answer: the next read goes on
            if self._shedding is not None and self._shedding.congested:
                self._shedding.drop(packet)
                continue
            answer = self._answer_single(packet, client, asked, now)
            if answer:
                self._sender(client, asked)(answer)

    def _answer_single(self, packet: bytes, peer: Any, asked: bytes, now: float) -> bytes | None:
        client = peer[:2]
        if self._unwrapper is not None:
            found = self._unwrapper.unwrap(packet, client, now)
            if found is None:
                return None
            packet, client = found
        local = (_asked_host(self._family, asked), self.local[1]) if asked else self.local
        store = self.clients.of(client[0])
        answer = None if store is None else store.replay_any(packet, client, local, "udp", now)
        if answer is not None:
            return answer
        return self.serve(packet, client, local, "udp", self._sender(peer, asked), store)

    def _sender(self, client: Any, asked: bytes) -> Callable[[bytes], None]:
        """What sends a later answer to the client, from the address that it asked."""
        sock, ancillary = self.sock, batch.way_back(self._family, asked)

        def send(answer: bytes) -> None:
            try:
                if answer and ancillary:
                    sock.sendmsg([answer], ancillary, 0, client)
                elif answer:
                    sock.sendto(answer, client)
            except OSError as error:  # the way back is gone or the buffer is full: DNS over UDP may lose answers
                if error.errno in _CROWDED:
                    self._crowd(1)

        return send


def _asked_host(family: int, information: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, information[4:8])
    return socket.inet_ntop(socket.AF_INET6, information[:16])
