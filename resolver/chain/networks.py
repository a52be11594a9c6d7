"""Sets of networks that clients are looked up in."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

_KNOWN_CLIENTS = 4096


class NetworkSet:
    """Networks of both families. A look-up costs a set access per prefix length, and one in all for a known client."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            prefix = int(network.network_address) >> shift
            self._prefixes[network.version].setdefault(shift, set()).add(prefix)
        self.holds = lru_cache(_KNOWN_CLIENTS)(self._holds)

    def _holds(self, host: str) -> bool:
        """Whether the address is in one of the networks; False for what is no address.

        IPv4 clients of an IPv6 socket are looked up as what they are.
        """
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        number = int(address)
        return any(number >> shift in found for shift, found in self._prefixes[address.version].items())


def prefixes(ipv4: int, ipv6: int) -> Callable[[str], Hashable]:
    """What turns an address into its network of so many bits; IPv4 clients of an IPv6 socket are IPv4 clients."""

    @lru_cache(_KNOWN_CLIENTS)
    def prefix(host: str) -> Hashable:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return host
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        bits = ipv6 if isinstance(address, IPv6Address) else ipv4
        return address.version, int(address) >> (address.max_prefixlen - bits)

    return prefix
