"""The addresses of interfaces, as the kernel tells them."""

from __future__ import annotations

import ipaddress
import socket
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from resolver.plugins.bind.interfaces import _address, interface_addresses, messages


def test_every_interface_is_there_and_every_address_is_one() -> None:
    found = interface_addresses()
    assert set(found) == {name for _, name in socket.if_nameindex()}
    assert "127.0.0.1" in found["lo"]
    assert all(ipaddress.ip_address(address) for addresses in found.values() for address in addresses)


def test_link_local_addresses_carry_their_interface() -> None:
    for name, addresses in interface_addresses().items():
        for address in addresses:
            link_local = ipaddress.ip_address(address).version == 6 and ipaddress.ip_address(address).is_link_local
            assert address.endswith(f"%{name}") == link_local


def attribute(kind: int, value: bytes) -> bytes:
    return pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def test_on_a_point_to_point_link_the_own_address_is_taken() -> None:
    head = pack("=BBBBI", 2, 32, 0, 0, 7)
    peer_and_own = attribute(1, b"\x0a\0\0\2") + attribute(3, b"tun0\0") + attribute(2, b"\x0a\0\0\1")
    assert _address(head + peer_and_own) == (7, ipaddress.ip_address("10.0.0.1"))
    assert _address(head + attribute(1, b"\x0a\0\0\2")) == (7, ipaddress.ip_address("10.0.0.2"))
    assert _address(head + attribute(1, b"\x0a\0")) is None


@given(st.binary(max_size=120))
def test_any_octets_from_the_kernel_end_the_reading(data: bytes) -> None:
    for _, body in messages(data):
        _address(body)
