"""k8s_external: the external addresses of the cluster's services, in a zone for the world outside."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.k8s_external.handler import External
from resolver.plugins.k8s_external.settings import parse

__all__ = ["External", "setup"]


def setup(setup: Setup) -> External:
    """The plugin. Raises ConfigError, also where the block has no kubernetes directive to ask."""
    directive = setup.only
    settings = parse(directive, setup.block)
    if not any(line.name.text == "kubernetes" for line in setup.block.directives):
        raise directive.error("k8s_external needs the directive kubernetes in the same server block")
    return External(settings, setup.host, setup.block)
