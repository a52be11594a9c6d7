"""What the flags of ``resolver node`` say, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from resolver.errors import ResolverError

Address = IPv4Address | IPv6Address

MAX_ADDRESSES: Final = 16
FIREWALLS: Final = ("auto", "nftables", "iptables", "none")
DEFAULT_KUBE_DNS: Final = "/etc/kube-dns"
_LONGEST_LINK: Final = 15  # characters that Linux has for the name of a link


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """``sync`` is in seconds, ``kube_dns`` empty for no ConfigMap, ``metrics`` a host (empty: all) and a port."""

    local: tuple[Address, ...]
    port: int = 53
    health_port: int = 8080
    interface: str = "nodelocaldns"
    setup_interface: bool = True
    setup_rules: bool = True
    firewall: str = "auto"
    sync: float = 60.0
    skip_teardown: bool = False
    base: str = "/etc/coredns/Corefile.base"
    conf: str = "/etc/Corefile"
    kube_dns: str = ""
    upstream_service: str = "kube-dns"
    cluster_domain: str = "cluster.local"
    prometheus: str = ":9253"
    metrics: tuple[str, int] = ("0.0.0.0", 9353)
    reload_with_signal: bool = False


def local_addresses(text: str) -> tuple[Address, ...]:
    """The addresses of ``-localip``, of either family, each once. Raises ResolverError."""
    found = [_local_address(piece.strip()) for piece in text.split(",") if piece.strip()]
    if not found:
        raise ResolverError("-localip names no address: give those to listen on, such as 169.254.20.10,fd00::10")
    if len(found) > MAX_ADDRESSES:
        raise ResolverError(f"-localip names {len(found)} addresses, at most {MAX_ADDRESSES}")
    return tuple(dict.fromkeys(found))


def _local_address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise ResolverError(f"-localip: {text!r} is not an IP address") from None
    if address.is_unspecified or address.is_multicast or address.is_loopback:
        raise ResolverError(f"-localip: {address} cannot be an address that Pods reach on their node")
    if isinstance(address, IPv6Address) and (address.is_link_local or address.scope_id):
        raise ResolverError(
            f"-localip: Pods cannot reach the link-local address {address} of another link; "
            "take a unique local one such as fd00::10"
        )
    return address


def interface_name(text: str) -> str:
    """A name that Linux takes for a link. Raises ResolverError."""
    if not 0 < len(text) <= _LONGEST_LINK or text in (".", "..") or any(c in "/:" or c.isspace() for c in text):
        raise ResolverError(
            f"-interfacename: {text!r} cannot name a link: 1 to {_LONGEST_LINK} characters, no space, slash or colon"
        )
    return text


def host_and_port(text: str, flag: str) -> tuple[str, int]:
    """Host (empty for all addresses) and port of ``0.0.0.0:9353``, ``:9353`` or ``[::]:9353``. Raises ResolverError."""
    host, colon, digits = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not colon or not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 65536):
        raise ResolverError(f"{flag}: {text!r} is not host:port, such as 0.0.0.0:9353")
    return host, int(digits)


def joined(addresses: Sequence[Address]) -> str:
    """Addresses as a ``bind`` directive lists them."""
    return " ".join(map(str, addresses))
