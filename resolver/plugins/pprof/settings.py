"""``pprof [ADDRESS] { block [RATE] }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from resolver.config.cursor import args, host_port, integer, no_block, option_values
from resolver.config.model import Directive

DEFAULT_ADDRESS: Final = ("localhost", 6053)


@dataclass(frozen=True, slots=True)
class Settings:
    """``address`` is host (empty for all) and port; ``block`` was asked for."""

    address: tuple[str, int] = DEFAULT_ADDRESS
    block: bool = False

    @property
    def is_public(self) -> bool:
        """Whether others than this machine can come."""
        host = self.address[0]
        try:
            return not ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"


def parse(directive: Directive) -> Settings:
    """Read the directive. Raises ConfigError."""
    words = args(directive, 0, 1)
    address = host_port(words[0]) if words else DEFAULT_ADDRESS
    return Settings(address, **option_values(directive, {"block": _block}))


def _block(option: Directive) -> bool:
    no_block(option)
    for word in args(option, 0, 1):
        integer(word, 1)
    return True
