"""Every option as users write it, and every mistake at its word."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.cache.handler import Cache
from resolver.plugins.cache.settings import Prefetch, Settings, Shelf, Stale
from resolver.wire.names import ROOT, from_text
from tests.plugins.chains import World

ZONE = from_text("example.org")


def settings(line: str, zone: str = ".") -> Settings:
    part: Cache = World().part(f"{zone}:53 {{\n{line}\n}}\n")
    return part.settings


def block(*lines: str) -> str:
    return "cache {\n" + "\n".join(lines) + "\n}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cache", {}),
        ("cache {\n}", {}),
        ("cache 30", {"success": Shelf(9984, 30), "denial": Shelf(9984, 30)}),
        ("cache example.org", {"zones": (ZONE,)}),
        (
            "cache 300 Example.ORG 10.0.0.0/8",
            {"zones": (ZONE, from_text("10.in-addr.arpa")), "success": Shelf(9984, 300), "denial": Shelf(9984, 300)},
        ),
        (block("success 5000"), {"success": Shelf(5000, 3600)}),
        (block("success 5000 1800 30"), {"success": Shelf(5000, 1800, 30)}),
        (block("denial 2500 15 0"), {"denial": Shelf(2500, 15, 0)}),
        (block("success 10"), {"success": Shelf(1024, 3600)}),
        ("cache 25 {\n denial 2000\n}", {"success": Shelf(9984, 25), "denial": Shelf(2000, 25)}),
        (block("success 5000 10", "success 6000"), {"success": Shelf(6000, 10)}),
        (block("prefetch 10"), {"prefetch": Prefetch(10)}),
        (block("prefetch 10 90s"), {"prefetch": Prefetch(10, 90.0)}),
        (block("prefetch 10 1h 25%"), {"prefetch": Prefetch(10, 3600.0, 25)}),
        (block("prefetch 0"), {"prefetch": None}),
        (block("servfail 0"), {"servfail": 0.0}),
        (block("servfail 5m"), {"servfail": 300.0}),
        (block("keepttl"), {"keep_ttl": True}),
        (block("disable success"), {"not_success": frozenset((ROOT,))}),
        (
            block("disable denial example.org", "disable success"),
            {"not_denial": frozenset((ZONE,)), "not_success": frozenset((ROOT,))},
        ),
        (block("budget 128MiB"), {}),
    ],
)
def test_options_are_read(line: str, expected: dict[str, Any]) -> None:
    assert settings(line) == Settings(**{"zones": (ROOT,)} | expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Stale()),
        ("20m", Stale(1200.0)),
        ("1h20m IMMEDIATE", Stale(4800.0)),
        ("1h verify", Stale(3600.0, verify=True)),
        ("1h Verify 250ms", Stale(3600.0, verify=True, verify_timeout=0.25)),
        ("1h verify 0 1m", Stale(3600.0, verify=True, ttl=60)),
        ("1h verify 100ms 30s 5m", Stale(3600.0, verify=True, verify_timeout=0.1, ttl=30, recheck=300.0)),
        ("1h immediate 30s", Stale(3600.0, ttl=30)),
        ("1h immediate 0 250ms", Stale(3600.0, recheck=0.25)),
        ("1h immediate 4294967295s", Stale(3600.0, ttl=2**31 - 1)),
        ("0 verify", None),
    ],
)
def test_serve_stale_is_read(words: str, expected: Stale | None) -> None:
    assert settings(block(f"serve_stale {words}")).stale == expected


@pytest.mark.parametrize("first", [True, False])
def test_the_policy_may_stand_before_or_behind_serve_stale(first: bool) -> None:
    lines = ["serve_stale_policy PREFER_POSITIVE", "serve_stale 10m"]
    assert settings(block(*(lines if first else reversed(lines)))).stale == Stale(600.0, prefer_positive=True)


def test_without_zones_those_of_the_server_block_are_kept() -> None:
    assert settings("cache", "example.org").zones == (ZONE,)


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("cache 0", 7, "0 is out of range"),
        ("cache -1", 7, "-1 is out of range"),
        ("cache 10 tls://example.org", 10, "a zone has no scheme"),
        (block("success"), 1, "success needs 1 to 3 arguments"),
        (block("success many"), 9, "many is not a whole number"),
        (block("success -1"), 9, "-1 is out of range"),
        (block("success 10 0"), 12, "0 is out of range"),
        (block("denial 10 10 -1"), 14, "-1 is out of range"),
        (block("denial 10 10 5 5"), 16, "denial takes 1 to 3 arguments"),
        (block("prefetch"), 1, "prefetch needs 1 to 3 arguments"),
        (block("prefetch -1"), 10, "-1 is out of range"),
        (block("prefetch 1 soon"), 12, "soon is not a duration"),
        (block("prefetch 1 60"), 12, "60 is not a duration"),
        (block("prefetch 1 1m 9%"), 15, "9% is out of range"),
        (block("prefetch 1 1m 91%"), 15, "91% is out of range"),
        (block("prefetch 1 1m 50"), 15, "50 is not a percentage"),
        (block("serve_stale 20"), 13, "20 is not a duration"),
        (block("serve_stale -20m"), 13, "-20m is not a duration"),
        (block("serve_stale 1m later"), 16, "later is not known here"),
        (block("serve_stale 1h immediate 100ms"), 26, "whole number of seconds"),
        (block("serve_stale 1h immediate 4294967296s"), 26, "out of range"),
        (block("serve_stale 1h immediate 30s 5m1s"), 30, "out of range"),
        (block("serve_stale 1h immediate 30s 30s 1s"), 34, "too many arguments"),
        (block("serve_stale 1h verify garbage"), 23, "garbage is not a duration"),
        (block("serve_stale 1h verify 1s 1s 1s 1s"), 32, "serve_stale takes at most 5 arguments"),
        (block("serve_stale_policy prefer_positive"), 1, "serve_stale_policy needs serve_stale"),
        (block("serve_stale", "serve_stale_policy newest"), 20, "newest is not known here"),
        (block("serve_stale", "serve_stale_policy"), 1, "needs 1 argument"),
        (block("servfail 5m1s"), 10, "SERVFAIL must not be cached for more than 5m"),
        (block("servfail"), 1, "servfail needs 1 argument"),
        (block("disable"), 1, "disable needs at least 1 argument"),
        (block("disable everything"), 9, "everything is not known here"),
        (block("keepttl yes"), 9, "keepttl takes no arguments"),
        (block("keepttl {", "}"), 1, "keepttl takes no block"),
        (block("budget"), 1, "budget needs 1 argument"),
        (block("budget 100"), 8, "100 is out of range"),
        (block("budget much"), 8, "much is not a size"),
        (block("budget 2MiB", "budget 3MiB"), 1, "budget is already given"),
        (block("prefetsch 10"), 1, "cache has no option prefetsch"),
    ],
)
def test_a_mistake_is_shown_at_its_word(line: str, column: int, message: str) -> None:
    with pytest.raises(ConfigErrors, match=message) as caught:
        settings(line)
    place = caught.value.errors[0].at
    assert place is not None
    assert place.column == column


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigErrors) as caught:
        settings(block("success no", "servfail 1h", "disable all"))
    assert len(caught.value.errors) == 3


def test_a_second_line_in_a_block_is_refused() -> None:
    with pytest.raises(ConfigErrors, match="cache may stand only once"):
        settings("cache\ncache")


def test_lines_that_are_alike_are_for_their_own_blocks() -> None:
    first, second = (settings("cache 30", zone) for zone in ("a.example", "b.example"))
    assert (first.zones, second.zones) == ((from_text("a.example"),), (from_text("b.example"),))
    assert first.success is second.success
