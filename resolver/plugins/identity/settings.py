"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from resolver.chain.setup import Block, Host
from resolver.config.cursor import args, choice, duration, integer, no_args, no_block, option_values, text, value
from resolver.config.model import Directive
from resolver.kube.source import SOURCE_OPTIONS, Source

NODE, SEEN, CLUSTER = "node", "seen", "cluster"
SCOPES: Final = (NODE, SEEN, CLUSTER)
NODE_NAME: Final = "NODE_NAME"
MAX_WAIT: Final = 5.0  # seconds; clients ask again after that long
MAX_ADDRESSES: Final = 1_000_000
RATE, BURST = 10, 50  # requests a second to the API, and at once


@dataclass(frozen=True, slots=True)
class Settings:
    """``scope`` is one of ``SCOPES``, ``node`` the node's name for the first of them. Times are in seconds.

    ``wait`` is how long a query of an unknown address is held, ``stale`` how long knowledge is believed that cannot be
    verified, ``startup_timeout`` how long the start waits. Of scope ``seen``: ``verify`` is the age at which an address
    is looked up again, ``addresses`` how many are remembered, ``rate`` and ``burst`` how often the API is asked.
    """

    directive: Directive
    source: Source
    scope: str
    node: str = ""
    wait: float = 1.0
    stale: float = 3600.0
    startup_timeout: float = 5.0
    verify: float = 30.0
    addresses: int = 10_000
    rate: int = RATE
    burst: int = BURST


def parse(directive: Directive, block: Block, host: Host) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    here = host.environ.get(NODE_NAME, "")
    values = option_values(directive, {**_READERS, "scope": lambda option: _scope(option, here)})
    lines = {line.name.text: line for line in directive.options}
    scope, node = values.pop("scope", (NODE, here) if here else (SEEN, ""))
    if scope == NODE and not node:
        _without_node(lines["scope"], host)
    for name in ("verify", "addresses", "lookups"):
        if name in lines and scope != SEEN:
            raise lines[name].error(f"{name} is for scope seen, and this is scope {scope}")
    rate, burst = values.pop("lookups", (RATE, BURST))
    return Settings(directive, _source(values, block), scope, node, rate=rate, burst=burst, **values)


def _without_node(scope: Directive, host: Host) -> None:
    mistake = scope.error(
        f"scope node needs the node's name: {NODE_NAME} is not set", "write scope node NAME, or set it by fieldRef"
    )
    mistake.absent = True
    if host.elsewhere is None or not host.elsewhere.excuses(mistake):
        raise mistake


def _source(values: dict[str, Any], block: Block) -> Source:
    """Where the API is: as the directive says, else as the kubernetes directive of the same block does."""
    if not any(option in values for option in SOURCE_OPTIONS):
        return Source.beside(block, "kubernetes")
    return Source.taken_from(values, block.root)


def _scope(option: Directive, here: str) -> tuple[str, str]:
    no_block(option)
    words = args(option, 1, 2)
    scope = choice(words[0], SCOPES)
    if scope != NODE and len(words) > 1:
        raise words[1].error(f"scope {scope} takes no name")
    if len(words) > 1:
        return scope, text(words[1])
    return scope, here if scope == NODE else ""


def _lookups(option: Directive) -> tuple[int, int]:
    no_block(option)
    words = args(option, 1, 2)
    rate = integer(words[0], 1, 1000)
    return rate, integer(words[1], 1, 10_000) if len(words) > 1 else 5 * rate


def _wait(option: Directive) -> float:
    seconds: float = value(duration)(option)
    if seconds > MAX_WAIT:
        raise option.args[0].error(f"no query is held for longer than {MAX_WAIT:g} s")
    return seconds


def _at_least_a_second(option: Directive) -> float:
    seconds: float = value(duration)(option)
    if seconds < 1:
        raise option.args[0].error(f"{option.name.text} is at least 1 s")
    return seconds


_READERS: Final = {
    **SOURCE_OPTIONS,
    "wait": _wait,
    "stale": _at_least_a_second,
    "startup_timeout": value(duration),
    "verify": _at_least_a_second,
    "addresses": value(integer, 1, MAX_ADDRESSES),
    "lookups": _lookups,
}
