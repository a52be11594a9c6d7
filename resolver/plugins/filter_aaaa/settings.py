"""``filter_aaaa [ZONES...] { ... }`` as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resolver.chain.networks import NetworkSet
from resolver.config.cursor import args, cidr, each, flag, integer, no_block, option_values, value
from resolver.config.model import Directive
from resolver.config.zones import normalize_zones

DEFAULT_TTL: Final = 60  # seconds
MAX_TTL: Final = 10800  # seconds, what RFC 2308 section 5 advises for denials


@dataclass(frozen=True, slots=True)
class Settings:
    """Zones are lower-case wire names. ``networks`` are the clients, None for all. ``ttl`` is in seconds."""

    zones: tuple[bytes, ...]
    excepted: frozenset[bytes] = frozenset()
    networks: NetworkSet | None = None
    always: bool = False
    hints: bool = False
    ttl: int = DEFAULT_TTL


def parse(directive: Directive, block_zones: Sequence[bytes]) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    zones = tuple(zone for word in directive.args for zone in normalize_zones(word)) or tuple(block_zones)
    values = option_values(
        directive,
        {
            "except": _zones,
            "net": each(cidr),
            "always": flag,
            "hints": flag,
            "ttl": value(integer, 1, MAX_TTL),
        },
        lists=("except", "net"),
    )
    networks = values.pop("net", None)
    return Settings(
        zones, frozenset(values.pop("except", ())), None if networks is None else NetworkSet(networks), **values
    )


def _zones(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return tuple(zone for word in args(option, 1) for zone in normalize_zones(word))
