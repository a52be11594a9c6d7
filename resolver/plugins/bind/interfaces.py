"""The addresses of this machine's interfaces, asked of the Linux kernel (rtnetlink(7))."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from struct import Struct

_MESSAGE = Struct("=IHHII")  # length, type, flags, sequence, port
_ADDRESS = Struct("=BBBBI")  # family, prefix length, flags, scope, interface index
_ATTRIBUTE = Struct("=HH")  # length, type
_ERROR, _DONE, _NEW_ADDRESS, _GET_ADDRESS = 2, 3, 20, 22
_REQUEST_DUMP = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RECEIVED = 1 << 16
_LONGEST_WAIT = 2.0  # seconds


def interface_addresses() -> dict[str, tuple[str, ...]]:
    """The addresses of each interface by its name; link-local IPv6 addresses carry it (``fe80::1%eth0``).

    Empty where the kernel cannot be asked: then only addresses can be bound.
    """
    try:
        names = dict(socket.if_nameindex())
        found: dict[str, list[str]] = {name: [] for name in names.values()}
        for index, address in _read_addresses():
            if index in names:
                found[names[index]].append(_text(address, names[index]))
    except (OSError, AttributeError):  # AttributeError: not Linux
        return {}
    return {name: tuple(addresses) for name, addresses in found.items()}


def _text(address: ipaddress.IPv4Address | ipaddress.IPv6Address, interface: str) -> str:
    needs_interface = address.version == 6 and address.is_link_local
    return f"{address}%{interface}" if needs_interface else str(address)


def _read_addresses() -> Iterator[tuple[int, ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(_LONGEST_WAIT)
        kernel.bind((0, 0))
        request = _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        kernel.send(_MESSAGE.pack(_MESSAGE.size + len(request), _GET_ADDRESS, _REQUEST_DUMP, 1, 0) + request)
        while True:
            for kind, body in messages(kernel.recv(_RECEIVED)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError("the kernel refuses to list addresses")
                if kind == _NEW_ADDRESS and (found := _address(body)) is not None:
                    yield found


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each netlink message as type and body; what does not add up ends the list."""
    at = 0
    while at + _MESSAGE.size <= len(data):
        length, kind, _, _, _ = _MESSAGE.unpack_from(data, at)
        if length < _MESSAGE.size or at + length > len(data):
            return
        yield kind, data[at + _MESSAGE.size : at + length]
        at += (length + 3) & ~3


def _address(body: bytes) -> tuple[int, ipaddress.IPv4Address | ipaddress.IPv6Address] | None:
    if len(body) < _ADDRESS.size:
        return None
    index = _ADDRESS.unpack_from(body)[4]
    attributes = dict(_attributes(body[_ADDRESS.size :]))
    octets = attributes.get(_IFA_LOCAL) or attributes.get(
        _IFA_ADDRESS
    )  # on point-to-point links the second is the peer
    if octets is None or len(octets) not in (4, 16):
        return None
    return index, ipaddress.IPv4Address(octets) if len(octets) == 4 else ipaddress.IPv6Address(octets)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
