"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resolver.chain.setup import Block
from resolver.config.cursor import args, no_block, text
from resolver.config.model import Directive, Word
from resolver.config.nearest import nearest
from resolver.config.zones import normalize_zones


@dataclass(frozen=True, slots=True)
class Settings:
    """Either ``file`` or ``provider`` is set; zones are lower-case wire names.

    ``provider`` is the name of the directive that knows the search path of each client; ``word`` is where it or the
    file stands in the configuration. ``clients_known`` is false where it is written down that it knows none of them.
    """

    zones: tuple[bytes, ...]
    file: Path | None
    provider: str
    word: Word
    clients_known: bool = True


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError."""
    no_block(directive)
    *zones, last = args(directive, 1)
    source = text(last)
    wires = tuple(zone for word in zones for zone in normalize_zones(word)) or block.zones
    if source.startswith("@"):
        name = _provider(last, block)
        return Settings(wires, None, name, last, name != "kubernetes" or _verifies_pods(block))
    return Settings(wires, block.root / source, "", last)


def _provider(word: Word, block: Block) -> str:
    name = word.text[1:]
    others = [directive.name.text for directive in block.directives]
    if name not in others:
        hint = nearest(name, others) if name else "write @kubernetes"
        raise word.error(f"there is no directive {name or '@'} in this server block", hint)
    return name


def _verifies_pods(block: Block) -> bool:
    options = [option for directive in block.directives for option in directive.options]
    return any(option.written[0] == ("pods", "verified") for option in options)
