"""Keys of server blocks and zone arguments of directives: schemes, ports, names and networks in CIDR form."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from resolver.config.model import Word
from resolver.config.nearest import nearest, shown
from resolver.config.problems import Problems
from resolver.errors import ConfigErrors, WireError
from resolver.wire import names

DEFAULT_PORTS = {"dns": 53, "tls": 853, "https": 443, "https3": 443, "quic": 853, "grpc": 443}
MAX_ADDRESSES = 200_000

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One zone that a server block serves.

    ``zone`` is in lower case with its final dot, ``wire`` the same as uncompressed wire name; ``at`` is the key.
    """

    scheme: str
    zone: str
    wire: bytes
    port: int
    at: Word


def server_addresses(keys: Sequence[Word], *, default_port: int = 53) -> tuple[ServerAddress, ...]:
    """What the keys of a server block say, in their order; a network in CIDR form may stand for several zones.

    ``default_port`` is for plain DNS without a port of its own. Raises ConfigErrors with every bad key, also for a zone
    that is there twice.
    """
    problems = Problems()
    found: dict[tuple[str, bytes, int], ServerAddress] = {}
    for key in keys:
        with problems:
            for address in _key(key, default_port):
                known = found.setdefault((address.scheme, address.wire, address.port), address)
                if known is not address:
                    raise key.error(f"{_shown(address)} is already defined at {known.at.at}")
                if len(found) > MAX_ADDRESSES:
                    raise key.error(f"the server block has more than {MAX_ADDRESSES} zones")
    problems.raise_any()
    return tuple(found.values())


def normalize_zones(word: Word) -> tuple[bytes, ...]:
    """The zone of a directive's argument as wire name in lower case; several for a network in CIDR form.

    Raises ConfigError, also for a scheme or a port: they belong to server blocks.
    """
    scheme, rest = _split_scheme(word)
    if scheme is not None:
        raise word.error("a zone has no scheme here", f"write {rest}")
    return _zones(word, rest)


def duplicates(served: Iterable[tuple[str, bytes, int, str, Word]]) -> ConfigErrors | None:
    """The mistakes in a list of what all server blocks serve: (scheme, wire name, port, address, key).

    The empty address stands for all addresses, and so meets every other one of the same zone and port.
    """
    exact: dict[tuple[str, bytes, int, str], Word] = {}
    first: dict[tuple[str, bytes, int], tuple[str, Word]] = {}
    problems = Problems()
    for scheme, zone, port, address, key in served:
        server = (scheme, zone, port)
        known = exact.get((*server, address))
        if known is not None:
            shown = _served(server) + (f" on {address}" if address else "")
            problems.add(key.error(f"{shown} is already defined at {known.at}"))
            continue
        other = exact.get((*server, ""))
        if not address and server in first:
            where, other = first[server]
            message = f"{_served(server)} meets the same zone on {where} at {other.at}"
            problems.add(key.error(message, "give both a bind"))
        elif address and other is not None:
            message = f"{_served(server)} on {address} meets the same zone on all addresses at {other.at}"
            problems.add(key.error(message, "give both a bind"))
        exact[(*server, address)] = key
        first.setdefault(server, (address, key))
    try:
        problems.raise_any()
    except ConfigErrors as errors:
        return errors
    return None


def _served(server: tuple[str, bytes, int]) -> str:
    scheme, zone, port = server
    return f"{scheme}://{names.to_text(zone)}:{port}"


def _shown(address: ServerAddress) -> str:
    return f"{address.scheme}://{address.zone}:{address.port}"


# --- one key


def _key(key: Word, default_port: int) -> Iterator[ServerAddress]:
    scheme, rest = _split_scheme(key)
    rest, port = _split_port(key, rest)
    if port is None:
        port = default_port if scheme in (None, "dns") else DEFAULT_PORTS[scheme or "dns"]
    for wire in _zones(key, rest):
        yield ServerAddress(scheme or "dns", names.to_text(wire), wire, port, key)


def _split_scheme(word: Word) -> tuple[str | None, str]:
    scheme, separator, rest = word.text.partition("://")
    if not separator:
        return None, word.text
    if scheme.lower() not in DEFAULT_PORTS:
        raise word.error(f"scheme {shown(scheme)} is not known", nearest(scheme, DEFAULT_PORTS))
    if "/" in rest and not rest.split("/", 1)[1][:1].isdigit():
        raise word.error("a server block has no path", f"write {scheme}://{rest.split('/', 1)[0]}")
    return scheme.lower(), rest


_PORT = re.compile(r"[0-9]+")


def _split_port(word: Word, text: str) -> tuple[str, int | None]:
    zone, separator, port = text.rpartition(":")
    if not separator or "/" in port or _address(text) is not None:
        return text, None
    if not port:
        raise word.error("a port must follow the colon")
    if not _PORT.fullmatch(port):
        raise word.error(f"{shown(port)} is not a port", "a port is a number from 1 to 65535")
    if len(port) > 5 or not 1 <= int(port) <= 65535:
        raise word.error(f"port {shown(port)} is out of range", "a port is a number from 1 to 65535")
    if not zone:
        raise word.error("there is no zone before the port", f'write ".:{port}" for all names')
    return zone, int(port)


# --- names and networks


def _zones(word: Word, text: str) -> tuple[bytes, ...]:
    if not text:
        raise word.error("a zone cannot be empty", 'write "." for all names')
    network = _network(text)
    if network is not None:
        return tuple(_reverse(network))
    return (_name(word, text),)


def _name(word: Word, text: str) -> bytes:
    _check_no_address(word, text)
    if len(text) > _LONGEST:
        raise word.error(f"zone {shown(text)} is longer than 255 octets")
    if not text.isascii():
        raise word.error(f"zone {shown(text)} is not ASCII", _ascii_hint(text))
    odd = _ODD.search(_ESCAPE.sub("", text))
    if odd is not None:
        raise word.error(f"zone {shown(text)} has {odd[0]!r} in it", "a zone is a name like example.org")
    if text.startswith("*."):
        raise word.error(f"{shown(text)} is not a zone", f"a zone has all names below it: write {text[2:]}")
    if text.startswith(".") and len(text) > 1:
        raise word.error(f"zone {shown(text)} begins with a dot", f"write {text.lstrip('.')}")
    try:
        return names.from_text(text).lower()
    except WireError as error:
        raise word.error(str(error)) from None


_LONGEST = 4 * 255  # every octet as an escape of four characters
_ODD = re.compile(r"[\s:{}\"(),\x00-\x1f\x7f]")
_ESCAPE = re.compile(r"\\(?:[0-9]{3}|.)", re.DOTALL)


def _check_no_address(word: Word, text: str) -> None:
    address = _address(text.strip("[]"))
    if address is not None:
        size = 32 if address.version == 4 else 128
        hint = f"bind chooses the addresses to listen on; {address}/{size} is the reverse zone of the address"
        raise word.error(f"{text} is an address, not a zone", hint)
    before, slash, _ = text.rpartition("/")
    if slash and _address(before) is not None:
        raise word.error(f"{shown(text)} is not a network", "a network is written like 10.0.0.0/8 or 2001:db8::/32")


def _ascii_hint(text: str) -> str:
    try:
        return f"write {text.encode('idna').decode()}"
    except UnicodeError:
        return "write it in its xn-- form"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not _ADDRESS.fullmatch(text):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


_ADDRESS = re.compile(r"(?=.*[.:])[0-9a-fA-F.:]+(?:%.*)?")


def _network(text: str) -> _Network | None:
    """The network of CIDR form, bits behind the mask ignored; None for what is not one."""
    address, slash, size = text.rpartition("/")
    if not slash or not _PORT.fullmatch(size) or len(size) > 3 or "%" in address:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _reverse(network: _Network) -> Iterator[bytes]:
    """The reverse zones that make up a network: at most 128 of IPv4, at most 8 of IPv6 (RFC 1035 3.5, RFC 3596 2.5)."""
    bits, top = (8, "in-addr.arpa") if network.version == 4 else (4, "ip6.arpa")
    size = -(-network.prefixlen // bits) * bits
    for part in network.subnets(new_prefix=size):
        labels = part.network_address.reverse_pointer.removesuffix("." + top).split(".")
        yield names.from_text(".".join((*labels[len(labels) - size // bits :], top)))
