"""Zones on their way out, as their clients see them."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from weakref import ref

import pytest

from resolver.listeners.tcp import TcpListener
from tests.runtime.serving import free_port, until
from tests.support.zones import HOST, KEY, KEY_NAME, SECRET, answer, serving, transferred, write

ALL = {
    "www.example.org. 300 IN A 192.0.2.1",
    "ns.example.org. 300 IN A 192.0.2.53",
    "example.org. 300 IN NS ns.example.org.",
}


@pytest.fixture
def port() -> int:
    return free_port()


def corefile(port: int, path: Path, *lines: str, to: str = "to *") -> str:
    inner = "\n ".join((f"bind {HOST}", "errors", *lines, f"file {path} example.org"))
    return f"example.org:{port} {{\n {inner}\n transfer {{\n {to}\n }}\n}}\n"


def serial_of(line: str) -> int:
    return int(line.split()[6])


async def test_a_transfer_has_all_records_between_two_soa_records(port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, "www A 192.0.2.1")
    async with serving(corefile(port, path)) as one:
        lines = await transferred(port)
        await until(
            lambda: "transfer of example.org. with serial 7 to 127.0.0.1 done: 5 records" in one.output.getvalue()
        )
    assert lines[0] == lines[-1]
    assert serial_of(lines[0]) == 7
    assert set(lines[1:-1]) == ALL


async def test_a_large_zone_takes_many_messages_and_arrives_whole(port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, *(f"host{number} A 192.0.2.1" for number in range(5000)))
    async with serving(corefile(port, path)):
        lines = await transferred(port)
    assert len(set(lines)) == 5003


async def test_each_message_of_a_signed_transfer_is_signed(port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, *(f"host{number} A 192.0.2.1" for number in range(3000)))
    tsig = f"tsig {{\n secret {KEY_NAME} {SECRET}\n require AXFR\n }}"
    async with serving(corefile(port, path, tsig)):
        assert len(set(await transferred(port, key=KEY))) == 3003
        assert (await answer(port, "example.org", "AXFR", over="tcp")).rcode() == 5


async def test_udp_is_refused(port: int, tmp_path: Path) -> None:
    async with serving(corefile(port, write(tmp_path, 7))):
        assert (await answer(port, "example.org", "AXFR")).rcode() == 5
        assert (await answer(port, "example.org", "IXFR")).rcode() == 5


@pytest.mark.parametrize("name", ["www.example.org", "sub.example.org", "org"])
async def test_what_is_no_zone_is_refused(port: int, tmp_path: Path, name: str) -> None:
    async with serving(corefile(port, write(tmp_path, 7, "www A 192.0.2.1"))):
        assert (await answer(port, name, "AXFR", over="tcp")).rcode() == 5


async def test_only_those_who_are_named_may_transfer(port: int, tmp_path: Path) -> None:
    async with serving(corefile(port, write(tmp_path, 7), to="to 127.0.0.9")):
        assert (await answer(port, "example.org", "AXFR", over="tcp")).rcode() == 5
    async with serving(corefile(port, write(tmp_path, 7), to="to 127.0.0.9 127.0.0.1:1")):
        assert len(await transferred(port)) == 4


async def test_the_longest_zone_by_labels_says_who_may(port: int, tmp_path: Path) -> None:
    # as text zz.example.org sorts behind a.b.example.org, and is shorter
    more = "transfer org {\n to *\n }\n transfer example.org {\n to 127.0.0.9\n }"
    path = write(tmp_path, 7)
    text = f".:{port} {{\n bind {HOST}\n file {path} example.org\n transfer . {{\n to *\n }}\n {more}\n}}\n"
    async with serving(text):
        assert (await answer(port, "example.org", "AXFR", over="tcp")).rcode() == 5


async def test_a_client_that_is_up_to_date_gets_the_soa_alone(port: int, tmp_path: Path) -> None:
    async with serving(corefile(port, write(tmp_path, 7))):
        assert len(await transferred(port, serial=7)) == 1
        assert len(await transferred(port, serial=8)) == 1
        assert len(await transferred(port, serial=6)) == 4


async def test_an_ixfr_without_a_serial_is_malformed(port: int, tmp_path: Path) -> None:
    async with serving(corefile(port, write(tmp_path, 7))):
        assert (await answer(port, "example.org", "IXFR", over="tcp")).rcode() == 1


async def test_what_changed_is_all_that_an_ixfr_brings(port: int, tmp_path: Path) -> None:
    text = corefile(port, write(tmp_path, 7, "www A 192.0.2.1"))
    text = text.replace(" example.org\n transfer", " example.org {\n reload 200ms\n }\n transfer")
    async with serving(text) as one:
        write(tmp_path, 8, "www A 192.0.2.2")
        await until(lambda: {zone.serial for zone in one.part("file").zones().values()} == {8})
        lines = await transferred(port, serial=7)
    assert [line.split()[3] for line in lines] == ["SOA", "SOA", "A", "SOA", "A", "SOA"]
    assert [line.split()[4] for line in lines if line.split()[3] == "A"] == ["192.0.2.1", "192.0.2.2"]
    assert [serial_of(line) for line in lines if "SOA" in line] == [8, 7, 8, 8]


async def test_the_next_transfer_fails_when_too_many_are_under_way(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.plugins.transfer.handler.MOST_TRANSFERS", 1)
    path = write(tmp_path, 7, *(f"host{number} TXT {'x' * 200}" for number in range(20_000)))
    async with serving(corefile(port, path)) as one:
        _, writer = await asyncio.open_connection(HOST, port, limit=1024)
        query = b"\0\1\0\0\0\1\0\0\0\0\0\0\7example\3org\0\0\xfc\0\1"
        writer.write(len(query).to_bytes(2, "big") + query)
        await until(lambda: one.part("transfer").under_way == 1)
        assert (await answer(port, "example.org", "AXFR", over="tcp")).rcode() == 2
        writer.transport.abort()
        await until(lambda: one.part("transfer").under_way == 0)
        assert "the client is gone or too slow" in one.output.getvalue()


async def test_a_client_that_does_not_read_costs_no_memory_and_is_disconnected(port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7, *(f"host{number} TXT {'x' * 200}" for number in range(30_000)))
    text = corefile(port, path, "timeouts {\n write 1s\n }")
    async with serving(text) as one:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (HOST, port))
        query = b"\0\1\0\0\0\1\0\0\0\0\0\0\7example\3org\0\0\xfc\0\1"
        await loop.sock_sendall(sock, len(query).to_bytes(2, "big") + query)
        await until(lambda: one.part("transfer").under_way == 1)
        listener = one.server.ports[next(iter(one.server.ports))].tcp[0]
        assert isinstance(listener, TcpListener)
        connection = next(iter(listener.connections))
        await until(lambda: connection.choked)
        assert connection.stream is not None
        assert connection.stream.get_write_buffer_size() < 1 << 20
        assert (await answer(port, "host7.example.org", "TXT")).rcode() == 0
        await until(lambda: one.part("transfer").under_way == 0)
        sock.close()
    assert "the client is gone or too slow" in one.output.getvalue()


async def test_a_reload_leaves_nothing_behind(port: int, tmp_path: Path) -> None:
    path = write(tmp_path, 7)
    async with serving(corefile(port, path)) as one:
        await transferred(port)
        old = ref(one.part("transfer"))
        await one.apply(corefile(port, path))
        assert old() is None
        assert len(await transferred(port)) == 4
