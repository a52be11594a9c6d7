"""dnsdist with a packet cache; its health check is set aside, since there is one upstream only."""

from __future__ import annotations

from benchmarks.peers.base import Peer, Setup


def command(setup: Setup, more: str = "", upstream_options: str = "") -> list[str]:
    """``more`` are further lines, ``upstream_options`` stand behind the address of the upstream."""
    path = setup.write("dnsdist.conf", _configuration(setup, upstream_options) + more + "\n" * bool(more))
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", str(path)]


def _configuration(setup: Setup, upstream_options: str) -> str:
    return f"""setSecurityPollSuffix("")
setLocal("127.0.0.1:{setup.port}")
setACL({{"127.0.0.0/8"}})
setMaxTCPClientThreads(1)
setMaxUDPOutstanding(65535)
upstream = newServer({{address="127.0.0.1:{setup.upstream}"{upstream_options}}})
upstream:setUp()
getPool(""):setCache(newPacketCache({setup.cache_entries}, {{maxTTL=86400}}))
"""


PEER = Peer(name="dnsdist", program="dnsdist", command=command, ask_version=("--version",))
