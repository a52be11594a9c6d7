"""How what limits do to replays comes to be written down: such queries never enter a chain."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from resolver.chain.query import Site


@runtime_checkable
class Recording(Protocol):
    """A part that keeps a record of what limits did to queries whose answers are replayed."""

    def limited(self, site: Site, client: str, packet: bytes, rule: str, decision: str) -> None:
        """Note one query of a client's address, as octets.

        ``deny`` where it was turned away, ``audit-only`` where it would have been and was answered.
        """
