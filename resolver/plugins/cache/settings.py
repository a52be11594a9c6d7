"""The options of ``cache``, read and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from resolver.chain.setup import Setup
from resolver.config.cursor import (
    args,
    choice,
    duration,
    flag,
    integer,
    no_block,
    one_arg,
    options,
    percentage,
    size,
)
from resolver.config.model import Directive, Word, Written
from resolver.config.zones import normalize_zones
from resolver.wire.constants import MAX_TTL
from resolver.wire.names import ROOT

DEFAULT_CAPACITY = 9984
SMALLEST_CAPACITY = 1024
LONGEST_ERROR = 300.0  # seconds, RFC 2308 section 7.1
SMALLEST_BUDGET = 1 << 20


@dataclass(frozen=True, slots=True)
class Shelf:
    """One half of the cache: how many answers, and between which TTLs in seconds they are brought."""

    capacity: int
    ttl: int
    min_ttl: int = 5


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Fetch an answer anew when ``percentage`` of its time is left and ``amount`` queries came without a long gap.

    ``gap`` is in seconds: one this long between two queries starts the count again.
    """

    amount: int
    gap: float = 60.0
    percentage: int = 10


@dataclass(frozen=True, slots=True)
class Stale:
    """How expired answers are served (RFC 8767). Times are in seconds.

    ``window`` is for how long after expiry; ``verify`` asks upstream first and waits ``verify_timeout`` for it, 0 for
    as long as it takes; ``ttl`` is shown with a stale answer; ``recheck`` is the pause after a refresh that failed.
    """

    window: float = 3600.0
    verify: bool = False
    verify_timeout: float = 0.0
    ttl: int = 0
    recheck: float = 0.0
    prefer_positive: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """All options of one ``cache`` line. Zones are lower-case wire names.

    ``not_success`` and ``not_denial`` are the zones whose answers of that kind are not kept. ``budget`` is in octets
    for all caches of the process, None where the line names none; ``budget_word`` is where it does.
    """

    zones: tuple[bytes, ...]
    success: Shelf = Shelf(DEFAULT_CAPACITY, 3600)
    denial: Shelf = Shelf(DEFAULT_CAPACITY, 1800)
    servfail: float = 5.0
    prefetch: Prefetch | None = None
    stale: Stale | None = None
    not_success: frozenset[bytes] = frozenset()
    not_denial: frozenset[bytes] = frozenset()
    keep_ttl: bool = False
    budget: int | None = field(default=None, compare=False)
    budget_word: Word | None = field(default=None, compare=False)


def parse(setup: Setup) -> Settings:
    """The settings of the block's one ``cache`` line. Raises ConfigError or ConfigErrors."""
    directive = setup.only
    written = directive.written
    settings = _known.get(written)
    if settings is None:
        settings = _Reader(directive).read()
        if settings.budget_word is None:
            _remember(written, settings)
    return settings if settings.zones else replace(settings, zones=setup.block.zones)


# Lines by what they say, but for those whose place is asked for later. Ten thousand zones often have the same one.
_known: dict[Written, Settings] = {}
_MOST_KNOWN = 64


def _remember(written: Written, settings: Settings) -> None:
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[written] = settings


class _Reader:
    """Reads the options one by one; of an option that stands twice the last counts, as in CoreDNS.

    A line that names no zones is given none: those of its block are put in later.
    """

    def __init__(self, directive: Directive) -> None:
        self.directive = directive
        words = directive.args
        settings = Settings(())
        if words and words[0].text.removeprefix("-").isdigit():
            ttl = integer(words[0], 1, MAX_TTL)
            settings = replace(
                settings, success=replace(settings.success, ttl=ttl), denial=replace(settings.denial, ttl=ttl)
            )
            words = words[1:]
        if words:
            settings = replace(settings, zones=tuple(dict.fromkeys(zone for w in words for zone in normalize_zones(w))))
        self.settings = settings
        self.policy: Directive | None = None

    def read(self) -> Settings:
        handlers: dict[str, Callable[[Directive], object]] = {
            "success": partial(self._shelf, "success"),
            "denial": partial(self._shelf, "denial"),
            "prefetch": self._prefetch,
            "serve_stale": self._serve_stale,
            "serve_stale_policy": self._policy,
            "servfail": self._servfail,
            "disable": self._disable,
            "keepttl": self._keep_ttl,
            "budget": self._budget,
        }
        options(self.directive, handlers, once=("serve_stale_policy", "budget"))
        if self.policy is not None:
            if self.settings.stale is None:
                raise self.policy.error("serve_stale_policy needs serve_stale")
            self._set(stale=replace(self.settings.stale, prefer_positive=True))
        return self.settings

    def _set(self, **changes: object) -> None:
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]

    def _shelf(self, kind: str, option: Directive) -> None:
        no_block(option)
        words = args(option, 1, 3)
        shelf: Shelf = getattr(self.settings, kind)
        shelf = replace(shelf, capacity=max(integer(words[0]), SMALLEST_CAPACITY))
        if len(words) > 1:
            shelf = replace(shelf, ttl=integer(words[1], 1, MAX_TTL))
        if len(words) > 2:
            shelf = replace(shelf, min_ttl=integer(words[2], 0, MAX_TTL))
        self._set(**{kind: shelf})

    def _prefetch(self, option: Directive) -> None:
        no_block(option)
        words = args(option, 1, 3)
        amount = integer(words[0])
        prefetch = Prefetch(amount)
        if len(words) > 1:
            prefetch = replace(prefetch, gap=duration(words[1]))
        if len(words) > 2:
            prefetch = replace(prefetch, percentage=percentage(words[2], 10, 90))
        self._set(prefetch=prefetch if amount else None)

    def _serve_stale(self, option: Directive) -> None:
        no_block(option)
        words = list(args(option, 0, 5))
        stale = Stale()
        if words:
            stale = replace(stale, window=duration(words.pop(0)))
        if words:
            stale = replace(stale, verify=_mode(words.pop(0)) == "verify")
        if words and stale.verify:
            stale = replace(stale, verify_timeout=duration(words.pop(0)))
        if words:
            stale = replace(stale, ttl=_whole_seconds(words.pop(0)))
        if words:
            stale = replace(stale, recheck=duration(words.pop(0), 0.0, 300.0))
        if words:
            raise words[0].error("serve_stale has too many arguments", "immediate takes no timeout")
        self._set(stale=stale if stale.window else None)

    def _policy(self, option: Directive) -> None:
        no_block(option)
        choice(_lowered(one_arg(option)), ("prefer_positive",))
        self.policy = option

    def _servfail(self, option: Directive) -> None:
        no_block(option)
        word = one_arg(option)
        seconds = duration(word)
        if seconds > LONGEST_ERROR:
            raise word.error("SERVFAIL must not be cached for more than 5m", "RFC 2308 section 7.1")
        self._set(servfail=seconds)

    def _disable(self, option: Directive) -> None:
        no_block(option)
        words = args(option, 1)
        kind = choice(words[0], ("success", "denial"))
        zones = frozenset(zone for word in words[1:] for zone in normalize_zones(word)) or frozenset((ROOT,))
        known: frozenset[bytes] = getattr(self.settings, f"not_{kind}")
        self._set(**{f"not_{kind}": known | zones})

    def _keep_ttl(self, option: Directive) -> None:
        self._set(keep_ttl=flag(option))

    def _budget(self, option: Directive) -> None:
        no_block(option)
        word = one_arg(option)
        self._set(budget=size(word, SMALLEST_BUDGET), budget_word=word)


def _mode(word: Word) -> str:
    return choice(_lowered(word), ("immediate", "verify"))


def _lowered(word: Word) -> Word:
    return replace(word, text=word.text.lower())


def _whole_seconds(word: Word) -> int:
    seconds = duration(word, 0.0, 2.0**32 - 1)
    if seconds != int(seconds):
        raise word.error("the TTL of stale answers is a whole number of seconds")
    return min(int(seconds), MAX_TTL)
