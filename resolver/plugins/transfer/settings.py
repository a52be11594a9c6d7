"""``transfer [ZONE...] { to ADDRESS... ; source ADDRESS ; key NAME }`` as values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

from resolver.chain.capabilities import signing_key
from resolver.chain.networks import NetworkSet
from resolver.chain.setup import Block
from resolver.config.cursor import args, host_port, ip, no_block, option_values, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.wire.tsig import Key

EVERYONE: Final = "*"
DNS_PORT: Final = 53


@dataclass(frozen=True, slots=True)
class Stanza:
    """One directive: its zones (lower-case wire names), who may transfer them, and who is told of changes.

    ``clients`` None is everyone. ``source`` is the local address to send from to those of its family, ``key`` what
    signs what is sent.
    """

    zones: tuple[bytes, ...]
    clients: NetworkSet | None
    told: tuple[tuple[str, int], ...]
    source: str | None = None
    key: Key | None = None


def parse(directive: Directive, block: Block) -> Stanza:
    """Read one directive. Raises ConfigError or ConfigErrors."""
    zones = [wire for word in directive.args for wire in normalize_zones(word)] or list(block.zones)
    readers = {"to": _to, "source": value(ip), "key": value(signing_key, block.parts)}
    values: dict[str, Any] = option_values(directive, readers, lists=("to",))
    if "to" not in values:
        raise directive.error("transfer does not say to whom", 'write "to ADDRESS..." or "to *" in its block')
    told = tuple(dict.fromkeys(target for target in values["to"] if target[0] != EVERYONE))
    everyone = any(host == EVERYONE for host, _ in values["to"])
    source = values.get("source")
    if source is not None and told and all(ip_address(host).version != source.version for host, _ in told):
        raise directive.error(f"nothing can be sent from {source} to an address of the other family")
    clients = None if everyone else NetworkSet(ip_network(host.partition("%")[0]) for host, _ in told)
    return Stanza(tuple(zones), clients, told, None if source is None else str(source), values.get("key"))


def _to(option: Directive) -> tuple[tuple[str, int], ...]:
    no_block(option)
    return tuple(map(_target, args(option, 1)))


def _target(word: Word) -> tuple[str, int]:
    """An address with its port, or the star."""
    if word.text == EVERYONE:
        return EVERYONE, DNS_PORT
    host, port = host_port(word, DNS_PORT)
    try:
        ip_address(host)
    except ValueError:
        raise word.error(f"{host!r} is not an IP address", 'write an address, or "*" for all') from None
    return host, port
