"""unbound as a plain forwarder, validation off."""

from __future__ import annotations

from benchmarks.peers.base import Peer, Setup

_ENTRY_OCTETS = 700


def command(setup: Setup) -> list[str]:
    return ["unbound", "-d", "-c", str(setup.write("unbound.conf", _server(setup) + _forwards(setup)))]


def _server(setup: Setup) -> str:
    memory = max(4_000_000, setup.cache_entries * _ENTRY_OCTETS)
    return f"""server:
    interface: 127.0.0.1
    port: {setup.port}
    num-threads: {setup.workers}
    so-reuseport: yes
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{setup.directory}"
    pidfile: "{setup.directory}/unbound.pid"
    use-syslog: no
    verbosity: 0
    module-config: "iterator"
    do-not-query-localhost: no
    local-zone: "test." nodefault
    msg-cache-size: {memory}
    rrset-cache-size: {memory}
    outgoing-range: 8192
    num-queries-per-thread: 4096
    incoming-num-tcp: 100
remote-control:
    control-enable: no
"""


def _forwards(setup: Setup) -> str:
    return "".join(
        f'forward-zone:\n    name: "{zone}"\n    forward-addr: 127.0.0.1@{setup.upstream}\n'
        for zone in [".", *setup.zones()]
    )


PEER = Peer(
    name="unbound",
    program="unbound",
    command=command,
    ask_version=("-V",),
    has_stub_zones=True,
    has_workers=True,
)
