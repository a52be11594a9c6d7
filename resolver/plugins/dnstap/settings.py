"""What the directives say."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from resolver.chain.placeholders import Format
from resolver.config.cursor import args, flag, host_port, integer, no_block, option_values, value
from resolver.config.cursor import text as words_text
from resolver.config.model import Directive, Word

UNIX: Final = "unix"
MOST_BUFFER, MOST_QUEUE = 1024, 4096
MESSAGES_PER_QUEUE: Final = 10_000
OCTETS_PER_QUEUE: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``scheme`` is ``unix``, ``tcp`` or ``tls``; ``shown`` is how the operator wrote it, ``path`` is for ``unix``."""

    scheme: str
    shown: str
    path: str = ""
    host: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """One ``dnstap`` line. ``buffer`` is in octets; ``identity`` None stands for the name of the machine."""

    endpoint: Endpoint
    listen: bool = False
    full: bool = False
    buffer: int = 1 << 20
    queue: int = 1
    identity: bytes | None = None
    version: bytes | None = None
    extra: Format | None = None
    tls: ssl.SSLContext | None = None
    warnings: tuple[str, ...] = ()


def parse(directive: Directive, root: Path) -> Settings:
    """Read one line; ``root`` is where the paths of certificates start. Raises ConfigError or ConfigErrors."""
    words = list(args(directive, 1, 5))
    listen = words[0].text == "listen"
    if listen:
        words.pop(0)
        if not words:
            raise directive.error("dnstap listen needs an endpoint")
    endpoint = _endpoint(words.pop(0))
    full = bool(words) and words[0].text == "full"
    numbers = words[1:] if full else words
    if len(numbers) > 2:
        raise numbers[2].error("nothing may follow the size of the queue")
    buffer = integer(numbers[0], 1, MOST_BUFFER) << 20 if numbers else 1 << 20
    queue = integer(numbers[1], 1, MOST_QUEUE) if len(numbers) > 1 else 1
    options = option_values(directive, _READERS)
    tls, warnings = _tls(directive, endpoint, listen, options, root)
    return Settings(
        endpoint, listen, full, buffer, queue, options.get("identity"), options.get("version"), options.get("extra"),
        tls, warnings,
    )  # fmt: skip


def _octets(word: Word) -> bytes:
    return words_text(word).encode()


def _format(word: Word) -> Format:
    return Format(words_text(word))


def _certificate(option: Directive) -> tuple[Word, ...]:
    no_block(option)
    return args(option, 2, 3)


_READERS: Final[dict[str, Any]] = {
    "identity": value(_octets),
    "version": value(_octets),
    "extra": value(_format),
    "skipverify": flag,
    "tls": _certificate,
}


def _endpoint(word: Word) -> Endpoint:
    text = words_text(word)
    scheme, found, rest = text.partition("://")
    if not found or scheme == UNIX:
        path = rest if found else text
        if not path:
            raise word.error("a unix socket needs a path")
        return Endpoint(UNIX, text, path)
    if scheme not in ("tcp", "tls"):
        raise word.error(f"{scheme}:// is no way to send dnstap", "one of a path, unix://, tcp:// and tls://")
    place = urlsplit(text).netloc
    host, port = host_port(Word(place, word.at))
    return Endpoint(scheme, text, host=host, port=port)


def _tls(
    directive: Directive, endpoint: Endpoint, listen: bool, options: dict[str, Any], root: Path
) -> tuple[ssl.SSLContext | None, tuple[str, ...]]:
    files: tuple[Word, ...] = options.get("tls", ())
    unverified = "skipverify" in options
    if files and not listen:
        raise files[0].error("tls is for dnstap listen", "an outgoing connection takes its authorities from the system")
    if endpoint.scheme != "tls":
        if files:
            raise files[0].error(f"{endpoint.shown} is not served with TLS", "listen on tls://HOST:PORT")
        return None, (f"skipverify has no effect on {endpoint.shown}",) if unverified else ()
    if not listen:
        return _client_context(unverified), ()
    if not files:
        raise directive.error(f"dnstap listen {endpoint.shown} needs tls CERT KEY")
    return _server_context(files, unverified, root), ()


def _client_context(unverified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if unverified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _server_context(files: tuple[Word, ...], unverified: bool, root: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(root / files[0].text, root / files[1].text, password=_no_password)
    except (OSError, ValueError) as error:
        raise files[0].error(f"cannot use certificate and key: {error}") from None
    if len(files) > 2:
        try:
            context.load_verify_locations(root / files[2].text)
        except (OSError, ValueError) as error:
            raise files[2].error(f"cannot use the authorities: {error}") from None
        context.verify_mode = ssl.CERT_OPTIONAL if unverified else ssl.CERT_REQUIRED
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")
