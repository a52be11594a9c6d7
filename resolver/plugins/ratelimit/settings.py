"""``ratelimit RATE { ... }`` as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resolver.chain.networks import Network, NetworkSet
from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, cidr, each, flag, integer, no_block, one_arg, option_values, value
from resolver.config.model import Directive

ADDRESS, POD, NAMESPACE = "address", "pod", "namespace"
MOST: Final = 1_000_000  # queries per second, beyond what anybody answers
DEFAULT_SLIP: Final = 2
DEFAULT_TABLE: Final = 65_536
MAX_TABLE: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """``rate`` is in queries per second, ``burst`` how many may come at once, ``per`` whose they are counted as.

    ``ipv4`` and ``ipv6`` are the bits of an address that make a client. Every so many refused answers over UDP
    (``slip``, 0 for none) is an empty one with TC; the others are not sent, or REFUSED with ``refuse``. Clients in
    ``excepted`` have no limit. ``exempt_cookies`` leaves queries with a valid DNS Cookie alone. ``table`` is how many
    clients are remembered at most. With ``report_only`` nothing is refused.
    """

    rate: int
    burst: int
    per: str = ADDRESS
    ipv4: int = 32
    ipv6: int = 64
    slip: int = DEFAULT_SLIP
    refuse: bool = False
    excepted: NetworkSet | None = None
    exempt_cookies: bool = False
    table: int = DEFAULT_TABLE
    report_only: bool = False


def parse(directive: Directive, block: Block) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    rate = integer(one_arg(directive), 1, MOST)
    values = option_values(
        directive,
        {
            "burst": value(integer, 1, MOST),
            "per": value(choice, (ADDRESS, POD, NAMESPACE)),
            "prefix": _prefix,
            "slip": value(integer, 0, 100),
            "refuse": flag,
            "except": each(cidr),
            "whitelist": each(cidr),
            "exempt_cookies": flag,
            "table": value(integer, 1000, MAX_TABLE),
            "report_only": flag,
        },
        lists=("except", "whitelist"),
    )
    _check(directive, block, values)
    networks: tuple[Network, ...] = (*values.pop("except", ()), *values.pop("whitelist", ()))
    ipv4, ipv6 = values.pop("prefix", (32, 64))
    burst = values.pop("burst", rate)
    return Settings(rate, burst, ipv4=ipv4, ipv6=ipv6, excepted=NetworkSet(networks) if networks else None, **values)


def _prefix(option: Directive) -> tuple[int, int]:
    no_block(option)
    ipv4, ipv6 = args(option, 2, 2)
    return integer(ipv4, 1, 32), integer(ipv6, 1, 128)


_NEEDED: Final = {"pod": "identity", "namespace": "identity", "exempt_cookies": "cookies"}


def _check(directive: Directive, block: Block, values: dict[str, object]) -> None:
    """What only works beside another directive of the block. Raises ConfigError."""
    present = {one.name.text for one in block.directives}
    for option in directive.options:
        word = option.args[0] if option.name.text == "per" else option.name
        needed = _NEEDED.get(word.text)
        if needed is not None and needed not in present:
            raise word.error(f"{word.text} needs the directive {needed}", f"add {needed} to this server block")
