"""dnsmasq, which is single-threaded by nature and forks for each TCP connection."""

from __future__ import annotations

from benchmarks.peers.base import Peer, Setup


def command(setup: Setup) -> list[str]:
    path = setup.write("dnsmasq.conf", _configuration(setup))
    return ["dnsmasq", "--keep-in-foreground", f"--conf-file={path}"]


def _configuration(setup: Setup) -> str:
    lines = [
        f"port={setup.port}",
        "listen-address=127.0.0.1",
        "bind-interfaces",
        "no-resolv",
        "no-hosts",
        f"pid-file={setup.directory}/dnsmasq.pid",
        "user=",
        "log-facility=-",
        f"cache-size={setup.cache_entries}",
        "dns-forward-max=4096",
        f"server=127.0.0.1#{setup.upstream}",
    ]
    lines += [f"server=/{zone}/127.0.0.1#{setup.upstream}" for zone in setup.zones()]
    return "\n".join(lines) + "\n"


PEER = Peer(name="dnsmasq", program="dnsmasq", command=command, ask_version=("-v",), has_stub_zones=True)
