"""Many messages in answer to one query."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from resolver.errors import WireError
from resolver.listeners.connection import Send
from tests.listeners.streams import Client, Server, Service, message, until


class Transfer:
    """Messages that are made one by one; ``broken`` is the one that cannot be made."""

    def __init__(self, numbers: Iterator[int], size: int = 12, broken: int = -1) -> None:
        self._numbers = numbers
        self._size = size
        self._broken = broken
        self.made = 0
        self.closed = 0

    def __next__(self) -> bytes:
        number = next(self._numbers)
        if number == self._broken:
            raise WireError("no")
        self.made += 1
        return message(number, self._size)

    def close(self) -> None:
        self.closed += 1


class Primary(Service):
    """Answers with a transfer to the numbers that have one."""

    def __init__(self, **transfers: Transfer) -> None:
        super().__init__()
        self.transfers = {int(name[1:]): transfer for name, transfer in transfers.items()}

    def __call__(self, packet: bytes, client: Any, local: Any, transport: str, send: Send) -> Any:
        answer = super().__call__(packet, client, local, transport, send)
        return self.transfers.get(int.from_bytes(packet[:2], "big"), answer) if answer is not None else None

    def answer(self, number: int) -> None:
        self.sends.pop(number)(self.transfers.get(number) or message(number))


async def test_all_messages_arrive_in_their_order() -> None:
    transfer = Transfer(iter(range(100, 150)))
    async with Server(Primary(n1=transfer)) as server, Client(server.port) as client:
        client.send(1)
        assert [await client.receive() for _ in range(50)] == list(range(100, 150))
        await until(lambda: transfer.closed == 1)


async def test_a_transfer_may_be_ready_later() -> None:
    service = Primary(n1=Transfer(iter((8, 9))))
    service.held = {1}
    async with Server(service) as server, Client(server.port) as client:
        client.send(1, 2)
        assert await client.receive() == 2
        service.answer(1)
        assert [await client.receive(), await client.receive()] == [8, 9]


async def test_transfers_and_queries_of_one_client_take_turns() -> None:
    service = Primary(n1=Transfer(iter([10] * 50)), n2=Transfer(iter([20] * 50)))
    async with Server(service) as server, Client(server.port) as client:
        client.send(1, 2, 3)
        got = [await client.receive() for _ in range(101)]
    assert got[:5] == [3, 10, 20, 10, 20]


async def test_messages_wait_for_the_client_and_not_in_memory() -> None:
    transfer = Transfer(iter([1] * 2000), size=16_000)
    async with Server(Primary(n1=transfer)) as server, Client(server.port, receive_buffer=4096) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.send(1)
        (connection,) = await connections(server)
        await until(lambda: connection.choked)
        made = transfer.made
        await asyncio.sleep(0.05)
        assert transfer.made == made < 1000
        assert connection.stream.get_write_buffer_size() < server.listener.limits.write_buffer + 2 * 16_002


async def every(client: Client, count: int) -> list[int]:
    return [await client.receive() for _ in range(count)]


async def connections(server: Server) -> list[Any]:
    await until(lambda: bool(server.listener.connections))
    return list(server.listener.connections)


async def test_a_transfer_ends_with_its_client() -> None:
    transfer = Transfer(iter([1] * 100_000), size=16_000)
    async with Server(Primary(n1=transfer)) as server:
        async with Client(server.port) as client:
            client.send(1)
            await client.receive()
            client.reset()
        await until(lambda: transfer.closed == 1)
        assert transfer.made < 100_000


async def test_a_transfer_that_is_ready_after_its_client_has_gone_is_closed() -> None:
    transfer = Transfer(iter((1,)))
    service = Primary(n1=transfer)
    service.held = {1}
    async with Server(service) as server:
        async with Client(server.port) as client:
            client.send(1)
            await until(lambda: 1 in service.sends)
            client.reset()
        await until(lambda: not server.listener.connections)
        service.answer(1)
    assert (transfer.made, transfer.closed) == (0, 1)


async def test_a_transfer_that_breaks_off_is_seen_as_such() -> None:
    transfer = Transfer(iter(range(10)), broken=5)
    async with Server(Primary(n1=transfer)) as server, Client(server.port) as client:
        client.send(1)
        with pytest.raises((EOFError, ConnectionError)):
            await every(client, 10)
        assert transfer.closed == 1
        assert server.closed("error") == 1


async def test_a_client_that_says_no_more_still_gets_the_whole_transfer() -> None:
    async with Server(Primary(n1=Transfer(iter(range(50))))) as server, Client(server.port) as client:
        client.send(1)
        client.writer.write_eof()
        assert [await client.receive() for _ in range(50)] == list(range(50))
