"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, integer, no_block, option_values, text, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.dnssec.keys import Key, read_key
from resolver.errors import SigningError
from resolver.wire.names import is_below

DEFAULT_CAPACITY: Final = 10_000
LARGEST_CAPACITY: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Zones are lower-case wire names; ``capacity`` is how many record sets' signatures are kept."""

    zones: tuple[bytes, ...]
    keys: tuple[Key, ...]
    capacity: int = DEFAULT_CAPACITY

    @property
    def is_split(self) -> bool:
        """Whether there are keys of both kinds, so that those with SEP sign DNSKEY and the others all else."""
        return len({key.is_entry_point for key in self.keys}) == 2

    def signing_keys(self, *, dnskey: bool) -> tuple[Key, ...]:
        """The keys that sign DNSKEY records, or those that sign everything else."""
        return tuple(key for key in self.keys if not self.is_split or key.is_entry_point == dnskey)


def parse(directive: Directive, block: Block) -> Settings:
    """Settings from the directive; reads the key files. Raises ConfigError or ConfigErrors."""
    zones = tuple(dict.fromkeys(zone for word in directive.args for zone in normalize_zones(word))) or block.zones

    def key(option: Directive) -> tuple[Key, ...]:
        return tuple(_key(word, block.root, zones) for word in _names(option))

    values = option_values(
        directive, {"key": key, "cache_capacity": value(integer, 1, LARGEST_CAPACITY)}, lists=("key",)
    )
    keys = values.get("key", ())
    if not keys:
        raise directive.error("dnssec needs a key to sign with", "write key file Kexample.org.+013+12345 in its block")
    _check_tags(directive, keys)
    return Settings(zones, keys, values.get("cache_capacity", DEFAULT_CAPACITY))


def _names(option: Directive) -> tuple[Word, ...]:
    no_block(option)
    kind, *names = args(option, 2)
    if choice(kind, ("file", "aws_secretsmanager")) == "aws_secretsmanager":
        raise kind.error(
            "keys cannot be fetched from AWS Secrets Manager", "mount them as files, and write key file FILE..."
        )
    return tuple(names)


def _key(word: Word, root: Path, zones: tuple[bytes, ...]) -> Key:
    try:
        key = read_key(root / text(word))
    except SigningError as error:
        raise word.error(str(error)) from None
    if not any(is_below(zone, key.owner) for zone in zones):
        raise word.error(f"the key {key} can not sign any of the zones")
    return key


def _check_tags(directive: Directive, keys: tuple[Key, ...]) -> None:
    seen: set[bytes] = set()
    for key in keys:
        if key.rdata in seen:
            raise directive.error(f"the key {key} is given twice")
        seen.add(key.rdata)
