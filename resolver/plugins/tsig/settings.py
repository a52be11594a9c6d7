"""``tsig [ZONE...] { secret NAME KEY [ALGORITHM] ; secrets FILE ; require QTYPE... ; require_opcode OPCODE... }``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, no_block, one_arg, options, record_type
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.errors import ConfigError, WireError
from resolver.plugins.tsig.keyfile import read_keys
from resolver.wire.constants import OPCODES
from resolver.wire.names import from_text, to_text
from resolver.wire.tsig import ALGORITHMS, Key

_OPCODE_NUMBERS: Final = {name: number for number, name in OPCODES.items()}


@dataclass(slots=True)
class Settings:
    """One directive: zones and names of keys are lower-case wire names; None of types or opcodes requires all."""

    zones: frozenset[bytes]
    keys: dict[bytes, Key] = field(default_factory=dict)
    types: frozenset[int] | None = frozenset()
    opcodes: frozenset[int] | None = frozenset()


def parse(directive: Directive, block: Block) -> Settings:
    """Read the directive and its files. Raises ConfigError or ConfigErrors."""
    zones = [wire for word in directive.args for wire in normalize_zones(word)] or list(block.zones)
    settings = Settings(frozenset(zones))

    def add(word: Word, name: str, secret: str, algorithm: str | None) -> None:
        key = _key(word, name, secret, algorithm)
        if key.name in settings.keys:
            raise word.error(f"key {to_text(key.name)} is given twice")
        settings.keys[key.name] = key

    def secret(option: Directive) -> None:
        no_block(option)
        words = args(option, 2, 3)
        add(words[0], words[0].text, words[1].text, words[2].text if len(words) > 2 else None)

    def secrets(option: Directive) -> None:
        no_block(option)
        word = one_arg(option)
        try:
            found = read_keys((block.root / word.text).read_text(encoding="utf-8"))
        except (OSError, UnicodeError) as error:
            raise word.error(f"cannot read {word.text}: {getattr(error, 'strerror', None) or error}") from None
        except ConfigError as error:
            raise word.error(f"{word.text}: {error.message}") from None
        for name, text, algorithm in found:
            add(word, name, text, algorithm)

    def require(option: Directive) -> None:
        settings.types = _required(option, record_type)

    def require_opcode(option: Directive) -> None:
        settings.opcodes = _required(option, _opcode)

    readers = {"secret": secret, "secrets": secrets, "require": require, "require_opcode": require_opcode}
    options(directive, readers)
    return settings


def _required(option: Directive, kind: Callable[[Word], int]) -> frozenset[int] | None:
    no_block(option)
    words = args(option, 1)
    if words[0].text in ("all", "none"):
        if len(words) > 1:
            raise words[1].error(f"nothing may follow {words[0].text}")
        return None if words[0].text == "all" else frozenset()
    return frozenset(map(kind, words))


def _opcode(word: Word) -> int:
    return _OPCODE_NUMBERS[choice(word, _OPCODE_NUMBERS)]


def _key(word: Word, name: str, secret: str, algorithm: str | None) -> Key:
    try:
        octets = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise word.error(f"the secret of key {name} is not base64") from None
    if not octets:
        raise word.error(f"the secret of key {name} is empty")
    try:
        return Key(from_text(name).lower(), octets, None if algorithm is None else _algorithm(word, algorithm))
    except WireError as error:
        raise word.error(str(error)) from None


def _algorithm(word: Word, text: str) -> bytes:
    wire = from_text(text).lower()
    if wire not in ALGORITHMS:
        raise word.error(f"algorithm {text!r} is not known or not safe", f"known are {_shown(ALGORITHMS)}")
    return wire


def _shown(algorithms: Collection[bytes]) -> str:
    return ", ".join(to_text(wire).removesuffix(".") for wire in algorithms)
