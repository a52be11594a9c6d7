"""Whether answers may outlive a reload: only those that the new server block would give as well."""

from __future__ import annotations

from resolver.chain.setup import Block
from resolver.config.model import Written
from resolver.plugins.order import ORDER

_ANSWERING = frozenset(ORDER[ORDER.index("cache") + 1 :])


def answers_alike(old: Block, new: Block) -> bool:
    """Whether what stands behind the cache is written the same in both, and for the same zones."""
    return old.zones == new.zones and _behind(old) == _behind(new)


def _behind(block: Block) -> list[Written]:
    """The lines whose plugins come after the cache, without their places."""
    return [directive.written for directive in block.directives if directive.name.text in _ANSWERING]
