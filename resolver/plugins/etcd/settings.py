"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from resolver.chain.setup import Block
from resolver.config.cursor import args, duration, each, no_block, one_arg, option_values, text
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.errors import UpstreamError
from resolver.upstream.tls import TlsFiles, read_files
from resolver.wire.names import ROOT

DEFAULT_ENDPOINT: Final = "http://localhost:2379"
DEFAULT_PATH: Final = "/skydns"
MAX_LEASE_TTL: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """``prefix`` begins and ends with a slash; lease TTLs are in seconds; zones are lower-case wire names.

    ``fallthrough`` are the zones in which unknown names go on to the next plugin.
    """

    zones: tuple[bytes, ...]
    prefix: bytes = b"/skydns/"
    endpoints: tuple[str, ...] = (DEFAULT_ENDPOINT,)
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    tls: TlsFiles | None = None
    fallthrough: tuple[bytes, ...] = ()
    min_lease_ttl: int = 30
    max_lease_ttl: int = 86_400
    obsolete: tuple[str, ...] = ()


def parse(directive: Directive, block: Block) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    zones = tuple(zone for word in directive.args for zone in normalize_zones(word)) or block.zones

    def tls(option: Directive) -> TlsFiles:
        return _tls(option, block)

    values = option_values(
        directive,
        {
            "path": _path,
            "endpoint": each(_endpoint),
            "credentials": _credentials,
            "tls": tls,
            "fallthrough": _fallthrough,
            "min-lease-ttl": _lease_ttl,
            "max-lease-ttl": _lease_ttl,
            "stubzones": _obsolete,
            "debug": _obsolete,
            "upstream": _obsolete,
        },
    )
    obsolete = tuple(name for name in ("stubzones", "debug", "upstream") if values.pop(name, False))
    low, high = values.get("min-lease-ttl", 30), values.get("max-lease-ttl", 86_400)
    if low > high:
        raise directive.error(f"min-lease-ttl ({low}s) is more than max-lease-ttl ({high}s)")
    return Settings(
        zones,
        values.get("path", b"/skydns/"),
        values.get("endpoint", (DEFAULT_ENDPOINT,)),
        values.get("credentials"),
        values.get("tls"),
        values.get("fallthrough", ()),
        low,
        high,
        obsolete,
    )


def _path(option: Directive) -> bytes:
    no_block(option)
    word = one_arg(option)
    parts = [part for part in text(word).split("/") if part]
    if not parts:
        raise word.error("path needs a name", "all of etcd is never read; write it like /skydns")
    return ("/" + "/".join(parts) + "/").encode()


def _endpoint(word: Word) -> str:
    given = text(word)
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        port = parts.port or 2379
    except ValueError:
        raise word.error(f"{given!r} is not an address of etcd", "write it like http://localhost:2379") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise word.error(f"{given!r} is not an address of etcd", "write it like http://localhost:2379")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"


def _credentials(option: Directive) -> tuple[str, str]:
    no_block(option)
    user, password = args(option, 2, 2)
    return text(user), text(password)


def _tls(option: Directive, block: Block) -> TlsFiles:
    no_block(option)
    paths = [block.root / text(word) for word in args(option, 0, 3)]
    certificate, key = (paths[0], paths[1]) if len(paths) > 1 else (None, None)
    authority = paths[0] if len(paths) == 1 else paths[2] if len(paths) == 3 else None
    try:
        return read_files(certificate, key, authority)
    except UpstreamError as error:
        raise option.error(str(error)) from None


def _fallthrough(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return tuple(zone for word in option.args for zone in normalize_zones(word)) or (ROOT,)


def _lease_ttl(option: Directive) -> int:
    no_block(option)
    return int(duration(one_arg(option), 0, MAX_LEASE_TTL, plain_seconds=True))


def _obsolete(option: Directive) -> bool:
    """CoreDNS takes these words and does nothing about them."""
    no_block(option)
    return True
