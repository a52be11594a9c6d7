"""``dns64 [PREFIX] { prefix; translate_all; allow_ipv4 }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from resolver.config.cursor import args, cidr, flag, option_values, value
from resolver.config.model import Directive, Word

WELL_KNOWN: Final = IPv6Network("64:ff9b::/96")
_LENGTHS: Final = (32, 40, 48, 56, 64, 96)  # RFC 6052 section 2.2


@dataclass(frozen=True, slots=True)
class Settings:
    """``translate_all`` also replaces real IPv6 addresses, ``allow_ipv4`` serves clients that came over IPv4."""

    prefix: IPv6Network = WELL_KNOWN
    translate_all: bool = False
    allow_ipv4: bool = False


def parse(directive: Directive) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    words = args(directive, 0, 1)
    values = option_values(directive, {"prefix": value(_prefix), "translate_all": flag, "allow_ipv4": flag})
    if words:
        if "prefix" in values:
            raise words[0].error("the prefix is given twice, here and in the block")
        values["prefix"] = _prefix(words[0])
    return Settings(**values)


def _prefix(word: Word) -> IPv6Network:
    network = cidr(word)
    if not isinstance(network, IPv6Network):
        raise word.error(f"the prefix {word.text} is not an IPv6 network")
    if network.prefixlen not in _LENGTHS:
        raise word.error(f"a prefix cannot have {network.prefixlen} bits", f"one of {', '.join(map(str, _LENGTHS))}")
    return network
