"""audit: a line of JSON for each query of a client: who asked what, what was decided, what was answered."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.audit.handler import Audit
from resolver.plugins.audit.settings import parse

__all__ = ["Audit", "setup"]


def setup(setup: Setup) -> list[Audit]:
    """A plugin for each ``audit`` line of the block. Raises ConfigError or ConfigErrors."""
    audits = []
    for directive in setup.directives:
        settings = parse(directive, setup.block.root)
        if settings.hashed and settings.key is None and setup.host.scrape is not None:
            raise directive.error(
                "hashes of several workers cannot be compared without a key", "give them one with key FILE"
            )
        audits.append(Audit(settings, setup.block, setup.host))
    return audits
