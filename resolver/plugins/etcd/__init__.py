"""etcd: names from services that are registered in etcd, as SkyDNS lays them out."""

from __future__ import annotations

from importlib.util import find_spec

from resolver.chain.plugin import Plugin
from resolver.chain.setup import Setup
from resolver.plugins.etcd.settings import parse


def setup(setup: Setup) -> Plugin:
    """The plugin; etcd is first asked when it starts. Raises ConfigError or ConfigErrors."""
    directive = setup.only
    settings = parse(directive, setup.block)
    if find_spec("httpx2") is None:
        raise directive.error("etcd needs a library that is not installed", "pip install 'k8s-resolver[etcd]'")
    from resolver.plugins.etcd.handler import Etcd

    return Etcd(settings, setup.host)
