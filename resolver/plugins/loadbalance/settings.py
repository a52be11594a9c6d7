"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, cidr, duration, each, option_values, text, value
from resolver.config.kinds import Network
from resolver.config.model import Directive

SHORTEST_RELOAD = 0.01
LONGEST_RELOAD = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """``weights`` is the file of the weighted policy, None for round robin; ``reload`` is in seconds, 0 for never."""

    weights: Path | None = None
    reload: float = 30.0
    prefer: tuple[Network, ...] = ()


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    words = args(directive, 0, 2)
    weighted = bool(words) and choice(words[0], ("round_robin", "weighted")) == "weighted"
    if weighted:
        if len(words) == 1:
            raise words[0].error("weighted needs a file of weights")
    elif len(words) == 2:
        raise words[1].error("round_robin takes no arguments")
    values = option_values(directive, {"reload": _reload, "prefer": each(cidr)}, lists=("prefer",))
    if "reload" in values and not weighted:
        option = next(option for option in directive.options if option.name.text == "reload")
        raise option.error("reload belongs to the weighted policy")
    return Settings(block.root / text(words[1]) if weighted else None, **values)


def _reload(option: Directive) -> float:
    seconds = value(duration, 0, LONGEST_RELOAD)(option)
    if 0 < seconds < SHORTEST_RELOAD:
        raise option.args[0].error(f"reload is shorter than {SHORTEST_RELOAD * 1000:g}ms", "0 turns it off")
    return seconds
