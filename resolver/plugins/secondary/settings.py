"""``secondary [ZONES...] { transfer from ADDRESS... ; key NAME ; fallthrough [ZONES...] }`` as values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from resolver.chain.capabilities import signing_key
from resolver.chain.setup import Block
from resolver.config.cursor import args, host_port, no_block, option_values, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.wire.names import ROOT
from resolver.wire.tsig import Key

DNS_PORT: Final = 53


@dataclass(frozen=True, slots=True)
class Settings:
    """One directive: zones (lower-case wire names), where they come from, and the key that signs what is asked.

    ``fallthrough`` are the zones in which names that are not there go on to the next plugin.
    """

    zones: tuple[bytes, ...]
    primaries: tuple[tuple[str, int], ...]
    key: Key | None = None
    fallthrough: tuple[bytes, ...] = ()


def parse(directive: Directive, block: Block) -> Settings:
    """Read one directive. Raises ConfigError or ConfigErrors."""
    zones = [wire for word in directive.args for wire in normalize_zones(word)] or list(block.zones)
    readers = {
        "transfer": _transfer,
        "key": value(signing_key, block.parts),
        "fallthrough": _fallthrough,
        "catalog": _catalog,
    }
    values: dict[str, Any] = option_values(directive, readers, lists=("transfer", "fallthrough"))
    if "transfer" not in values:
        raise directive.error("secondary does not say where its zones come from", "write transfer from ADDRESS...")
    primaries = tuple(dict.fromkeys(values["transfer"]))
    return Settings(tuple(dict.fromkeys(zones)), primaries, values.get("key"), values.get("fallthrough", ()))


def _transfer(option: Directive) -> tuple[tuple[str, int], ...]:
    no_block(option)
    words = args(option, 2)
    if words[0].text != "from":
        raise words[0].error(f"{words[0].text!r} stands where from should", "transfer from ADDRESS...")
    return tuple(map(_primary, words[1:]))


def _primary(word: Word) -> tuple[str, int]:
    host, port = host_port(word, DNS_PORT)
    try:
        ip_address(host)
    except ValueError:
        raise word.error(f"{host!r} is not an IP address", "primaries are given by address") from None
    return host, port


def _catalog(option: Directive) -> None:
    raise option.error("catalog zones are not built into this version", "name the member zones behind secondary")


def _fallthrough(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return tuple(wire for word in option.args for wire in normalize_zones(word)) or (ROOT,)
