"""However it came to be: what is served depends on the objects that there are, not on what happened before."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from resolver.plugins.gateway.claims import Items, Origin
from resolver.plugins.gateway.names import Names, Rules
from resolver.plugins.gateway.offers import Offer
from resolver.plugins.gateway.table import Item
from resolver.wire.constants import CNAME, A
from resolver.wire.names import from_text

ZONES = frozenset({from_text("z"), from_text("b.z")})
HOSTS = [from_text(name) for name in ("a.z", "b.z", "x.b.z", "*.z", "*.b.z", "elsewhere")]
RECORDS: list[Items] = [
    (Item(A, 5, bytes(4)),),
    (Item(A, 9, b"1234"), Item(A, 5, bytes(4))),
    (Item(CNAME, 5, HOSTS[0]),),
]
OFFERS = st.dictionaries(st.sampled_from(HOSTS), st.sampled_from(RECORDS), max_size=3)
KEYS = st.tuples(st.sampled_from(["ingress", "service"]), st.sampled_from(["one/a", "one/b", "two/a"]))
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.tuples(st.sampled_from([1.0, 2.0]), OFFERS)), max_size=12)

Key = tuple[str, str]
Value = tuple[float, dict[bytes, Items]]
Objects = dict[Key, Value]


class World:
    """Names, and the tags that were withdrawn."""

    def __init__(self) -> None:
        self.withdrawn: set[Hashable] = set()
        self.names = Names(Rules(ZONES), 5, self.withdrawn.add)

    def take(self, key: Key, value: Value | None) -> None:
        kind, where = key
        namespace, _, name = where.partition("/")
        offer = None if value is None else Offer(Origin(value[0], namespace, name, kind), value[1])
        self.names.take(kind, where, offer)

    @property
    def served(self) -> Mapping[bytes, Items]:
        return {name: entry.items for name, entry in self.names.table.entries.items()}


@given(CHANGES)
def test_a_history_ends_where_its_last_state_begins(changes: list[tuple[Key, Value | None]]) -> None:
    world, objects = World(), Objects()
    for key, value in changes:
        before = dict(world.names.table.entries)
        world.withdrawn.clear()
        world.take(key, value)
        if value is None:
            objects.pop(key, None)
        else:
            objects[key] = value
        _check_withdrawn(world, before)
    fresh = World()
    for key in sorted(objects):
        fresh.take(key, objects[key])
    assert world.served == fresh.served
    assert world.names.zone_sizes == fresh.names.zone_sizes
    assert world.names.disputes.keys() == fresh.names.disputes.keys()


def _check_withdrawn(world: World, before: Mapping[bytes, object]) -> None:
    """Exactly the answers that are another now are withdrawn."""
    names = world.names
    gone = {entry for name, entry in before.items() if names.table.entries.get(name) is not entry}
    new = names.table.entries.keys() - before.keys()
    assert {tag for tag in world.withdrawn if tag not in (names.shape, names.arrivals)} == gone
    assert (names.shape in world.withdrawn) == bool(gone or new)
    assert (names.arrivals in world.withdrawn) == bool(new)
