"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, no_block, option_values, text, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.dnssec.keys import Key, keys_of, read_key
from resolver.errors import SigningError
from resolver.wire.names import to_text

DEFAULT_DIRECTORY: Final = "/var/lib/coredns"


@dataclass(frozen=True, slots=True)
class SignedZone:
    """A zone to sign: its file, where the signed one goes, and the keys with the files that they were read from."""

    origin: bytes
    source: Path
    target: Path
    keys: tuple[Key, ...]
    key_files: tuple[Path, ...]


def parse(directive: Directive, block: Block) -> list[SignedZone]:
    """The zones of a directive; reads the key files. Raises ConfigError or ConfigErrors."""
    first, *others = args(directive, 1)
    source = block.root / _path(first)
    zones = tuple(dict.fromkeys(zone for word in others for zone in normalize_zones(word))) or block.zones
    values = option_values(directive, {"key": _key_words, "directory": value(_path)}, lists=("key",))
    directory = block.root / values.get("directory", DEFAULT_DIRECTORY)
    groups = values.get("key", ())
    if not groups:
        raise directive.error("sign needs a key to sign with", "write key file Kexample.org.+013+12345 in its block")
    return [_zone(directive, origin, source, directory, groups, block.root) for origin in zones]


def _key_words(option: Directive) -> tuple[tuple[bool, Word], ...]:
    """The words of one ``key`` line, each with whether it names a directory."""
    no_block(option)
    kind, *names = args(option, 2)
    is_directory = choice(kind, ("file", "directory")) == "directory"
    return tuple((is_directory, word) for word in names)


def _path(word: Word) -> str:
    path = text(word)
    if "\ufffd" in path or "\0" in path:
        raise word.error("the path has characters in it that no file name has")
    return path


def _zone(
    directive: Directive,
    origin: bytes,
    source: Path,
    directory: Path,
    groups: tuple[tuple[bool, Word], ...],
    root: Path,
) -> SignedZone:
    name = to_text(origin)
    if "/" in name:
        raise directive.error(f"the zone {name} cannot be part of a file name")
    found: dict[Path, Key] = {}
    for is_directory, word in groups:
        try:
            paths = keys_of(root / _path(word), origin) if is_directory else [root / _path(word)]
            if not paths:
                raise word.error(f"there are no keys for {name} in {root / word.text}")
            found.update((path, _entry_point(path)) for path in paths)
        except SigningError as error:
            raise word.error(str(error)) from None
    target = directory / f"db.{name}signed"
    if target == source:
        raise directive.error(f"the signed zone would replace its source {source}")
    return SignedZone(origin, source, target, tuple(found.values()), tuple(found))


def _entry_point(path: Path) -> Key:
    key = read_key(path)
    if not key.is_entry_point:
        raise SigningError(f"{path}: the key {key} is no key signing key (made with dnssec-keygen -f KSK)")
    return key
