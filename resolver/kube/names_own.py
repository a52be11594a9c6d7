"""Which addresses this machine (or Pod) has, as others may know this server by them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from struct import Struct
from typing import Final

from resolver.chain.capabilities import Listening, ListenSettings, offering

# The messages of rtnetlink(7).
_HEADER = Struct("=IHHII")
_ADDRESS = Struct("=BBBBI")
_ATTRIBUTE = Struct("=HH")
_GET, _NEW, _DONE, _ERROR = 22, 20, 3, 2
_REQUEST_DUMP: Final = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_MAX_OCTETS: Final = 1 << 20
_TIMEOUT: Final = 1.0


def own_addresses(parts: Iterable[object]) -> list[bytes]:
    """The packed addresses by which a server block is reached: those it is bound to, else those of all interfaces.

    Loopback and link-local addresses are left out: they mean nothing to others.
    """
    settings = ListenSettings()
    for part in offering(parts, Listening):
        settings = part.listen(settings)
    bound = [packed for text in settings.addresses if (packed := _packed(text)) is not None]
    found = bound or list(interface_addresses())
    return [packed for packed in dict.fromkeys(found) if _is_public(packed)]


def interface_addresses() -> Iterator[bytes]:
    """The packed addresses of all interfaces as the kernel has them, none where it cannot be asked."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
            link.settimeout(_TIMEOUT)
            link.bind((0, 0))
            link.send(
                _HEADER.pack(_HEADER.size + _ADDRESS.size, _GET, _REQUEST_DUMP, 1, 0) + _ADDRESS.pack(0, 0, 0, 0, 0)
            )
            yield from _dump(link)
    except (OSError, AttributeError):
        return


def _dump(link: socket.socket) -> Iterator[bytes]:
    octets = 0
    while octets < _MAX_OCTETS:
        message = link.recv(65536)
        octets += len(message)
        offset = 0
        while offset + _HEADER.size <= len(message):
            length, kind, _, _, _ = _HEADER.unpack_from(message, offset)
            if kind in (_DONE, _ERROR) or length < _HEADER.size:
                return
            if kind == _NEW:
                yield from _address(message[offset + _HEADER.size : offset + length])
            offset += length + 3 & ~3


def _address(payload: bytes) -> Iterator[bytes]:
    """The local address of an interface; on point-to-point links the other attribute is that of the peer."""
    found: dict[int, bytes] = {}
    offset = _ADDRESS.size
    while offset + _ATTRIBUTE.size <= len(payload):
        length, kind = _ATTRIBUTE.unpack_from(payload, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = payload[offset + _ATTRIBUTE.size : offset + length]
        offset += length + 3 & ~3
    address = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
    if address is not None and len(address) in (4, 16):
        yield address


def _packed(text: str) -> bytes | None:
    try:
        return ip_address(text).packed
    except ValueError:
        return None


def _is_public(packed: bytes) -> bool:
    address = ip_address(packed)
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)
