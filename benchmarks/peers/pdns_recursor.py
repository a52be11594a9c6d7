"""PowerDNS Recursor as a plain forwarder, validation off."""

from __future__ import annotations

from benchmarks.peers.base import Peer, Setup


def command(setup: Setup) -> list[str]:
    setup.write("recursor.conf", _configuration(setup))
    return ["pdns_recursor", f"--config-dir={setup.directory}"]


def _configuration(setup: Setup) -> str:
    return f"""local-address=127.0.0.1
local-port={setup.port}
threads=1
daemon=no
quiet=yes
loglevel=3
disable-syslog=yes
socket-dir={setup.directory}
security-poll-suffix=
dnssec=off
dont-query=
forward-zones-recurse=.=127.0.0.1:{setup.upstream}
max-cache-entries={setup.cache_entries}
max-packetcache-entries={setup.cache_entries}
max-mthreads=4096
"""


PEER = Peer(name="pdns-recursor", program="pdns_recursor", command=command, ask_version=("--version",))
