"""Whether an address is one that this very process answers at: to look an upstream up there would go in a circle."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from sys import byteorder
from typing import Final, TypeAlias

from resolver.upstream.address import Address, family, sockaddr

_PROCESS: Final = Path("/proc/self")
_LINES: Final = 65_536  # of a table that are read
_Ip: TypeAlias = IPv4Address | IPv6Address


def is_own(address: Address, process: Path = _PROCESS) -> bool:
    """Whether one of our UDP sockets listens there. Where the system does not tell (no /proc), the answer is no."""
    try:
        wanted = _plain(ip_address(address.host.partition("%")[0]))
        sockets = set(_sockets(process))
        found = {ip for table in ("udp", "udp6") for ip in _bound(process / "net" / table, sockets, address.port)}
    except (OSError, ValueError):
        return False
    return wanted in found or (any(ip.is_unspecified for ip in found) and _is_local(address))


def _sockets(process: Path) -> Iterator[str]:
    """The inodes of the process' sockets."""
    for link in (process / "fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def _bound(table: Path, inodes: set[str], port: int) -> Iterator[_Ip]:
    """The addresses at which those of our sockets listen that are at this port and connected to nobody; see proc(5)."""
    with table.open() as lines:
        for _, line in zip(range(_LINES), lines, strict=False):
            words = line.split()
            if len(words) < 10 or words[9] not in inodes:
                continue
            host, _, number = words[1].partition(":")
            if int(number, 16) == port and words[2].endswith(":0000"):
                yield _plain(_read(host))


def _read(text: str) -> _Ip:
    """An address of the table: words of 32 bits in the machine's own order."""
    words = bytes.fromhex(text)
    parts = (int.from_bytes(words[at : at + 4], "big") for at in range(0, len(words), 4))
    return ip_address(b"".join(part.to_bytes(4, byteorder) for part in parts))


def _plain(ip: _Ip) -> _Ip:
    """IPv4 as such, also where it is written as IPv6."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _is_local(address: Address) -> bool:
    try:
        with socket.socket(family(address.host), socket.SOCK_DGRAM) as probe:
            probe.bind(sockaddr(address.host, 0))
    except OSError:
        return False
    return True
