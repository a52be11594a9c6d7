"""The Corefile that this server and CoreDNS are both measured with."""

from __future__ import annotations

from benchmarks.peers.base import Setup


def corefile(setup: Setup) -> str:
    """The block that the suite's targets name, and a small block for each stub zone."""
    return _main_block(setup) + "".join(_stub_block(setup, zone) for zone in setup.zones())


def _main_block(setup: Setup) -> str:
    return f""".:{setup.port} {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:{setup.spare_port}
    forward . 127.0.0.1:{setup.upstream}
    cache {{
        success {setup.cache_entries}
    }}
    loop
    loadbalance
}}
"""


def _stub_block(setup: Setup, zone: str) -> str:
    return f"""{zone}:{setup.port} {{
    bind 127.0.0.1
    errors
    forward . 127.0.0.1:{setup.upstream}
    cache
}}
"""
