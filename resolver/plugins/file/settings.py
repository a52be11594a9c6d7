"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resolver.chain.setup import Block
from resolver.config.cursor import args, flag, option_values, text
from resolver.config.model import Directive
from resolver.zone.options import read_fallthrough, read_reload, read_upstream, read_zones


@dataclass(frozen=True, slots=True)
class Settings:
    """``reload`` is in seconds, 0 never looks again; ``zones`` and ``fallthrough`` are lower-case wire names."""

    directive: Directive
    path: Path
    zones: tuple[bytes, ...]
    reload: float = 60.0
    reload_by_mtime: bool = False
    fallthrough: tuple[bytes, ...] = ()
    upstream: bool = False


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    words = args(directive, 1)
    readers = {
        "reload": read_reload,
        "reload_by_mtime": flag,
        "fallthrough": read_fallthrough,
        "upstream": read_upstream,
    }
    values = option_values(directive, readers)
    path = block.root / text(words[0])
    return Settings(directive, path, read_zones(words[1:]) or block.zones, **values)
