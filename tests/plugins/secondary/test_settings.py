"""What the directive secondary may say."""

from __future__ import annotations

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.secondary.settings import Settings
from resolver.wire.names import from_text
from tests.plugins.chains import World


def settings(inner: str, args: str = "") -> dict[bytes, Settings]:
    part = World().build(f"example.org {{\n secondary {args} {{\n {inner}\n }}\n}}").parts[0]
    found: dict[bytes, Settings] = part._sources  # type: ignore[attr-defined]
    return found


def test_primaries_are_asked_in_the_order_of_the_file() -> None:
    found = settings("transfer from 192.0.2.1 192.0.2.2:5300\n transfer from 2001:db8::1")
    (one,) = found.values()
    assert one.primaries == (("192.0.2.1", 53), ("192.0.2.2", 5300), ("2001:db8::1", 53))
    assert one.zones == (from_text("example.org"),)


def test_zones_can_be_named() -> None:
    assert list(settings("transfer from 192.0.2.1", "a.test b.test")) == [from_text("a.test"), from_text("b.test")]


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ("", "where its zones come from"),
        ("transfer", "at least 2 arguments"),
        ("transfer to 192.0.2.1", "where from should"),
        ("transfer from ns.example.org", "not an IP address"),
        ("transfer from 192.0.2.1\n key a", "there is no key"),
        ("transfer from 192.0.2.1\n catalog", "catalog zones are not built"),
    ],
)
def test_mistakes_are_told(inner: str, why: str) -> None:
    with pytest.raises(ConfigErrors, match=why):
        settings(inner)
