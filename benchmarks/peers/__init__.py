"""The servers that are measured: one module each, all set up to do the same.

Forward everything to one upstream on loopback, keep answers, log nothing, one thread (or ``workers``).
"""

from __future__ import annotations

from benchmarks.peers import coredns, dnsdist, dnsmasq, ours, pdns_recursor, unbound
from benchmarks.peers.base import Peer, Setup

PEERS: tuple[Peer, ...] = (ours.PEER, unbound.PEER, dnsdist.PEER, dnsmasq.PEER, pdns_recursor.PEER, coredns.PEER)

__all__ = ["PEERS", "Peer", "Setup", "chosen", "installed"]


def chosen(names: list[str]) -> list[Peer]:
    """The peers of these names, in the order given. Raises ValueError for a name that is none of ours."""
    known = {peer.name: peer for peer in PEERS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no such server: {', '.join(unknown)} (known: {', '.join(known)})")
    return [known[name] for name in names]


def installed() -> list[Peer]:
    return [peer for peer in PEERS if peer.is_installed()]
