"""``audit [ZONES...] { ... }`` as a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from resolver.chain.networks import NetworkSet
from resolver.config.cursor import (
    args,
    choice,
    cidr,
    duration,
    each,
    flag,
    host_port,
    integer,
    no_block,
    one_arg,
    option_values,
    record_type,
    size,
    text,
    value,
)
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.plugins.audit.destinations import Target, ToFile, ToOtlp, ToStdout, ToTap
from resolver.plugins.audit.fields import HASHABLE, OPTIONAL
from resolver.plugins.audit.filters import CLASSES, DECISIONS, Choice, Filters
from resolver.plugins.audit.hashing import SHORTEST_KEY
from resolver.telemetry.rotation import Keeping
from resolver.wire.names import ROOT

QUEUE: Final = 8 << 20  # octets
_OTLP_PATH: Final = "/v1/logs"
_OPTIONS: Final = frozenset(
    ("only", "except", "sample", "hash", "key", "omit", "queue", "stdout", "file", "dnstap", "otlp")
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


@dataclass(frozen=True, slots=True)
class Settings:
    """One directive. ``sample`` N writes one line in N, ``queue`` is in octets, ``key`` a secret in octets."""

    filters: Filters
    sample: int = 1
    hashed: frozenset[str] = frozenset()
    omitted: frozenset[str] = frozenset()
    key: bytes | None = None
    queue: int = QUEUE
    targets: tuple[Target, ...] = (ToStdout(),)


def parse(directive: Directive, root: Path) -> Settings:
    """Read one directive; ``root`` is where relative paths start. Raises ConfigError or ConfigErrors."""
    zones = tuple(zone for word in directive.args for zone in _zones(word)) or (ROOT,)
    readers: dict[str, Callable[[Directive], Any]] = {
        "only": _criterion,
        "except": _criterion,
        "sample": value(integer, 1, 1_000_000),
        "hash": each(choice, HASHABLE),
        "key": lambda option: (_key(option, root),),
        "omit": each(choice, OPTIONAL),
        "queue": value(size, 64 << 10, 1 << 30),
        "stdout": _stdout,
        "file": lambda option: (_file(option, root),),
        "dnstap": lambda option: (_tap(option, root),),
        "otlp": lambda option: (_otlp(option),),
    }
    values = option_values(directive, readers, lists=("only", "except", "hash", "omit", "file", "dnstap", "otlp"))
    targets = tuple(target for kind in ("stdout", "file", "dnstap", "otlp") for target in values.get(kind, ()))
    hashed = frozenset(values.get("hash", ()))
    if "key" in values and not hashed:
        raise directive.error("audit has a key and hashes nothing", "name the fields: hash client name")
    return Settings(
        Filters(zones, _choice(values.get("only", ())), _choice(values.get("except", ()))),
        values.get("sample", 1),
        hashed | {"rewrite"} if "name" in hashed else hashed,
        frozenset(values.get("omit", ())),
        values["key"][0] if "key" in values else None,
        values.get("queue", QUEUE),
        tuple(dict.fromkeys(targets)) or (ToStdout(),),
    )


# --- what is written


def _zones(word: Word) -> tuple[bytes, ...]:
    """The zones of a word, which is no option: written down would be next to nothing, and nobody would notice."""
    if word.text in _OPTIONS or ("/" in word.text and word.text[0] in "./"):
        raise word.error(f"{word.text!r} is no zone", "options of audit stand in a block: audit { ... }")
    return tuple(normalize_zones(word))


def _criterion(option: Directive) -> tuple[tuple[str, Any], ...]:
    """Kind and value of each word."""
    no_block(option)
    words = args(option, 2)
    kind = choice(words[0], tuple(_KINDS))
    return tuple((kind, _KINDS[kind](word)) for word in words[1:])


_KINDS: Final[dict[str, Callable[[Word], Any]]] = {
    "type": record_type,
    "class": lambda word: choice(word, CLASSES),
    "decision": lambda word: choice(word, DECISIONS),
    "client": cidr,
    "namespace": text,
}


def _choice(criteria: tuple[tuple[str, Any], ...]) -> Choice:
    by_kind: dict[str, list[Any]] = {}
    for kind, found in criteria:
        by_kind.setdefault(kind, []).append(found)
    sets = {kind: frozenset(found) for kind, found in by_kind.items()}
    networks = NetworkSet(by_kind["client"]) if "client" in by_kind else None
    return Choice(sets.get("type"), sets.get("class"), sets.get("decision"), networks, sets.get("namespace"))


def _key(option: Directive, root: Path) -> bytes:
    no_block(option)
    word = one_arg(option)
    try:
        secret = (root / text(word)).read_bytes().strip()
    except OSError as error:
        raise word.error(f"cannot read the key: {(error.strerror or str(error)).lower()}") from None
    if len(secret) < SHORTEST_KEY:
        raise word.error(f"a key of less than {SHORTEST_KEY} octets can be guessed", "openssl rand -hex 32 makes one")
    return secret


# --- where it goes


def _stdout(option: Directive) -> tuple[Target, ...]:
    flag(option)
    return (ToStdout(),)


def _file(option: Directive, root: Path) -> ToFile:
    word = one_arg(option)
    readers = {
        "max_size": value(size, 0),
        "rotate": value(duration, 60.0, 366 * 86_400.0),
        "keep": value(integer, 0, 100_000),
        "compress": flag,
    }
    given = option_values(option, readers)
    plain = Keeping()
    if 0 < given.get("max_size", plain.size) < 64 << 10:
        line = next(line for line in option.options if line.name.text == "max_size")
        raise line.args[0].error("a file of less than 64KiB is full at once", "max_size 0 is for no limit")
    keeping = Keeping(
        given.get("max_size", plain.size), given.get("rotate", 0.0), given.get("keep", plain.keep), "compress" in given
    )
    return ToFile(str((root / text(word)).absolute()), keeping)


def _tap(option: Directive, root: Path) -> ToTap:
    no_block(option)
    word = one_arg(option)
    given = text(word)
    scheme, found, rest = given.partition("://")
    if not found or scheme == "unix":
        path = rest if found else given
        if not path:
            raise word.error("a unix socket needs a path")
        return ToTap(given, "unix", str(root / path))
    if scheme not in ("tcp", "tls"):
        raise word.error(f"{scheme}:// is no way to send dnstap", "one of a path, unix://, tcp:// and tls://")
    host, port = host_port(Word(rest.partition("/")[0], word.at))
    return ToTap(given, scheme, host=host or "localhost", port=port)


def _otlp(option: Directive) -> ToOtlp:
    word = one_arg(option)
    given = option_values(option, {"header": _header, "service": value(text)}, lists=("header",))
    return ToOtlp(_url(word), given.get("service", "coredns"), given.get("header", ()))


def _url(word: Word) -> str:
    given = text(word)
    try:
        parts = urlsplit(given)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or parts.username is not None or not given.isascii() or not given.isprintable() or parts.fragment:
        raise word.error(f"{given!r} is not the URL of a collector", "write it like http://collector:4318/v1/logs")
    path = parts.path if parts.path not in ("", "/") else _OTLP_PATH
    return f"{parts.scheme}://{parts.netloc}{path}" + (f"?{parts.query}" if parts.query else "")


def _header(option: Directive) -> tuple[tuple[str, str], ...]:
    no_block(option)
    name, words = args(option, 2, 2)
    if not _TOKEN.fullmatch(name.text):
        raise name.error(f"{name.text!r} is not the name of a header")
    if not words.text.isascii() or not words.text.isprintable():
        raise words.error("a header holds printable ASCII only")
    return ((name.text.lower(), words.text),)
