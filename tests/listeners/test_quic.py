"""DNS over QUIC: queries on streams, and what happens to those who break the rules (RFC 9250)."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from aioquic.quic.connection import QuicConnection

from resolver.chain.capabilities import Pem
from resolver.errors import WireError
from resolver.listeners import quic_client
from resolver.wire.framing import frame
from tests.listeners.quic_scenes import SERVER, Certificate, answer_to, scene
from tests.runtime.clients import question
from tests.support.certificates import make_pair
from tests.support.quic_clients import configuration, peer, until

QUERY = question("www.example.org", message_id=0)
PROTOCOL_ERROR, EXCESSIVE_LOAD, UNSPECIFIED_ERROR = 2, 4, 5
RESPONSES = "coredns_dns_quic_responses_total"
CLOSED = "coredns_dns_stream_closed_total"
OPEN = "coredns_dns_stream_connections"


async def test_each_query_is_answered_on_its_stream_and_the_stream_ends() -> None:
    async with scene() as here, peer(here.port) as client:
        for _ in range(3):
            assert await client.ask(QUERY) == answer_to(QUERY)
        assert here.seen[2] == "quic"
        assert here.seen[0] == ("127.0.0.1", client.port)
        assert here.count(RESPONSES, SERVER, "0x0") == 3
        assert here.count(OPEN) == 1


async def test_queries_are_answered_where_each_datagram_takes_a_system_call() -> None:
    async with scene(batched=False) as here, peer(here.port) as client:
        assert await client.ask(QUERY) == answer_to(QUERY)


@pytest.mark.parametrize("batched", [True, False])
async def test_on_a_wildcard_socket_answers_leave_from_the_address_that_was_asked(batched: bool) -> None:
    async with scene(host="0.0.0.0", batched=batched) as here, peer(here.port, "127.0.0.9") as client:
        assert await client.ask(QUERY) == answer_to(QUERY)
        assert here.seen[1] == ("127.0.0.9", here.port)


async def test_answers_overtake_each_other() -> None:
    async with scene() as here, peer(here.port) as client:
        here.late = True
        first = client.send(frame(QUERY))
        await until(lambda: len(here.waiting) == 1)
        here.late = False
        assert await client.ask(QUERY) == answer_to(QUERY)
        assert first not in client.whole
        here.answer()
        assert (await client.answer(first))[2:] == answer_to(QUERY)


async def test_a_query_may_come_in_pieces() -> None:
    async with scene() as here, peer(here.port) as client:
        octets = frame(QUERY)
        stream = client.send(octets[:1], end=False)
        for octet in octets[1:-1]:
            client.send(bytes([octet]), end=False, stream=stream)
        client.send(octets[-1:], end=True, stream=stream)
        assert (await client.answer(stream))[2:] == answer_to(QUERY)


async def test_an_answer_of_the_greatest_size_arrives() -> None:
    async with scene() as here, peer(here.port) as client:
        here.reply = lambda packet: bytes(65_535)
        assert await client.ask(QUERY) == bytes(65_535)


KEEPALIVE = QUERY[:11] + b"\x01" + QUERY[12:] + b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x0b\0\0"


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(frame(question("a.example", message_id=7)), id="the ID is not 0"),
        pytest.param(frame(QUERY) * 2, id="two queries on a stream"),
        pytest.param(frame(QUERY)[:-1], id="the end comes before that of the message"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0\0", id="a message without octets"),
        pytest.param(b"\0\x05hello", id="no message"),
        pytest.param(frame(answer_to(QUERY)), id="an answer"),
        pytest.param(frame(KEEPALIVE), id="an option that has no place here"),
        pytest.param(bytes(2) * 40_000, id="more than any message"),
    ],
)
async def test_what_breaks_the_rules_ends_the_connection(octets: bytes) -> None:
    async with scene() as here, peer(here.port) as client:
        assert await client.ask(QUERY) == answer_to(QUERY)
        client.send(octets)
        await until(lambda: client.is_closing)
        assert client.code == PROTOCOL_ERROR
        assert len(here.asked) == 1
        await until(lambda: here.count(OPEN) == 0)
        assert here.count(RESPONSES, "0x2") == 1
        assert here.count(CLOSED, "malformed") == 1


async def test_streams_on_which_only_the_client_speaks_are_not_allowed() -> None:
    async with scene() as here, peer(here.port) as client:
        await client.ask(QUERY)
        client._quic._remote_max_streams_uni = 1
        client.send(b"hello", stream=client._quic.get_next_available_stream_id(is_unidirectional=True))
        await until(lambda: here.count(OPEN) == 0)


async def test_a_query_that_nobody_answers_has_its_stream_reset() -> None:
    async with scene() as here, peer(here.port) as client:
        here.reply = lambda packet: b""
        stream = client.send(frame(QUERY))
        await until(lambda: stream in client.reset)
        assert client.reset[stream] == UNSPECIFIED_ERROR
        assert here.count(RESPONSES, "0x5") == 1


async def test_slow_streams_end_alone() -> None:
    async with scene(read_timeout=0.2) as here, peer(here.port) as client:
        slow = client.send(frame(QUERY)[:1], end=False)
        assert await client.ask(QUERY) == answer_to(QUERY)
        await until(lambda: slow in client.reset)
        assert client.reset[slow] == EXCESSIVE_LOAD
        assert await client.ask(QUERY) == answer_to(QUERY)
        assert here.count(CLOSED, "read_timeout") == 1


async def test_whoever_takes_back_one_query_after_another_loses_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quic_client, "_PATIENCE", 5)
    async with scene() as here, peer(here.port) as client:
        here.late = True
        for turn in range(6):
            stream = client.send(frame(QUERY))
            await until(lambda turn=turn: len(here.waiting) > turn)  # type: ignore[misc]
            client.cancel(stream)
        await until(lambda: client.is_closing)
        assert client.code == EXCESSIVE_LOAD
        while here.waiting:
            here.answer()
        assert here.listener is not None
        assert here.listener.active == 0


async def test_a_client_may_not_open_more_streams_than_it_was_told() -> None:
    async with scene(quic_streams=4) as here, peer(here.port) as client:
        await client.ask(QUERY)
        assert client._quic._remote_max_streams_bidi in (4, 5)
        client._quic._remote_max_streams_bidi = 1000
        for _ in range(20):
            client.send(b"\0", end=False)
        await until(lambda: client.is_closing)
        assert here.count(OPEN) == 0


async def test_streams_that_are_done_make_room_for_others() -> None:
    async with scene(quic_streams=4) as here, peer(here.port) as client:
        for _ in range(50):
            assert await client.ask(QUERY) == answer_to(QUERY)
        assert len(here.asked) == 50


async def test_gaps_in_streams_do_not_take_memory_without_end() -> None:
    async with scene() as here, peer(here.port) as client:
        await client.ask(QUERY)
        for _ in range(20):
            stream = client.send(b"", end=False)
            found = client._quic._get_or_create_stream_for_send(stream)
            found.sender._buffer_start = found.sender._buffer_stop = found.sender.highest_offset = 60_000
            client.send(b"x", end=False, stream=stream)
            await until(lambda: client.is_closing or not client._quic._loss.bytes_in_flight)
        await until(lambda: client.is_closing)
        assert client.code == EXCESSIVE_LOAD
        assert here.count(CLOSED, "too_much") == 1


async def test_only_so_many_queries_are_worked_out_at_once() -> None:
    async with scene(quic_workers=2) as here, peer(here.port) as client, peer(here.port) as other:
        here.late = True
        streams = [(one, one.send(frame(QUERY))) for one in (client, client, client, other)]
        await until(lambda: len(here.waiting) == 2)
        await other.ping()  # all that was sent has been looked at
        assert len(here.asked) == 2
        for _ in range(4):
            here.answer()
        for one, stream in streams:
            assert (await one.answer(stream))[2:] == answer_to(QUERY)


async def test_an_idle_connection_makes_room_for_a_new_one_and_busy_ones_do_not() -> None:
    async with scene(quic_connections=2) as here, peer(here.port) as busy:
        here.late = True
        stream = busy.send(frame(QUERY))
        await until(lambda: len(here.waiting) == 1)
        here.late = False
        async with peer(here.port) as idle:
            await idle.ask(QUERY)
            async with peer(here.port) as new:
                assert await new.ask(QUERY) == answer_to(QUERY)
                await until(lambda: idle.is_closing)
                here.late = True
                new.send(frame(QUERY))
                await until(lambda: len(here.waiting) == 2)
                with pytest.raises(ConnectionError):
                    async with peer(here.port):
                        pass
        here.answer()
        assert (await busy.answer(stream))[2:] == answer_to(QUERY)


async def test_a_handshake_has_its_time() -> None:
    async with scene(read_timeout=0.5) as here:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.setblocking(False)
            mute.sendto(first_packet(), ("127.0.0.1", here.port))
            await until(lambda: here.count(OPEN) == 1)
            await until(lambda: here.count(OPEN) == 0)
            assert here.count(CLOSED, "handshake_timeout") == 1


async def test_under_pressure_clients_have_to_show_that_they_receive() -> None:
    async with scene() as here:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            for _ in range(40):
                mute.sendto(first_packet(), ("127.0.0.1", here.port))
            await until(lambda: here.count(OPEN) == 16)
            async with peer(here.port) as client:
                assert await client.ask(QUERY) == answer_to(QUERY)
                assert client._quic._retry_count == 1
            assert here.count(OPEN) <= 17


@pytest.mark.parametrize(
    "packet", [b"", b"\0", b"\xc0", bytes(1200), b"\xff" * 1200, b"\xc0\0\0\0\x01\x14" + b"x" * 1300, b"@" * 40]
)
async def test_garbage_is_not_answered_and_harms_nobody(packet: bytes) -> None:
    async with scene() as here, peer(here.port) as client:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(packet, ("127.0.0.1", here.port))
            assert await client.ask(QUERY) == answer_to(QUERY)
            await asyncio.sleep(0)
            stranger.setblocking(False)
            with pytest.raises(BlockingIOError):
                stranger.recv(2000)


async def test_other_versions_are_told_which_there_are() -> None:
    async with scene() as here:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            sent = bytearray(first_packet())
            sent[1:5] = b"\x1a\x2a\x3a\x4a"
            stranger.sendto(sent, ("127.0.0.1", here.port))
            loop = asyncio.get_running_loop()
            answer = await asyncio.wait_for(loop.sock_recv(stranger, 2000), 5)
            assert answer[1:5] == bytes(4)
            assert b"\0\0\0\x01" in answer[5:]
            assert len(answer) < len(sent)


async def test_when_it_stops_answers_under_way_leave_first() -> None:
    async with scene() as here, peer(here.port) as client, peer(here.port) as idle:
        assert here.listener is not None
        await idle.ask(QUERY)
        here.late = True
        stream = client.send(frame(QUERY))
        await until(lambda: len(here.waiting) == 1)
        stopping = asyncio.create_task(here.listener.stop())
        await until(lambda: idle.is_closing)
        assert idle.code == 0
        assert not stopping.done()
        here.answer()
        assert (await client.answer(stream))[2:] == answer_to(QUERY)
        await stopping
        await until(lambda: client.is_closing)
        assert client.code == 0


async def test_a_new_certificate_is_for_new_connections(tmp_path: Path) -> None:
    certificate = Certificate()
    async with scene(certificate=certificate) as here, peer(here.port) as before:
        await before.ask(QUERY)
        certificate.now = Pem(*make_pair())
        file = tmp_path / "authority.pem"
        file.write_bytes(certificate.now.certificate)
        async with peer(here.port, settings=configuration(authority=file)) as after:
            assert await after.ask(QUERY) == answer_to(QUERY)
            assert before.certificate != after.certificate
        assert await before.ask(QUERY) == answer_to(QUERY)


async def test_a_client_that_moves_goes_on() -> None:
    async with scene() as here, peer(here.port) as client:
        assert await client.ask(QUERY) == answer_to(QUERY)
        loop = asyncio.get_running_loop()
        moved, _ = await loop.create_datagram_endpoint(lambda: client, local_addr=("::", 0))
        try:
            assert await client.ask(QUERY) == answer_to(QUERY)
            assert here.seen[0] == ("127.0.0.1", moved.get_extra_info("sockname")[1])
        finally:
            moved.close()


def first_packet() -> bytes:
    """What a client sends first."""
    quic = QuicConnection(configuration=configuration())
    quic.connect(("127.0.0.1", 1), 0.0)
    return quic.datagrams_to_send(0.0)[0][0]


class Messages:
    """So many messages in answer to one, and perhaps an error behind them."""

    def __init__(self, count: int, size: int = 50_000, error: bool = False) -> None:
        self.left, self.size, self.error = count, size, error
        self.closed = False

    def __next__(self) -> bytes:
        if not self.left and self.error:
            raise WireError("the rest cannot be made")
        if not self.left:
            raise StopIteration
        self.left -= 1
        return bytes(self.size)

    def close(self) -> None:
        self.closed = True


def _transfers() -> None:
    async def run() -> None:
        messages = Messages(20)
        async with scene() as here, peer(here.port) as client:
            here.reply = lambda packet: messages
            octets = await client.answer(client.send(frame(QUERY)))
            assert octets == frame(bytes(50_000)) * 20
            await until(lambda: messages.closed)

    uvloop = pytest.importorskip("uvloop")
    uvloop.run(run())


async def test_many_messages_leave_on_one_stream_as_the_client_takes_them() -> None:
    messages = Messages(20)
    async with scene() as here, peer(here.port) as client:
        here.reply = lambda packet: messages
        octets = await client.answer(client.send(frame(QUERY)))
        assert octets == frame(bytes(50_000)) * 20
        assert messages.closed


async def test_many_messages_leave_with_uvloop_too() -> None:
    await asyncio.to_thread(_transfers)


async def test_half_of_many_messages_is_not_taken_for_all() -> None:
    messages = Messages(2, error=True)
    async with scene() as here, peer(here.port) as client:
        here.reply = lambda packet: messages
        stream = client.send(frame(QUERY))
        await until(lambda: stream in client.reset)
        assert client.reset[stream] == 1
        assert messages.closed


async def test_messages_are_made_no_faster_than_the_client_takes_them() -> None:
    messages = Messages(1000)
    async with scene() as here:
        settings = configuration()
        settings.max_stream_data = settings.max_data = 1000
        async with peer(here.port, settings=settings) as client:
            client._quic._write_stream_limits = lambda **_: None  # type: ignore[method-assign]
            client._quic._write_connection_limits = lambda **_: None  # type: ignore[method-assign]
            here.reply = lambda packet: messages
            stream = client.send(frame(QUERY))
            await until(lambda: messages.left <= 998)
            await client.ping()
            await client.ping()
            assert messages.left >= 990
            client.cancel(stream)
            await until(lambda: messages.closed)
