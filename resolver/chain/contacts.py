"""Whom parts speak with over the network besides clients, for those who open the way there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

TCP: Final = ("TCP",)
UDP: Final = ("UDP",)
BOTH: Final = ("UDP", "TCP")

API: Final = "(the API server)"
"""The host of a contact that only the cluster knows."""

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody a part connects to of its own accord.

    ``host`` is an IP address, a host name or API; empty where the configuration does not tell, and then ``why`` says
    what is not known and what helps. ``protocols`` are UDP and TCP. Where ``looked_up`` is set the servers of the
    machine are asked for a host name.
    """

    host: str
    port: int
    protocols: tuple[str, ...]
    why: str
    looked_up: bool = True


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who connects to this server and is no usual client.

    ``network`` is an address or a network in CIDR form, empty for who watches over the cluster. With a ``port`` that is
    where, over TCP, at the address ``host`` (empty for all); 0 stands for the listeners of the server block.
    """

    network: str
    why: str
    host: str = ""
    port: int = 0


def unknown(why: str) -> Contact:
    """Somebody whom the configuration does not name."""
    return Contact("", 0, (), why)


def at_url(url: str, why: str) -> Contact:
    """Who is behind an http or https URL, whose scheme may be missing."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return Contact(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443), TCP, why)
