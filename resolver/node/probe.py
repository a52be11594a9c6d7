"""Whether the local addresses are served: a socket is bound to each, and each answers."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from resolver.node.settings import Address

ANSWER_TIME: Final = 1.0  # seconds
_STATUS: Final = 2 << 11  # an opcode that every server answers NOTIMP at once, without asking anybody (RFC 1035 4.1.1)
_UNCONNECTED: Final = "07"
_PROC: Final = Path("/proc/self/net")


async def silent(addresses: Sequence[Address], port: int, *, rules: bool, proc: Path = _PROC) -> tuple[Address, ...]:
    """The addresses that no socket is bound to, or that do not answer within ANSWER_TIME.

    Without ``rules`` in place a query to a Service's address goes to the cluster's DNS, so that an answer proves
    nothing, and silence neither. Only link-local addresses, which no Service has, are asked then.
    """
    bound = bound_sockets(proc, port)
    free = [address for address in addresses if _name(address) not in bound and not _wildcard(address) & bound]
    asked = [address for address in addresses if address not in free and (rules or address.is_link_local)]
    answers = await asyncio.gather(*(_answers(address, port) for address in asked))
    return (*free, *(address for address, answer in zip(asked, answers, strict=True) if not answer))


def bound_sockets(proc: Path, port: int) -> set[str]:
    """The addresses, as the kernel writes them, of UDP sockets that take queries from anybody on this port."""
    found = set()
    for table in ("udp", "udp6"):
        for fields in _rows(proc / table):
            host, _, number = fields[1].partition(":")
            if fields[3] == _UNCONNECTED and int(number, 16) == port:
                found.add(host)
    return found


def _rows(path: Path) -> Iterable[list[str]]:
    try:
        lines = path.read_text().splitlines()[1:]
    except OSError:
        return []  # a kernel without IPv6
    return [fields for fields in map(str.split, lines) if len(fields) > 3]


def _name(address: Address) -> str:
    """An address as /proc/net/udp shows it: 32-bit words in the machine's order."""
    count = len(address.packed) // 4
    return "".join(f"{word:08X}" for word in struct.unpack(f"={count}I", address.packed))


def _wildcard(address: Address) -> set[str]:
    return {"0" * 32} if address.version == 6 else {"0" * 8, "0" * 32}


async def _answers(address: Address, port: int) -> bool:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    message_id = secrets.token_bytes(2)
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.connect((str(address), port))
            sock.send(message_id + _STATUS.to_bytes(2, "big") + bytes(8))
            async with asyncio.timeout(ANSWER_TIME):
                while True:
                    answer = await loop.sock_recv(sock, 512)
                    if len(answer) > 3 and answer[:2] == message_id and answer[2] & 0x80:
                        return True
        except (OSError, TimeoutError):
            return False
