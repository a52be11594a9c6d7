"""Files of keys as ``tsig-keygen`` writes them and ``named.conf`` has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from resolver.errors import ConfigError

_PIECE: Final = re.compile(r'\s+|//[^\n]*|#[^\n]*|/\*.*?\*/|(?P<word>"[^"\n]*"|[{};]|[^\s{};"]+)', re.DOTALL)
_LONGEST: Final = 1 << 20


class WrittenKey(NamedTuple):
    """A key as it stands in a file: its name, the secret in base64, the algorithm if there is one."""

    name: str
    secret: str
    algorithm: str | None


def read_keys(text: str) -> list[WrittenKey]:
    """The keys of a file. Raises ConfigError for anything else in it, and for a key without a secret."""
    if len(text) > _LONGEST:
        raise ConfigError("a file of keys has at most a million characters")
    pieces = _pieces(text)
    found = []
    for piece in pieces:
        if piece == ";":
            continue
        if piece != "key":
            raise ConfigError(f"{piece!r} stands where a key should begin")
        found.append(_key(pieces))
    return found


def _key(pieces: Iterator[str]) -> WrittenKey:
    name = _word(pieces, "the name of a key")
    _expect(pieces, "{")
    values: dict[str, str] = {}
    while (piece := next(pieces, "")) != "}":
        if piece == ";":
            continue
        if piece not in ("algorithm", "secret"):
            raise ConfigError(f"key {name}: {piece!r} is neither algorithm nor secret" if piece else "a } is missing")
        values[piece] = _word(pieces, f"{piece} of key {name}")
        _expect(pieces, ";")
    if not values.get("secret"):
        raise ConfigError(f"key {name} has no secret")
    return WrittenKey(name, values["secret"], values.get("algorithm"))


def _word(pieces: Iterator[str], what: str) -> str:
    piece = next(pieces, "")
    if not piece or piece in "{};":
        raise ConfigError(f"{what} is missing")
    return piece.strip('"')


def _expect(pieces: Iterator[str], wanted: str) -> None:
    piece = next(pieces, "")
    if piece != wanted:
        raise ConfigError(f"{wanted} is missing" + (f" before {piece!r}" if piece else ""))


def _pieces(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None:
            raise ConfigError("a quotation mark is not closed")
        position = match.end()
        if match["word"] is not None:
            yield match["word"]
