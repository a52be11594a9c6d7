"""Who has a name that several objects claim."""

from __future__ import annotations

import pytest

from resolver.plugins.gateway.claims import MAX_RECORDS, Claims, Items, Origin, settle, together
from resolver.plugins.gateway.table import Item
from resolver.wire.constants import AAAA, CNAME, TXT, A
from resolver.wire.names import from_text

ONE, TWO, SIX = Item(A, 5, b"\xc0\0\2\1"), Item(A, 5, b"\xc0\0\2\2"), Item(AAAA, 5, bytes(16))
ALIAS, OTHER = Item(CNAME, 5, from_text("lb.example.net")), Item(CNAME, 5, from_text("lb2.example.net"))
WORDS = Item(TXT, 5, b"\1x")
NAME = from_text("www.example.com")


def lasting(item: Item, ttl: int) -> Item:
    return item._replace(ttl=ttl)


def at(age: float, kind: str = "ingress", namespace: str = "shop", name: str = "") -> Origin:
    return Origin(age, namespace, name or f"{kind}{age:g}", kind)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((ONE, TWO, ONE), (ONE, TWO)),
        ((ONE, SIX, WORDS), (ONE, SIX, WORDS)),
        ((ALIAS, ONE), (ONE,)),
        ((ALIAS, WORDS), (ALIAS,)),
        ((ALIAS, OTHER), (ALIAS,)),
        (
            (lasting(ONE, 60), lasting(TWO, 30), lasting(SIX, 60)),
            (lasting(ONE, 30), lasting(TWO, 30), lasting(SIX, 60)),
        ),
        ((), ()),
    ],
)
def test_records_that_may_stand_together(items: Items, expected: Items) -> None:
    assert together(items) == expected


def test_a_name_has_no_more_records_than_fit_a_message() -> None:
    assert len(together(Item(A, 5, number.to_bytes(4, "big")) for number in range(MAX_RECORDS + 9))) == MAX_RECORDS


def test_objects_of_one_rank_in_a_namespace_share_a_name() -> None:
    settled = settle({at(2): (TWO,), at(1): (ONE,)})
    assert (settled.items, settled.losers) == ((ONE, TWO), ())


def test_the_oldest_object_decides_which_namespace_has_the_name() -> None:
    old, new = at(1, "httproute"), at(2, "dnsendpoint", "thief")
    settled = settle({new: (TWO,), old: (ONE,)})
    assert (settled.items, settled.holders, settled.losers) == ((ONE,), (old,), (new,))


def test_within_a_namespace_the_rank_of_the_kind_decides_before_age() -> None:
    ranked = [at(5, "dnsendpoint"), at(4, "service"), at(3, "ingress"), at(2, "httproute")]
    claims = {origin: (Item(A, 5, bytes((192, 0, 2, number))),) for number, origin in enumerate(ranked)}
    for origin in ranked:
        assert settle(claims).holders == (origin,)
        del claims[origin]


def test_routes_of_different_kinds_share() -> None:
    assert settle({at(1, "httproute"): (ONE,), at(2, "grpcroute"): (TWO,)}).items == (ONE, TWO)


def test_who_wants_what_the_name_has_anyway_loses_nothing() -> None:
    assert settle({at(1): (ONE, TWO), at(2, namespace="other"): (TWO._replace(ttl=77),)}).losers == ()


def test_objects_of_the_same_age_are_told_apart_by_their_names() -> None:
    first, second = at(1, namespace="a"), at(1, namespace="b")
    assert settle({second: (TWO,), first: (ONE,)}).holders == (first,)


def test_claims_tell_which_names_are_affected() -> None:
    claims, other = Claims(), from_text("b.example.com")
    assert claims.put(at(1), {NAME: (ONE,), other: (ONE,)}) == {NAME, other}
    assert claims.put(at(1), {NAME: (ONE,), other: (ONE,)}) == set()
    assert claims.put(at(1), {NAME: (TWO,), other: (ONE,)}) == {NAME}
    assert claims.settle(NAME).items == (TWO,)
    assert claims.put(at(2), {NAME: (ONE,)}) == {NAME}
    assert claims.put(at(1), {}) == {NAME, other}
    assert claims.settle(NAME).items == (ONE,)
    assert claims.put(at(2), {}) == {NAME}
    assert (claims.settle(NAME).items, claims._by_name, claims._by_object) == ((), {}, {})
