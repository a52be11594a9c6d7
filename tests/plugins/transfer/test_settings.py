"""What the directive transfer may say."""

from __future__ import annotations

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.transfer.notify import local_address
from resolver.plugins.transfer.settings import Stanza
from resolver.wire.names import from_text
from tests.plugins.chains import World


def stanza(inner: str, args: str = "", more: str = "") -> Stanza:
    part = World().build(f"example.org {{\n {more}\n transfer {args} {{\n {inner}\n }}\n}}").parts[-1]
    found: Stanza = next(iter(part._stanzas.values()))  # type: ignore[attr-defined]
    return found


def test_addresses_are_both_who_may_and_who_is_told() -> None:
    found = stanza("to 192.0.2.1 192.0.2.2:5300\n to 2001:db8::1 [2001:db8::2]:5300")
    assert found.told == (("192.0.2.1", 53), ("192.0.2.2", 5300), ("2001:db8::1", 53), ("2001:db8::2", 5300))
    assert found.clients is not None
    assert [found.clients.holds(host) for host in ("192.0.2.2", "::ffff:192.0.2.1", "2001:db8::2")] == [True] * 3
    assert not found.clients.holds("192.0.2.3")


def test_the_star_lets_everybody_and_tells_nobody() -> None:
    found = stanza("to *")
    assert found.clients is None
    assert found.told == ()


def test_servers_may_be_of_both_families_with_one_source() -> None:
    found = stanza("to 192.0.2.1 [2001:db8::1]:5300\n source 2001:db8::53")
    assert found.source == "2001:db8::53"
    assert len(found.told) == 2
    assert local_address(found.source, "2001:db8::1") == ("2001:db8::53", 0)
    assert local_address(found.source, "192.0.2.1") is None


def test_zones_are_those_of_the_block_or_ones_own() -> None:
    assert stanza("to *").zones == (from_text("example.org"),)
    assert stanza("to *", "A.example.org b.example.org").zones == (
        from_text("a.example.org"),
        from_text("b.example.org"),
    )


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ("", "does not say to whom"),
        ("to", "at least 1 argument"),
        ("to ns.example.org", "not an IP address"),
        ("to 192.0.2.1:0", "out of range"),
        ("to *\n source here", "not an IP address"),
        ("to *\n source 192.0.2.1\n source 192.0.2.1", "already given"),
        ("to 2001:db8::1\n source 192.0.2.1", "other family"),
        ("to *\n key nobody.example.org.", "there is no key"),
        ("to *\n from 192.0.2.1", "no option"),
    ],
)
def test_mistakes_are_told(inner: str, why: str) -> None:
    with pytest.raises(ConfigErrors, match=why):
        stanza(inner)
