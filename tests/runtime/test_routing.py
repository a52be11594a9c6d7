"""The longest zone takes the query."""

from __future__ import annotations

import pytest

from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure
from resolver.runtime.routing import Route, Router
from resolver.wire.constants import DS, A
from resolver.wire.names import from_text


async def handler(query: Query) -> Reply:
    return failure(query, "test")


def router_of(*zones: str) -> Router:
    router = Router()
    for zone in zones:
        router.add(Route(from_text(zone), Site("dns://:53", zone), handler))
    return router


def zone_for(router: Router, name: str, qtype: int = A) -> str | None:
    route = router.find(Query(from_text(name), qtype))
    return route.site.zone if route else None


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("www.example.org", "example.org."),
        ("example.org", "example.org."),
        ("EXAMPLE.ORG", "example.org."),
        ("a.b.sub.example.org", "sub.example.org."),
        ("wexample.org", "."),
        ("org", "."),
        (".", "."),
    ],
)
def test_longest_zone_by_labels_wins(name: str, zone: str) -> None:
    assert zone_for(router_of(".", "example.org.", "sub.example.org."), name) == zone


def test_a_name_outside_all_zones_has_no_route() -> None:
    assert zone_for(router_of("example.org."), "example.com") is None


def test_ds_of_an_apex_belongs_to_the_parent_zone() -> None:
    router = router_of("org.", "example.org.")
    assert zone_for(router, "example.org", DS) == "org."
    assert zone_for(router, "www.example.org", DS) == "example.org."


def test_ds_of_an_apex_stays_when_no_block_has_the_parent() -> None:
    assert zone_for(router_of("example.org."), "example.org", DS) == "example.org."
    assert zone_for(router_of("example.org.", "."), "example.org", DS) == "example.org."


def test_a_view_that_does_not_take_the_query_leaves_it_to_the_next_block() -> None:
    router = Router()
    zone = from_text("example.org")
    router.add(Route(zone, Site("", "first"), handler, takes=lambda query: query.qtype == DS))
    router.add(Route(zone, Site("", "second"), handler))
    assert zone_for(router, "www.example.org") == "second"


def test_looking_up_costs_the_same_with_ten_thousand_zones() -> None:
    """Counted in dictionary look-ups, not in time."""
    router = router_of(".", *(f"z{number}.example.org." for number in range(10_000)))

    class Counting(dict[bytes, list[Route]]):
        asked = 0

        def get(self, *args: object) -> object:  # type: ignore[override]
            Counting.asked += 1
            return super().get(*args)  # type: ignore[call-overload]

    router._zones = Counting(router._zones)
    assert zone_for(router, "a.z77.example.org") == "z77.example.org."
    assert Counting.asked <= 2
