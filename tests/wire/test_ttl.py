"""TTLs rewritten in encoded records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.wire.constants import MAX_TTL
from resolver.wire.message import as_message, scan
from resolver.wire.records import Record, encode
from resolver.wire.ttl import aged, capped, ttls, with_ttl
from tests.wire.strategies import names, record_lists

seconds = st.integers(0, MAX_TTL)


@given(names, record_lists, seconds, st.just(0) | seconds)
def test_ageing_lowers_every_ttl_and_none_below_the_floor(
    qname: bytes, records: list[Record], passed: int, floor: int
) -> None:
    body = encode(qname, records)
    older = body._replace(data=aged(body.data, body.ttls, passed, floor))
    assert ttls(older) == [max(one.ttl - passed, floor) for one in records]
    assert without_ttls(older.data, body.ttls) == without_ttls(body.data, body.ttls)
    assert len(scan(as_message(qname + bytes(4), older)).spans) == len(records)


@given(names, record_lists, seconds, seconds)
def test_ageing_in_steps_is_ageing_at_once(qname: bytes, records: list[Record], first: int, second: int) -> None:
    body = encode(qname, records)
    in_steps = aged(aged(body.data, body.ttls, first), body.ttls, second)
    assert in_steps == aged(body.data, body.ttls, first + second)


@given(names, record_lists, seconds, seconds, seconds)
def test_ttls_can_be_set_and_kept_within_bounds(
    qname: bytes, records: list[Record], ttl: int, one: int, other: int
) -> None:
    body = encode(qname, records)
    low, high = sorted((one, other))
    assert set(ttls(body._replace(data=with_ttl(body.data, body.ttls, ttl)))) <= {ttl}
    bounded = ttls(body._replace(data=capped(body.data, body.ttls, low, high)))
    assert bounded == [min(max(record.ttl, low), high) for record in records]


def without_ttls(data: bytes, offsets: tuple[int, ...]) -> bytes:
    return with_ttl(data, offsets, 0)
