"""``trace [ENDPOINT-TYPE] [ENDPOINT] { ... }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from resolver.config.cursor import args, choice, duration, integer, no_block, option_values, text, value
from resolver.config.model import Directive, Word

ZIPKIN, OTLP = "zipkin", "otlp"
_DEFAULTS: Final = {ZIPKIN: "localhost:9411", OTLP: "localhost:4318"}
_PATHS: Final = {ZIPKIN: "/api/v2/spans", OTLP: "/v1/traces"}
_PORTS: Final = {ZIPKIN: 9411, OTLP: 4318}
_NO_DATADOG: Final = "Datadog's own protocol is not supported"
_INSTEAD: Final = "its agent takes OTLP: trace otlp localhost:4318"


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` is where spans are sent; every ``every``-th query is traced, none with 0; ``interval`` is in seconds."""

    kind: str
    url: str
    every: int = 1
    service: str = "coredns"
    backlog: int = 1000
    batch: int = 100
    interval: float = 1.0
    client_server: bool = False


def parse(directive: Directive) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    words = list(args(directive, 0, 2))
    kind = ZIPKIN
    if words and (len(words) == 2 or words[0].text.lower() in (*_DEFAULTS, "datadog")):
        first = words.pop(0)
        if first.text.lower() == "datadog":
            raise first.error(_NO_DATADOG, _INSTEAD)
        kind = choice(Word(first.text.lower(), first.at), tuple(_DEFAULTS))
    url = _url(kind, words[0]) if words else f"http://{_DEFAULTS[kind]}{_PATHS[kind]}"
    values = option_values(directive, _READERS)
    return Settings(kind, url, **{_NAMES.get(name, name): found for name, found in values.items()})


def _url(kind: str, word: Word) -> str:
    """The address with what is left out put in."""
    given = text(word)
    try:
        parts = urlsplit(given if given.startswith(("http://", "https://")) else f"http://{given}")
        port = parts.port
    except ValueError:
        raise word.error(f"{given!r} is not an address", "write it like localhost:4318 or a URL") from None
    if not parts.hostname or parts.username or not parts.netloc.isascii():
        raise word.error(f"{given!r} is not an address", "write it like localhost:4318 or a URL")
    whole = given.startswith("http")
    place = parts.netloc if port or whole else f"{parts.netloc}:{_PORTS[kind]}"
    path = parts.path if parts.path not in ("", "/") else _PATHS[kind]
    return f"{parts.scheme}://{place}{path}" + (f"?{parts.query}" if parts.query else "")


def _switch(option: Directive) -> bool:
    no_block(option)
    words = args(option, 0, 1)
    return not words or choice(words[0], ("true", "false")) == "true"


def _datadog(option: Directive) -> None:
    raise option.error(_NO_DATADOG, _INSTEAD)


_READERS: Final[dict[str, Any]] = {
    "every": value(integer, 0, 2**63 - 1),
    "service": value(text),
    "client_server": _switch,
    "datadog_analytics_rate": _datadog,
    "zipkin_max_backlog_size": value(integer, 1, 1_000_000),
    "zipkin_max_batch_size": value(integer, 1, 100_000),
    "zipkin_max_batch_interval": value(duration, 0.01, 3600.0),
}
_NAMES: Final = {
    "zipkin_max_backlog_size": "backlog",
    "zipkin_max_batch_size": "batch",
    "zipkin_max_batch_interval": "interval",
}
