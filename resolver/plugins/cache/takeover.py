"""Whether answers may outlive a reload: only those that the new server block would give as well."""

from __future__ import annotations

from typing import TypeAlias

from resolver.chain.setup import Block
from resolver.config.model import Directive
from resolver.plugins.order import ORDER

Words: TypeAlias = tuple[str, tuple[str, ...], tuple["Words", ...]]

_ANSWERING = frozenset(ORDER[ORDER.index("cache") + 1 :])


def answers_alike(old: Block, new: Block) -> bool:
    """Whether what stands behind the cache is written the same in both, and for the same zones."""
    return old.zones == new.zones and _behind(old) == _behind(new)


def _behind(block: Block) -> list[Words]:
    """The lines whose plugins come after the cache, without their places."""
    return [_words(directive) for directive in block.directives if directive.name.text in _ANSWERING]


def _words(directive: Directive) -> Words:
    args = tuple(word.text for word in directive.args)
    return directive.name.text, args, tuple(_words(option) for option in directive.options)
