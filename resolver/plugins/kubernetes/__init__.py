"""kubernetes: answers for Services, endpoints and Pods from the objects of a cluster."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.kubernetes.handler import Kubernetes
from resolver.plugins.kubernetes.settings import parse

__all__ = ["Kubernetes", "setup"]


def setup(setup: Setup) -> Kubernetes:
    """The plugin; the API is first asked when it starts. Raises ConfigError or ConfigErrors."""
    return Kubernetes(parse(setup.only, setup.block), setup.host)
