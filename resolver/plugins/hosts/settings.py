"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from resolver.chain.setup import Block
from resolver.config.cursor import args, duration, flag, integer, no_block, option_values, text, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.errors import WireError
from resolver.plugins.hosts.table import read_address
from resolver.wire.names import ROOT, from_text

DEFAULT_FILE = "/etc/hosts"
SHORTEST_RELOAD = 0.01
LONGEST_RELOAD = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """``ttl`` and ``reload`` are in seconds, 0 for ``reload`` never looks again; zones are lower-case wire names.

    ``fallthrough`` are the zones in which unknown names go on to the next plugin.
    """

    path: Path
    zones: tuple[bytes, ...]
    inline: tuple[bytes, ...] = ()
    ttl: int = 3600
    reload: float = 5.0
    reverse: bool = True
    fallthrough: tuple[bytes, ...] = ()
    fallthrough_unsupported: bool = False


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    words = directive.args
    path = block.root / (text(words[0]) if words else DEFAULT_FILE)
    entries, others = _split(directive)
    values = option_values(
        replace(directive, block=others),
        {
            "ttl": value(integer, 1, 65535),
            "reload": _reload,
            "no_reverse": flag,
            "fallthrough": _fallthrough,
            "fallthrough_unsupported": flag,
        },
    )
    if "fallthrough_unsupported" in values and "fallthrough" not in values:
        line = next(option for option in others if option.name.text == "fallthrough_unsupported")
        raise line.error("fallthrough_unsupported needs fallthrough")
    reverse = not values.pop("no_reverse", False)
    return Settings(path, _zones(words[1:]) or block.zones, entries, reverse=reverse, **values)


def _split(directive: Directive) -> tuple[tuple[bytes, ...], tuple[Directive, ...]]:
    """The lines of the block that are entries, as octets, and those that are options."""
    entries: list[bytes] = []
    others: list[Directive] = []
    for line in directive.options:
        if read_address(line.name.text.encode()) is None:
            others.append(line)
            continue
        if any(other.name.text == "fallthrough" for other in others):
            raise line.error("entries stand before fallthrough")
        entries.append(_entry(line))
    return tuple(entries), tuple(others)


def _entry(line: Directive) -> bytes:
    no_block(line)
    for word in args(line, 1):
        try:
            from_text(word.text)
        except WireError as error:
            raise word.error(str(error)) from None
    return b" ".join(word.text.encode("ascii") for word in (line.name, *line.args))


def _reload(option: Directive) -> float:
    seconds = value(duration, 0, LONGEST_RELOAD)(option)
    if 0 < seconds < SHORTEST_RELOAD:
        raise option.args[0].error(f"reload is shorter than {SHORTEST_RELOAD * 1000:g}ms", "0 turns it off")
    return seconds


def _fallthrough(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return _zones(option.args) or (ROOT,)


def _zones(words: tuple[Word, ...]) -> tuple[bytes, ...]:
    return tuple(zone for word in words for zone in normalize_zones(word))
