"""dnstap: sends what clients ask, what they are answered, and what upstreams say, to programs that collect it."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.dnstap.handler import Dnstap
from resolver.plugins.dnstap.settings import parse

__all__ = ["Dnstap", "setup"]


def setup(setup: Setup) -> Dnstap:
    """One plugin for all ``dnstap`` lines of the block. Raises ConfigError or ConfigErrors."""
    settings = []
    for directive in setup.directives:
        settings.append(parse(directive, setup.block.root))
        if settings[-1].listen and setup.host.scrape is not None:
            raise directive.error("dnstap listen needs a server with one worker: each knows only of its own queries")
    return Dnstap(tuple(settings), setup.host)
