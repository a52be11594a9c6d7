"""CoreDNS with the very Corefile that this server gets."""

from __future__ import annotations

from benchmarks.peers.base import Peer, Setup
from benchmarks.peers.corefile import corefile


def command(setup: Setup) -> list[str]:
    return ["coredns", "-quiet", "-conf", str(setup.write("Corefile", corefile(setup)))]


PEER = Peer(
    name="coredns", program="coredns", command=command, ask_version=("-version",), environment={"GOMAXPROCS": "1"}
)
