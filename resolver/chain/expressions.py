"""What expressions of *view* and *template* may ask of a query."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final

from resolver.chain.query import DATAGRAMS, Query
from resolver.config.expression import ExpressionError, Function, Kind
from resolver.wire.constants import MAX_MESSAGE, MIN_UDP_SIZE, class_name, type_name
from resolver.wire.names import to_text

_MAPPED: Final = bytes(10) + b"\xff\xff"  # an IPv4 address in the form of an IPv6 one (RFC 4291 section 2.5.5.2)


def query_functions(of: Callable[[Any], Query]) -> dict[str, Function]:
    """The functions for subjects from which ``of`` takes the query."""
    text, number, truth = Kind.STRING, Kind.INT, Kind.BOOL
    return {
        "bufsize": Function(lambda one: _bufsize(of(one)), gives=number),
        "class": Function(lambda one: class_name(of(one).qclass), gives=text),
        "client_ip": Function(lambda one: of(one).client[0], gives=text, personal=True),
        "do": Function(lambda one: of(one).do, gives=truth),
        "id": Function(lambda one: of(one).id, gives=number, personal=True),
        "name": Function(lambda one: to_text(of(one).name), gives=text),
        "opcode": Function(lambda one: of(one).flags >> 11 & 15, gives=number),
        "port": Function(lambda one: str(of(one).client[1]), gives=text, personal=True),
        "proto": Function(lambda one: _protocol(of(one)), gives=text),
        "server_ip": Function(lambda one: of(one).local[0], gives=text, personal=True),
        "server_port": Function(lambda one: str(of(one).local[1]), gives=text),
        "size": Function(lambda one: of(one).size, gives=number),
        "type": Function(lambda one: type_name(of(one).qtype), gives=text),
        "incidr": Function(_within, (text, text), truth),
        "metadata": Function(lambda one, label: (of(one).metadata or {}).get(label, ""), (text,), text, personal=True),
    }


def _protocol(query: Query) -> str:
    return "udp" if query.transport in DATAGRAMS else "tcp"


def _bufsize(query: Query) -> int:
    if _protocol(query) == "tcp":
        return MAX_MESSAGE
    return MIN_UDP_SIZE if query.edns is None else max(query.edns.size, MIN_UDP_SIZE)


def _within(_: Any, address: str, network: str) -> bool:
    size, shift, prefix = _network(network)
    octets = _octets(address)
    return len(octets) == size and int.from_bytes(octets, "big") >> shift == prefix


def _octets(address: str) -> bytes:
    """An address as 4 or 16 octets."""
    try:
        if ":" not in address:
            return inet_pton(AF_INET, address)
        octets = inet_pton(AF_INET6, address)
    except (OSError, ValueError):
        raise ExpressionError(f"incidr: {address[:50]!r} is not an IP address") from None
    return octets[12:] if octets.startswith(_MAPPED) else octets


@lru_cache(maxsize=1024)
def _network(text: str) -> tuple[int, int, int]:
    """Octets of an address, bits that are not the network's, and the network's bits as a number."""
    try:
        if "/" not in text or len(text) > 50 or "." in text.partition("/")[2]:
            raise ValueError
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ExpressionError(f"incidr: {text[:50]!r} is not a network") from None
    shift = network.max_prefixlen - network.prefixlen
    return network.max_prefixlen // 8, shift, int(network.network_address) >> shift
