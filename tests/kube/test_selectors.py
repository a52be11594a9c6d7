"""Label selectors as Kubernetes reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import KubeError
from resolver.kube.selectors import MAX_TEXT, Requirement, Selector, parse_selector

LABELS = {"app": "web", "tier": "front", "empty": "", "example.com/team": "a"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = shop", False),
        ("app!=shop", True),
        ("missing!=x", True),
        ("missing=x", False),
        ("app", True),
        ("!app", False),
        ("!missing", True),
        ("app in (web,shop)", True),
        ("app in(shop)", False),
        ("app notin (web, shop)", False),
        ("missing notin (a)", True),
        ("missing in (a)", False),
        ("empty=", True),
        ("app=", False),
        ("empty in ()", True),
        ("example.com/team=a,app=web", True),
        ("example.com/team=a,app=shop", False),
        ("in in (a)", False),
    ],
)
def test_what_is_selected(text: str, matches: bool) -> None:
    assert parse_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" b = 1 , a ", "a,b=1"),
        ("x in (c, a,b,a)", "x in (a,b,c)"),
        ("x in (a)", "x=a"),
        ("x notin (a)", "x!=a"),
        ("a==1,a==1", "a=1"),
        ("! a", "!a"),
        ("", ""),
    ],
)
def test_the_text_for_the_api_does_not_depend_on_how_it_was_written(text: str, canonical: str) -> None:
    assert str(parse_selector(text)) == canonical


@pytest.mark.parametrize(
    "text",
    ["=", "a=b=c", "a,,b", ",a", "a,", "a b", "a in", "a in (", "a in (b", "a in b", "a in (b))", "!", "!a=b", "a>1",
     "/a", "a/", "a/b/c", "A.b/c", "-a", "a-", "a=-b", "a" * 64, f"a={'b' * 64}", "ä=1", "a=b c", "a\x00"],
)  # fmt: skip
def test_what_is_no_selector_is_said(text: str) -> None:
    with pytest.raises(KubeError, match="label selector"):
        parse_selector(text)


def test_a_selector_has_a_limit() -> None:
    with pytest.raises(KubeError, match="at most"):
        parse_selector("a" * (MAX_TEXT + 1))


NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?", fullmatch=True)
VALUES = st.lists(NAMES | st.just(""), max_size=3, unique=True).map(lambda values: tuple(sorted(values)))
REQUIREMENTS = st.builds(Requirement, NAMES, st.booleans(), VALUES)


@given(st.lists(REQUIREMENTS, max_size=4, unique=True))
def test_a_selector_is_read_back_from_its_text(requirements: list[Requirement]) -> None:
    selector = Selector(tuple(sorted(requirements)))
    assert parse_selector(str(selector)) == selector


@given(st.text(max_size=40))
def test_any_text_is_a_selector_or_a_mistake(text: str) -> None:
    try:
        selector = parse_selector(text)
    except KubeError:
        return
    assert parse_selector(str(selector)) == selector
