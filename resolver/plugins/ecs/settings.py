"""``ecs strip | keep | add [v4 BITS] [v6 BITS] { ... }`` as values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from resolver.config.cursor import args, choice, each, integer, ip, option_values
from resolver.config.model import Directive

STRIP, KEEP, ADD = "strip", "keep", "add"
IPV4_BITS, IPV6_BITS = 24, 56  # RFC 7871 section 11.1

_MOST: Final = {"v4": 32, "v6": 128}


@dataclass(frozen=True, slots=True)
class Settings:
    """``ipv4`` and ``ipv6`` are how many bits of an address leave at most; ``public`` stands in for private clients."""

    mode: str
    ipv4: int = IPV4_BITS
    ipv6: int = IPV6_BITS
    public: tuple[IPv4Address | IPv6Address, ...] = ()


def parse(directive: Directive) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    mode, *words = args(directive, 1, 5)
    choice(mode, (STRIP, KEEP, ADD))
    bits: dict[str, int] = {}
    pairs = iter(words)
    for family in pairs:
        choice(family, tuple(_MOST))
        length = next(pairs, None)
        if length is None:
            raise family.error(f"{family.text} needs a number of bits", f"write it like {family.text} 24")
        if family.text in bits:
            raise family.error(f"{family.text} is given twice")
        bits[family.text] = integer(length, 0, _MOST[family.text])
    if words and mode.text == STRIP:
        raise words[0].error("strip takes nothing else")
    values = option_values(directive, {"public": each(ip)}, lists=("public",))
    if values and mode.text != ADD:
        raise directive.options[0].error("public is for ecs add alone")
    public: tuple[IPv4Address | IPv6Address, ...] = values.get("public", ())
    for word, address in zip((word for line in directive.options for word in line.args), public, strict=True):
        if not address.is_global:
            raise word.error(f"{address} is not a public address")
    return Settings(mode.text, bits.get("v4", IPV4_BITS), bits.get("v6", IPV6_BITS), public)
