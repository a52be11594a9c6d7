from __future__ import annotations

from resolver.dnssec.signature import Validity
from resolver.plugins.dnssec.kept import Kept, Signed


def signed(number: int) -> Signed:
    return Signed((b"%d" % number,), Validity(0, number))


def test_what_was_kept_is_found_and_replaced() -> None:
    kept = Kept(10)
    kept.put(b"a", signed(1))
    assert (kept.get(b"a"), kept.get(b"a"), kept.get(b"b"), len(kept)) == (signed(1), signed(1), None, 1)
    kept.put(b"a", signed(2))
    assert (kept.get(b"a"), len(kept)) == (signed(2), 1)


def test_there_are_never_more_than_the_capacity() -> None:
    for capacity in (1, 2, 10):
        kept = Kept(capacity)
        for number in range(50):
            kept.put(b"%d" % number, signed(number))
            kept.get(b"%d" % (number // 2))
            assert len(kept) <= capacity
        assert kept.get(b"49") == signed(49)


def test_made_up_names_do_not_push_out_what_is_used_again() -> None:
    kept = Kept(10)
    for number in range(5):
        kept.put(b"used%d" % number, signed(number))
        kept.get(b"used%d" % number)
    for number in range(1000):
        kept.put(b"%d" % number, signed(number))
    assert [kept.get(b"used%d" % number) for number in range(5)] == [signed(number) for number in range(5)]


def test_what_was_used_once_more_long_ago_gives_way_too() -> None:
    kept = Kept(10)
    for number in range(20):
        kept.put(b"%d" % number, signed(number))
        kept.get(b"%d" % number)
    assert kept.get(b"0") is None
    assert kept.get(b"19") == signed(19)
    assert len(kept) <= 10
