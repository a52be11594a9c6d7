"""``egress_set [ZONES...] { ... }`` as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from resolver.config.cursor import args, choice, duration, integer, no_block, option_values, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.errors import ConfigError, Place
from resolver.sockets.nftables import FAMILIES

SERVE, FAIL = "serve", "fail"
DEFAULT_SIZE: Final = 65536  # elements
_DAY: Final = 86400.0
_NAME: Final = re.compile(r"[A-Za-z_/\\.][A-Za-z0-9_/\\.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Sets:
    """The names of the sets for IPv4 and IPv6 addresses, empty where such addresses go nowhere."""

    ipv4: str = ""
    ipv6: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Zones are lower-case wire names, all times are in seconds.

    ``sets`` are those for clients of no namespace in ``namespaces``. ``created`` is for how many elements missing sets
    are made, 0 where they must be there. ``places`` are those of ``table`` and of the names of sets.
    """

    zones: frozenset[bytes]
    family: str
    table: str
    sets: Sets
    namespaces: Mapping[str, Sets] = field(default_factory=dict)
    grace: float = 30.0
    min_timeout: float = 60.0
    max_timeout: float = 3600.0
    wait: float = 0.1
    on_error: str = SERVE
    created: int = 0
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    @property
    def lengths(self) -> dict[str, int]:
        """All sets by name, with the length of their keys in octets."""
        found: dict[str, int] = {}
        for sets in (self.sets, *self.namespaces.values()):
            found |= {name: length for name, length in ((sets.ipv4, 4), (sets.ipv6, 16)) if name}
        return found

    @property
    def highest_ttl(self) -> int:
        """The TTL that an answer may have, so that what it tells is in its set for as long as clients use it."""
        return int(self.max_timeout - self.grace)


def parse(directive: Directive, block_zones: Sequence[bytes]) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    zones = tuple(zone for word in directive.args for zone in normalize_zones(word)) or tuple(block_zones)
    values = option_values(
        directive,
        {
            "table": _table,
            "set4": value(_name),
            "set6": value(_name),
            "namespace": _namespace,
            "grace": value(duration, 0, _DAY),
            "min_timeout": value(duration, 1, 7 * _DAY),
            "max_timeout": value(duration, 1, 7 * _DAY),
            "wait": value(duration, 0.001, 5),
            "on_error": value(choice, (SERVE, FAIL)),
            "create": _create,
        },
        lists=("namespace",),
    )
    if "table" not in values:
        raise directive.error("egress_set needs a table", "such as: table inet egress")
    family, table = values.pop("table")
    namespaces = _namespaces(values.pop("namespace", ()))
    sets = Sets(values.pop("set4", ""), values.pop("set6", ""))
    settings = Settings(
        frozenset(zones), family, table, sets, namespaces, created=values.pop("create", 0), places=_places(directive),
        **values,
    )  # fmt: skip
    _check(directive, settings)
    return settings


def _places(directive: Directive) -> dict[str, Place]:
    """Where the table and the sets are named."""
    found: dict[str, Place] = {}
    for line in directive.options:
        if line.name.text == "table":
            found["table"] = line.args[0].at
        elif line.name.text in ("set4", "set6", "namespace"):
            found |= {f"set {word.text}": word.at for word in line.args[line.name.text == "namespace" :]}
    return found


def _check(directive: Directive, settings: Settings) -> None:
    if not settings.lengths:
        raise directive.error("egress_set needs a set", "set4, set6 or namespace names one")
    every = (settings.sets, *settings.namespaces.values())
    both = {sets.ipv4 for sets in every if sets.ipv4} & {sets.ipv6 for sets in every if sets.ipv6}
    if both:
        raise directive.error(f"{min(both)} cannot be a set for IPv4 and for IPv6 addresses")
    if settings.min_timeout > settings.max_timeout:
        raise directive.error("min_timeout is above max_timeout")
    if settings.highest_ttl < 1:
        raise directive.error("max_timeout has to be at least a second longer than grace")


def _table(option: Directive) -> tuple[str, str]:
    no_block(option)
    family, name = args(option, 2, 2)
    return choice(family, tuple(FAMILIES)), _name(name)


def _namespace(option: Directive) -> tuple[tuple[Word, Sets], ...]:
    no_block(option)
    first, *names = args(option, 2, 3)
    ipv4, ipv6, *_ = [*("" if word.text == "-" else _name(word) for word in names), ""]
    if not ipv4 and not ipv6:
        raise option.error("namespace needs a set")
    return ((first, Sets(ipv4, ipv6)),)


def _namespaces(lines: Sequence[tuple[Word, Sets]]) -> dict[str, Sets]:
    found: dict[str, Sets] = {}
    for word, sets in lines:
        if word.text in found:
            raise ConfigError(f"the namespace {word.text} has its sets already", word.at, length=len(word.text))
        found[word.text] = sets
    return found


def _create(option: Directive) -> int:
    no_block(option)
    words = args(option, 0, 1)
    return integer(words[0], 1, 10_000_000) if words else DEFAULT_SIZE


def _name(word: Word) -> str:
    if not _NAME.fullmatch(word.text):
        raise word.error("nftables has no such names", "a letter or _ first, then letters, digits, _ . / - up to 128")
    return word.text
