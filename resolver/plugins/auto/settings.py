"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolver.chain.setup import Block
from resolver.config.cursor import args, flag, no_block, option_values, text
from resolver.config.model import Directive, Word
from resolver.config.pattern import Pattern, compiled
from resolver.plugins.auto.template import Template
from resolver.zone.options import DEFAULT_RELOAD, read_fallthrough, read_reload, read_upstream, read_zones

DEFAULT_PATTERN = r"db\.(.*)"
DEFAULT_TEMPLATE = "{1}"


@dataclass(frozen=True, slots=True)
class Settings:
    """``reload`` is in seconds, 0 never looks again; ``zones`` and ``fallthrough`` are lower-case wire names."""

    directive: Directive
    zones: tuple[bytes, ...]
    directory: Path
    pattern: Pattern
    template: Template
    reload: float = DEFAULT_RELOAD
    reload_by_mtime: bool = False
    fallthrough: tuple[bytes, ...] = ()
    upstream: bool = False


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    values: dict[str, Any] = option_values(
        directive,
        {
            "directory": lambda option: _directory(option, block.root),
            "reload": read_reload,
            "reload_by_mtime": flag,
            "fallthrough": read_fallthrough,
            "upstream": read_upstream,
        },
    )
    found = values.pop("directory", None)
    if found is None:
        raise directive.error("auto needs a directory", "write directory DIR in its block")
    return Settings(directive, read_zones(directive.args) or block.zones, *found, **values)


def _directory(option: Directive, root: Path) -> tuple[Path, Pattern, Template]:
    no_block(option)
    words = args(option, 1, 3)
    path = root / text(words[0])
    if path.exists() and not path.is_dir():
        raise words[0].error(f"{path} is not a directory")
    if len(words) == 2:
        raise option.error("a pattern needs an origin behind it", "for example {1}, which is its first group")
    pattern = compiled(words[1] if len(words) == 3 else Word(DEFAULT_PATTERN, option.name.at))
    if pattern.count == 0:
        raise words[1].error("the pattern needs a group, which is the origin of the zone")
    template = words[2] if len(words) == 3 else Word(DEFAULT_TEMPLATE, option.name.at)
    return path, pattern, Template.read(template, pattern)
