"""shed drops queries while there is no room for answers, counts them, and stops doing so when there is room."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable

import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure
from resolver.errors import ConfigErrors
from resolver.listeners import batch
from resolver.listeners.shedding import Shedding
from resolver.listeners.sockets import open_udp
from resolver.listeners.udp import UdpListener
from resolver.replay.store import Store, Stores
from resolver.runtime.dispatch import Dispatcher
from resolver.runtime.routing import Route, Router
from resolver.telemetry.metrics import Registry
from tests.plugins.chains import World, question, until
from tests.support.canned import canned

Address = tuple[str, int]


def test_the_listeners_are_asked_to_shed() -> None:
    assert World().part(". {\n shed\n}\n").listen(ListenSettings()).shed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (". {\n shed 5\n}", "takes no arguments"),
        (". {\n shed {\n x\n}\n}", "takes no block"),
        (". {\n shed\n shed\n}", "only once"),
        ("tls://. {\n shed\n}", "plain DNS only"),
        ("https://. {\n shed\n}", "plain DNS only"),
    ],
)
def test_mistakes_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigErrors, match=reason):
        World().build(text + "\n")


def listening(registry: Registry, *, batched: bool, shedding: bool) -> tuple[UdpListener, list[bytes]]:
    seen: list[bytes] = []

    def serve(
        packet: bytes,
        client: Address,
        local: Address,
        transport: str,
        send: Callable[[bytes], None],
        store: Store | None,
    ) -> bytes | None:
        seen.append(packet)
        return b"answer"

    listener = UdpListener(open_udp("127.0.0.1", 0), serve, canned(), time.monotonic, batched=batched)
    listener.update(None, lambda reason: None, Shedding(registry, "dns://:53") if shedding else None)
    return listener, seen


def dropped(registry: Registry, reason: str) -> float:
    families = {family.name: family for family in registry.families()}
    family = families.get("coredns_shed_dropped_total")
    return 0 if family is None else family.cell("dns://:53", reason).value


@pytest.mark.parametrize("batched", [True, False] if batch.AVAILABLE else [False])
async def test_while_the_kernel_has_no_room_queries_are_dropped_before_anybody_sees_them(
    batched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry()
    listener, seen = listening(registry, batched=batched, shedding=True)
    full(monkeypatch, listener)
    relieved: list[Callable[[], None]] = []
    listener.start()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "add_writer", lambda fd, call, *rest: relieved.append(lambda: call(*rest)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(listener.local)
        client.send(b"first")
        await until(lambda: dropped(registry, "response") == 1)
        client.send(b"second")
        await until(lambda: dropped(registry, "query") == 1)
        assert seen == [b"first"]
        monkeypatch.undo()
        relieved[0]()
        client.send(b"third")
        assert await asyncio.wait_for(loop.sock_recv(client, 100), 5) == b"answer"
    listener.close()
    assert (seen, dropped(registry, "query"), dropped(registry, "response")) == ([b"first", b"third"], 1, 1)


async def test_without_shed_an_answer_without_room_is_lost_and_no_more() -> None:
    registry = Registry()
    listener, seen = listening(registry, batched=False, shedding=False)
    listener._crowd(3)
    listener.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(listener.local)
        client.send(b"query")
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100), 5) == b"answer"
    listener.close()
    assert (seen, dropped(registry, "response")) == ([b"query"], 0)


def full(monkeypatch: pytest.MonkeyPatch, listener: UdpListener) -> None:
    """Let the kernel have no room for the answers of a listener."""
    monkeypatch.setattr(batch, "send_all", lambda fd, headers, count: count)

    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(sock, name)

        def sendto(self, *_: object) -> int:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    sock = listener.sock
    monkeypatch.setattr(listener, "sock", Full())


@pytest.mark.parametrize(("transport", "sheds", "answer"), [("udp", True, b""), ("udp", False, 2), ("tcp", True, 2)])
async def test_queries_beyond_those_under_way_are_dropped_over_udp(
    transport: str, sheds: bool, answer: bytes | int
) -> None:
    world, router = World(), Router()
    release = asyncio.Event()

    async def slow(query: Query) -> Reply:
        await release.wait()
        return failure(query, "slow")

    router.add(Route(b"\0", Site("dns://:53", "."), slow))
    dispatcher = Dispatcher(router, "dns://:53", world.host, Stores(1 << 20), in_flight=1)
    dispatcher.shedding = Shedding(world.host.registry, "dns://:53") if sheds else None
    sent: list[bytes] = []

    def ask() -> bytes | None:
        packet = question("a.test").wire(1)
        return dispatcher.serve(packet, ("127.0.0.1", 1), ("127.0.0.1", 53), transport, sent.append, None)

    assert ask() is None
    second = ask()
    assert (second if isinstance(answer, bytes) else second and second[3] & 15) == answer
    assert dropped(world.host.registry, "query") == (1 if answer == b"" else 0)
    release.set()
    await until(lambda: len(sent) == 1)
