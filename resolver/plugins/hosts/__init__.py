"""hosts: answers A, AAAA and PTR from a hosts file and from lines in the configuration."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.hosts.handler import Hosts
from resolver.plugins.hosts.settings import parse

__all__ = ["Hosts", "setup"]


def setup(setup: Setup) -> Hosts:
    """The plugin; its file is read when it starts. Raises ConfigError or ConfigErrors."""
    return Hosts(parse(setup.only, setup.block), setup.host)
