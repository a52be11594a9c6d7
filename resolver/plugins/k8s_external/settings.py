"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.chain.setup import Block
from resolver.config.cursor import flag, integer, no_block, one_arg, option_values, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.errors import WireError
from resolver.wire.names import ROOT, from_text

MAX_TTL = 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """Zones are lower-case wire names, ``apex`` is one relative to a zone, without the root; ``ttl`` is in seconds.

    ``fallthrough`` are the zones in which unknown names go on to the next plugin.
    """

    zones: tuple[bytes, ...]
    apex: bytes = b"\3dns"
    ttl: int = 5
    headless: bool = False
    fallthrough: tuple[bytes, ...] = ()


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    zones = _zones(directive.args) or block.zones
    readers = {"apex": _apex, "ttl": value(integer, 0, MAX_TTL), "headless": flag, "fallthrough": _fallthrough}
    return Settings(zones, **option_values(directive, readers))


def _apex(option: Directive) -> bytes:
    no_block(option)
    word = one_arg(option)
    try:
        apex = from_text(word.text).lower()
    except WireError as error:
        raise word.error(str(error)) from None
    if apex == ROOT:
        raise word.error("apex is a label such as dns")
    return apex[:-1]


def _fallthrough(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return _zones(option.args) or (ROOT,)


def _zones(words: tuple[Word, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(zone for word in words for zone in normalize_zones(word)))
