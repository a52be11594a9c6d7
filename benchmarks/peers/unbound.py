"""unbound as a plain forwarder, validation off."""

from __future__ import annotations

from benchmarks.peers.base import Peer, Setup

_ENTRY_OCTETS = 700


def command(setup: Setup, more: str = "", name: str = "") -> list[str]:
    """``more`` are further options of the server, ``name`` is behind the upstream's address: ``#`` and a name."""
    path = setup.write("unbound.conf", _server(setup, more) + _forwards(setup, name))
    return ["unbound", "-d", "-c", str(path)]


def _server(setup: Setup, more: str) -> str:
    memory = max(4_000_000, setup.cache_entries * _ENTRY_OCTETS)
    return f"""server:
    interface: 127.0.0.1@{setup.port}
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
{more}remote-control:
    control-enable: no
"""


def _forwards(setup: Setup, name: str) -> str:
    return "".join(
        f'forward-zone:\n    name: "{zone}"\n    forward-addr: 127.0.0.1@{setup.upstream}{name}\n'
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
