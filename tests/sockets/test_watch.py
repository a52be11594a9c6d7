"""Many sockets watched as one, on both event loops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from resolver.sockets.watch import Watch
from tests.plugins.chains import until


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected UDP sockets."""
    first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for one in (first, second):
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
    first.connect(second.getsockname())
    second.connect(first.getsockname())
    return first, second


async def each_socket_is_told_by_its_token() -> None:
    seen: list[tuple[str, bytes]] = []
    (near, far), (other_near, other_far) = pair(), pair()
    sockets = {"one": near, "two": other_near}
    watch: Watch[str] = Watch(asyncio.get_running_loop(), lambda token: seen.append((token, sockets[token].recv(99))))
    watch.add(near, "one")
    watch.add(other_near, "two")
    far.send(b"first")
    other_far.send(b"second")
    await until(lambda: len(seen) == 2)
    assert sorted(seen) == [("one", b"first"), ("two", b"second")]
    for sock in (near, other_near):
        watch.remove(sock)
    for sock in (near, far, other_near, other_far):
        sock.close()


async def an_error_is_told_and_the_watch_goes_on() -> None:
    near, far = pair()
    address = far.getsockname()
    seen: list[object] = []

    def take(_: str) -> None:
        try:
            seen.append(near.recv(99))
        except OSError as error:
            seen.append(type(error))

    watch: Watch[str] = Watch(asyncio.get_running_loop(), take)
    watch.add(near, "one")
    far.close()
    near.send(b"to nobody")
    await until(lambda: seen == [ConnectionRefusedError])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(address)
        again.sendto(b"back", near.getsockname())
        await until(lambda: seen[1:] == [b"back"])
    watch.remove(near)
    near.close()


async def what_was_removed_is_told_no_more() -> None:
    seen: list[str] = []
    near, far = pair()
    watch: Watch[str] = Watch(asyncio.get_running_loop(), seen.append)
    watch.add(near, "one")
    far.send(b"unread")
    watch.remove(near)
    await asyncio.sleep(0.05)
    assert seen == []
    watch.add(near, "again")
    await until(lambda: bool(seen))
    assert seen[0] == "again"
    watch.remove(near)
    near.close()
    far.close()


async def sockets_may_be_removed_while_others_are_told() -> None:
    (near, far), (other_near, other_far) = pair(), pair()
    sockets = {"one": near, "two": other_near}
    seen: list[str] = []

    def take(token: str) -> None:
        seen.append(token)
        for sock in sockets.values():
            watch.remove(sock)
        sockets.clear()

    watch: Watch[str] = Watch(asyncio.get_running_loop(), take)
    for token, sock in sockets.items():
        watch.add(sock, token)
    far.send(b"x")
    other_far.send(b"y")
    await until(lambda: bool(seen))
    await asyncio.sleep(0.05)
    assert len(seen) == 1
    for sock in (near, far, other_near, other_far):
        sock.close()


SCENARIOS = [
    each_socket_is_told_by_its_token,
    an_error_is_told_and_the_watch_goes_on,
    what_was_removed_is_told_no_more,
    sockets_may_be_removed_while_others_are_told,
]
named = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)


@named
async def test_on_asyncio(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await scenario()


@named
def test_on_uvloop(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    uvloop = pytest.importorskip("uvloop")
    uvloop.run(scenario())
