"""What counts as served, and what as an answer."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path

import pytest

from resolver.node.probe import bound_sockets, silent

HOST = ip_address("127.0.0.1")


class Answering(asyncio.DatagramProtocol):
    """Answers every datagram with what ``answer`` makes of it."""

    def __init__(self, header: bytes) -> None:
        self.header = header
        self.seen: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.seen.append(data)
        if self.header:
            self.transport.sendto(data[:2] + self.header + data[4:], addr)  # type: ignore[attr-defined]


async def server(header: bytes) -> tuple[asyncio.DatagramTransport, Answering, int]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Answering(header), local_addr=("127.0.0.1", 0))
    return transport, protocol, transport.get_extra_info("sockname")[1]


async def test_an_address_is_served_when_it_answers_whatever_it_says() -> None:
    transport, protocol, port = await server(b"\x90\x04")  # NOTIMP
    assert await silent([HOST], port, rules=True) == ()
    assert len(protocol.seen[0]) == 12
    transport.close()


async def test_a_socket_that_does_not_answer_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.node.probe.ANSWER_TIME", 0.05)
    for header in (b"", b"\x10\x00"):  # no answer, and a query that comes back
        transport, _, port = await server(header)
        assert await silent([HOST], port, rules=True) == (HOST,)
        transport.close()


async def test_without_rules_only_link_local_addresses_are_asked() -> None:
    transport, protocol, port = await server(b"")
    assert await silent([HOST], port, rules=False) == ()
    assert protocol.seen == []
    transport.close()


async def test_an_address_that_nobody_is_bound_to_is_silent_with_or_without_rules() -> None:
    transport, _, port = await server(b"\x90\x04")
    other = ip_address("127.0.0.2")
    transport.close()
    await asyncio.sleep(0)
    for rules in (True, False):
        assert await silent([HOST, other], port, rules=rules) == (HOST, other)


TABLE4 = """   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
 1: 0A14FEA9:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0
 2: 0B14FEA9:0035 0100007F:0009 01 00000000:00000000 00:00000000 00000000     0
 3: 0C14FEA9:0036 00000000:0000 07 00000000:00000000 00:00000000 00000000     0
"""
TABLE6 = """  sl  local_address                         remote_address                        st
 1: 000000FD000000000000000010000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000
"""


def test_sockets_that_have_left_or_are_on_another_port_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "udp").write_text(TABLE4)
    (tmp_path / "udp6").write_text(TABLE6)
    assert bound_sockets(tmp_path, 53) == {"0A14FEA9", "000000FD000000000000000010000000"}


def test_a_kernel_without_ipv6_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "udp").write_text(TABLE4)
    assert bound_sockets(tmp_path, 54) == {"0C14FEA9"}
