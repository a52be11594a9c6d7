"""Which packets are to pass beside connection tracking, whatever program writes that down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from resolver.errors import ResolverError
from resolver.node.settings import Address

COMMENT: Final = "k8s-resolver node"


@dataclass(frozen=True, slots=True)
class Match:
    """Packets of a protocol to (``answers`` False) or from a local address and port."""

    address: Address
    protocol: str
    port: int
    answers: bool


class FirewallError(ResolverError):
    """The rules could not be changed. ``kind`` is one of ``metrics.ERROR_TYPES``."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class Firewall(Protocol):
    """One way to write the rules down. All methods may raise FirewallError, and may be called again and again."""

    name: str

    @property
    def shared(self) -> bool:
        """Whether several processes write down the same rules, so that only the last one may remove them."""

    async def install(self) -> bool:
        """Have all rules in place; whether anything had to be changed. There is no moment with only a part of them."""

    async def remove(self) -> bool:
        """Take the rules away, also those of an earlier process; whether there were any."""

    async def close(self) -> None:
        """Give up what is held only for this process, with all rules that live and die with it."""


def untracked(addresses: Sequence[Address], port: int, health_port: int) -> list[Match]:
    """What connection tracking is not to see: DNS, and the probes of the health endpoint."""
    return _matches(addresses, (("udp", port), ("tcp", port), ("tcp", health_port)))


def accepted(addresses: Sequence[Address], port: int) -> list[Match]:
    """What is let in and out explicitly, as rules for tracked connections do not apply to it any more."""
    return _matches(addresses, (("udp", port), ("tcp", port)))


def _matches(addresses: Sequence[Address], ports: Sequence[tuple[str, int]]) -> list[Match]:
    return [
        Match(address, protocol, number, answers)
        for address in addresses
        for protocol, number in ports
        for answers in (False, True)
    ]
