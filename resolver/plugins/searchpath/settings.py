"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, integer, no_block, option_values, value
from resolver.config.model import Directive, Word
from resolver.config.problems import Problems
from resolver.config.zones import normalize_zones
from resolver.errors import ConfigError, ConfigErrors
from resolver.wire.names import ROOT, from_text, is_below

ANSWER, DENY = "answer", "nxdomain"
MAX_SUFFIXES = 8
MAX_NAMESPACES = 10_000
DEFAULT_NAMESPACES = 100

_REVERSE = (from_text("in-addr.arpa"), from_text("ip6.arpa"))


@dataclass(frozen=True, slots=True)
class Settings:
    """``zones`` are those of the cluster; ``search`` what Pods look in behind them, None for the system's own path.

    ``external`` are the suffixes of names that are outside, without any every name may be; all are lower-case wire
    names. ``min_labels`` is how many labels a name must have to be looked at, ``namespaces`` of how many namespaces the
    metric tells by name.
    """

    zones: tuple[bytes, ...]
    mode: str = ANSWER
    search: tuple[bytes, ...] | None = None
    external: tuple[bytes, ...] = ()
    min_labels: int = 2
    namespaces: int = DEFAULT_NAMESPACES


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    values = option_values(
        directive,
        {
            "mode": value(choice, (ANSWER, DENY)),
            "search": _search,
            "external": _external,
            "min_labels": value(integer, 2, 127),
            "namespaces": value(integer, 0, MAX_NAMESPACES),
        },
        lists=("external",),
    )
    if values.get("mode") == DENY and not {"external", "min_labels"} & values.keys():
        line = next(option for option in directive.options if option.name.text == "mode")
        hint = "add external with the suffixes of names outside, or min_labels"
        raise line.args[0].error("nxdomain has to be told which names cannot be in the cluster", hint)
    return Settings(_zones(directive, block), **values)


def _zones(directive: Directive, block: Block) -> tuple[bytes, ...]:
    """The zones as written, else those of the block's kubernetes line, else those of the block."""
    zones = _normalized(directive.args) or _cluster_zones(block)
    if ROOT in zones:
        message = "searchpath has to know the zone of the cluster"
        if directive.args:
            raise directive.args[0].error(message, "write searchpath cluster.local")
        raise directive.error(message, "write searchpath cluster.local")
    if not zones:
        raise directive.error("no zone of this server block can be that of a cluster", "write searchpath cluster.local")
    return zones


def _cluster_zones(block: Block) -> tuple[bytes, ...]:
    for directive in block.directives:
        if directive.name.text == "kubernetes" and directive.args:
            try:
                return _forward_zones(_normalized(directive.args))
            except (ConfigError, ConfigErrors):
                break  # its own reader says what is wrong with them
    return _forward_zones(block.zones)


def _forward_zones(zones: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(zone for zone in zones if not any(is_below(zone, reverse) for reverse in _REVERSE))


def _search(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return _normalized(args(option, 0, MAX_SUFFIXES))


def _external(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return _normalized(args(option, 1))


def _normalized(words: tuple[Word, ...]) -> tuple[bytes, ...]:
    problems = Problems()
    found: dict[bytes, None] = {}
    for word in words:
        with problems:
            found.update(dict.fromkeys(normalize_zones(word)))
    problems.raise_any()
    return tuple(found)
