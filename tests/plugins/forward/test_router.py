"""Which lines take a name."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from resolver.plugins.forward.router import Router
from resolver.wire.names import from_text


class Scope(NamedTuple):
    zones: tuple[bytes, ...]
    excepted: tuple[bytes, ...] = ()


def scope(zones: str, excepted: str = "") -> Scope:
    return Scope(tuple(map(from_text, zones.split())), tuple(map(from_text, excepted.split())))


def router(*scopes: Scope, longest: bool = False) -> Router[str]:
    return Router([(one, f"line {number}") for number, one in enumerate(scopes)], longest=longest)


def taken(router: Router[str], name: str) -> list[str]:
    return list(router.lines(from_text(name)))


STUBS = (scope("."), scope("corp.test"), scope("lab.corp.test"))


@pytest.mark.parametrize("name", ["corp.test", "www.corp.test", "a.b.corp.test"])
def test_a_line_takes_its_zone_and_what_is_below(name: str) -> None:
    assert taken(router(scope("corp.test")), name) == ["line 0"]


@pytest.mark.parametrize("name", [".", "test", "xcorp.test", "corp.test.org"])
def test_a_line_does_not_take_what_is_beside(name: str) -> None:
    assert taken(router(scope("corp.test")), name) == []


def test_lines_stand_in_the_order_of_the_file() -> None:
    assert taken(router(*STUBS), "www.lab.corp.test") == ["line 0", "line 1", "line 2"]


def test_with_longest_the_longest_zone_stands_in_front() -> None:
    assert taken(router(*STUBS, longest=True), "www.lab.corp.test") == ["line 2", "line 1", "line 0"]
    assert taken(router(*STUBS, longest=True), "www.test") == ["line 0"]


def test_lines_for_the_same_zone_keep_their_order() -> None:
    assert taken(router(scope("a.test"), scope("."), scope("a.test"), longest=True), "a.test") == [
        "line 0", "line 2", "line 1",
    ]  # fmt: skip


def test_excepted_names_are_left_out() -> None:
    found = router(scope(".", "corp.test 10.in-addr.arpa"), scope("corp.test"))
    assert taken(found, "www.corp.test") == ["line 1"]
    assert taken(found, "corp.test") == ["line 1"]
    assert taken(found, "1.0.0.10.in-addr.arpa") == []
    assert taken(found, "xcorp.test") == ["line 0"]


def test_a_line_never_excepts_its_own_zone() -> None:
    found = router(scope("corp.test", "corp.test"))
    assert taken(found, "corp.test") == ["line 0"]
    assert taken(found, "www.corp.test") == []


def test_a_line_with_several_zones_is_asked_once() -> None:
    assert taken(router(scope("test corp.test"), scope("."), longest=True), "www.corp.test") == ["line 0", "line 1"]


def test_a_single_line_for_everything_takes_everything() -> None:
    assert taken(router(scope(".")), "www.corp.test") == ["line 0"]


def test_no_lines_take_nothing() -> None:
    assert taken(router(), ".") == []
