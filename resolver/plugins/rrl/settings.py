"""``rrl [ZONES...] { ... }`` as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from resolver.config.cursor import flag, integer, option_values, value
from resolver.config.model import Directive, Word
from resolver.config.nearest import shown
from resolver.config.zones import normalize_zones

RESPONSE, NODATA, NXDOMAIN, REFERRAL, ERROR, REQUEST = (
    "response", "nodata", "nxdomain", "referral", "error", "request",
)  # fmt: skip
_OPTIONS: Final = {
    "nodata-per-second": NODATA,
    "nxdomains-per-second": NXDOMAIN,
    "referrals-per-second": REFERRAL,
    "errors-per-second": ERROR,
}
DEFAULT_WINDOW: Final = 15.0
DEFAULT_TABLE: Final = 100_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Settings:
    """Zones are lower-case wire names. ``rates`` are in answers (or requests) per second, by kind; 0 is no limit.

    ``window`` is in seconds: how long at most somebody who asks on and on pays for it. Every so many dropped answers
    (``slip``, 0 for none) is an empty one with TC.
    """

    zones: frozenset[bytes]
    rates: Mapping[str, float]
    window: float = DEFAULT_WINDOW
    ipv4: int = 24
    ipv6: int = 56
    slip: int = 0
    table: int = DEFAULT_TABLE
    report_only: bool = False


def parse(directive: Directive, block_zones: Sequence[bytes]) -> Settings:
    """Read the directive. Raises ConfigError or ConfigErrors."""
    zones = [zone for word in directive.args for zone in normalize_zones(word)] or list(block_zones)
    values = option_values(
        directive,
        {
            "window": value(_window),
            "ipv4-prefix-length": value(integer, 1, 32),
            "ipv6-prefix-length": value(integer, 1, 128),
            "responses-per-second": value(_rate),
            **dict.fromkeys(_OPTIONS, value(_rate)),
            "requests-per-second": value(_rate),
            "slip-ratio": value(integer, 0, 10),
            "max-table-size": value(integer, 1, 10_000_000),
            "report-only": flag,
        },
    )
    responses = values.get("responses-per-second", 0.0)
    rates = {kind: values.get(option, responses) for option, kind in _OPTIONS.items()}
    rates |= {RESPONSE: responses, REQUEST: values.get("requests-per-second", 0.0)}
    if not any(rates.values()):
        hint = "responses-per-second sets one for all kinds of answers"
        raise directive.error("rrl without a rate limits nothing", hint)
    return Settings(
        frozenset(zones),
        rates,
        values.get("window", DEFAULT_WINDOW),
        values.get("ipv4-prefix-length", 24),
        values.get("ipv6-prefix-length", 56),
        values.get("slip-ratio", 0),
        values.get("max-table-size", DEFAULT_TABLE),
        values.get("report-only", False),
    )


def _rate(word: Word) -> float:
    if not _NUMBER.fullmatch(word.text):
        raise word.error(f"{shown(word.text)} is not a rate", "write how many a second: 10 or 0.5")
    return float(word.text)


def _window(word: Word) -> float:
    seconds = _rate(word)
    if not 0 < seconds <= 3600:
        raise word.error(f"{word.text} is out of range", "from a fraction of a second to 3600")
    return seconds
