"""The index: what is looked up, and what is withdrawn when it changes."""

from __future__ import annotations

from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from resolver.kube.index import ClusterIndex, namespace_of
from resolver.kube.objects import Endpoint, Namespace, Pod, Service, ServiceImport, Slice
from resolver.kube.places import Places

A, B, C = (bytes((10, 0, 0, n)) for n in (1, 2, 3))
WEB, DB = b"\3web\4shop", b"\2db\4shop"
SHOP = Namespace("shop", b"shop")


def service(key: bytes = WEB, *addresses: bytes, external: tuple[bytes, ...] = ()) -> Service:
    name = key[1 : 1 + key[0]].decode()
    return Service(key, namespace_of(key).decode(), name, cluster_ips=addresses, external_ips=external)


def slice_of(name: str, key: bytes, *endpoints: Endpoint | bytes, imported: bytes = b"", triggered: float = 0) -> Slice:
    ends = tuple(Endpoint(one) if isinstance(one, bytes) else one for one in endpoints)
    return Slice("shop", name, key, ends, imported=imported, triggered=triggered)


class Kept:
    """An index, and the tags that it withdrew."""

    def __init__(self, only: frozenset[bytes] = frozenset()) -> None:
        self.tags: list[Hashable] = []
        self.now = 100.0
        self.index = ClusterIndex(self.tags.append, only, lambda: self.now)
        self.index.namespace_changed("shop", None, SHOP)
        self.tags.clear()

    def taken(self) -> set[Hashable]:
        tags, self.tags[:] = set(self.tags), []
        return tags - {self.index.serial_tag}


def test_services_are_found_by_key_and_address() -> None:
    index = Kept().index
    web = service(WEB, A, external=(C,))
    index.service_changed("", None, web)
    assert (index.service(WEB), index.owner(A), index.external_owners(C)) == (web, web, [web])
    assert list(index.each_service()) == [web]
    assert (index.service(DB), index.owner(C), index.external_owners(A)) == (None, None, [])


def test_what_is_in_a_namespace_that_is_not_exposed_is_not_found() -> None:
    index = Kept().index
    index.service_changed("", None, service(WEB, A, external=(C,)))
    index.namespace_changed("shop", SHOP, None)
    assert (index.service(WEB), index.owner(A), index.external_owners(C)) == (None, None, [])
    assert (list(index.each_service()), index.exposed(b"shop")) == ([], False)
    index.namespace_changed("shop", None, SHOP)
    assert index.owner(A) is not None


def test_only_listed_namespaces_are_kept() -> None:
    kept = Kept(frozenset({b"other"}))
    kept.index.service_changed("", None, service(WEB, A))
    kept.index.slice_changed("", None, slice_of("s", WEB, B))
    kept.index.import_changed("", None, ServiceImport(WEB, "shop", "web"))
    assert (kept.index.services, kept.index.slices(WEB), kept.index.imports) == ({}, {}, {})
    assert (len(kept.index.owners), len(kept.index.hosts), kept.taken()) == (0, 0, set())


def test_an_address_that_moves_to_another_service() -> None:
    kept = Kept()
    index = kept.index
    index.service_changed("", None, service(WEB, A))
    index.service_changed("", None, service(DB, A))
    first = index.owner(A)
    index.service_changed("", service(WEB, A), service(WEB, B))
    assert first == service(WEB, A)
    assert index.owner(A) == service(DB, A)
    index.service_changed("", service(DB, A), None)
    assert index.owner(A) is None


def test_addresses_of_endpoints_are_kept_as_long_as_one_slice_has_them() -> None:
    index = Kept().index
    index.slice_changed("", None, slice_of("one", WEB, A, B))
    index.slice_changed("", None, slice_of("two", WEB, B, C))
    index.slice_changed("", slice_of("one", WEB, A, B), None)
    assert [index.hosts.keys(address) for address in (A, B, C)] == [(), (WEB,), (WEB,)]
    index.slice_changed("", slice_of("two", WEB, B, C), slice_of("two", WEB, C))
    assert [index.hosts.keys(address) for address in (A, B, C)] == [(), (), (WEB,)]


def test_a_slice_that_moves_leaves_nothing_behind() -> None:
    kept = Kept()
    index = kept.index
    before, after = slice_of("one", WEB, A), slice_of("one", DB, A)
    index.slice_changed("", None, before)
    kept.taken()
    index.slice_changed("", before, after)
    assert (index.slices(WEB), dict(index.slices(DB)), index.hosts.keys(A)) == ({}, {"one": after}, (DB,))
    assert kept.taken() == {index.service_tag(WEB), index.service_tag(DB), index.address_tag(A)}


def test_a_slice_may_become_that_of_an_import() -> None:
    kept = Kept()
    index = kept.index
    before, after = slice_of("one", WEB, A), slice_of("one", b"", A, imported=DB)
    index.slice_changed("", None, before)
    index.slice_changed("", before, after)
    assert (index.slices(WEB), dict(index.imported_slices(DB)), index.hosts.keys(A)) == ({}, {"one": after}, ())
    assert index.import_tag(DB) in kept.taken()


def test_only_what_changed_is_withdrawn() -> None:
    kept = Kept()
    index = kept.index
    before = slice_of("one", WEB, Endpoint(A, b"a"), Endpoint(B, b"b"))
    index.slice_changed("", None, before)
    kept.taken()
    index.slice_changed("", before, slice_of("one", WEB, Endpoint(A, b"a"), Endpoint(B, b"renamed")))
    assert kept.taken() == {index.service_tag(WEB), index.address_tag(B)}
    index.service_changed("", None, service(WEB, A, external=(C,)))
    assert kept.taken() == {index.service_tag(WEB), index.address_tag(A), index.address_tag(C)}
    index.service_changed("", None, service(WEB, A))
    assert kept.taken() == {index.service_tag(WEB), index.address_tag(C)}


def test_what_is_the_same_withdraws_nothing() -> None:
    kept = Kept()
    index = kept.index
    one = slice_of("one", WEB, A)
    index.service_changed("", None, service())
    index.slice_changed("", None, one)
    kept.taken()
    index.service_changed("", service(), service())
    index.slice_changed("", one, slice_of("one", WEB, A, triggered=5))
    index.namespace_changed("", SHOP, Namespace("shop", b"shop"))
    assert kept.taken() == set()


def test_what_was_never_known_may_go() -> None:
    kept = Kept()
    index = kept.index
    index.service_changed("", service(WEB, A), None)
    index.slice_changed("", slice_of("one", WEB, A), None)
    index.slice_changed("", slice_of("one", WEB, A), slice_of("one", DB, B))
    index.import_changed("", ServiceImport(WEB, "shop", "web"), None)
    index.namespace_changed("", Namespace("x", b"x"), None)
    index.pod_changed("", Pod("shop", "p", (A,)), None)
    index.service_changed("", None, None)
    assert (dict(index.slices(DB)), index.services) == ({"one": slice_of("one", DB, B)}, {})


def test_pods_may_share_an_address() -> None:
    kept = Kept()
    index = kept.index
    one, two = Pod("shop", "one", (A, B)), Pod("other", "two", (A,))
    index.pod_changed("", None, one)
    index.pod_changed("", None, two)
    assert (index.pods(A), index.pods(B), index.pods(C)) == ((one, two), (one,), ())
    kept.taken()
    index.pod_changed("", one, Pod("shop", "one", (B, C)))
    assert kept.taken() >= {index.address_tag(A), index.address_tag(C)}
    assert index.pods(A) == (two,)
    index.pod_changed("", two, None)
    assert index.pods(A) == ()


def test_the_serial_numbers_grow_with_what_they_stand_for() -> None:
    kept = Kept()
    index = kept.index
    kept.now = 200.5
    index.service_changed("", None, service())
    assert (index.serial, index.external_serial, index.import_serial) == (200, 100, 100)
    assert index.serial_tag in kept.tags
    kept.tags.clear()
    index.service_changed("", None, service(DB))
    assert index.serial_tag not in kept.tags
    kept.now = 300
    index.service_changed("", None, service(WEB, external=(C,)))
    index.import_changed("", None, ServiceImport(WEB, "shop", "web"))
    assert (index.serial, index.external_serial, index.import_serial) == (300, 300, 300)
    kept.now = 50
    index.service_changed("", service(DB), None)
    assert index.serial == 300


def test_tags_of_two_indexes_are_different() -> None:
    one, two = Kept().index, Kept().index
    assert one.service_tag(WEB) != two.service_tag(WEB)
    tags = [one.service_tag(WEB), one.import_tag(WEB), one.namespace_tag(WEB), one.address_tag(WEB), one.serial_tag]
    assert len(set(tags)) == len(tags)


ADDRESSES = st.sets(st.sampled_from([A, B, C]), max_size=3)
MOVES = st.lists(st.tuples(st.sampled_from([WEB, DB, b"\1x\1y"]), ADDRESSES), max_size=20)


@given(MOVES)
def test_places_are_what_was_moved_last(moves: list[tuple[bytes, set[bytes]]]) -> None:
    places, model = Places(), dict[bytes, set[bytes]]()
    for key, after in moves:
        places.move(key, model.get(key, set()), after)
        model[key] = after
    for address in (A, B, C):
        assert set(places.keys(address)) == {key for key, found in model.items() if address in found}
    assert len(places) == len(set().union(*model.values()) if model else set())


SLICES = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", "three"]),
        st.sampled_from([WEB, DB, None]),
        st.lists(st.sampled_from([A, B, C]), max_size=3),
    ),
    max_size=25,
)


@given(SLICES)
def test_the_index_of_slices_is_that_of_the_last_state(events: list[tuple[str, bytes | None, list[bytes]]]) -> None:
    index = Kept().index
    known: dict[str, Slice] = {}
    for name, key, addresses in events:
        new = None if key is None else slice_of(name, key, *addresses)
        index.slice_changed(name, known.get(name), new)
        if new is None:
            known.pop(name, None)
        else:
            known[name] = new
    for key in (WEB, DB):
        assert dict(index.slices(key)) == {name: one for name, one in known.items() if one.key == key}
        for address in (A, B, C):
            has = any(end.address == address for one in known.values() if one.key == key for end in one.endpoints)
            assert (key in index.hosts.keys(address)) == has
