"""Protocol buffers, written by us and read by somebody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.telemetry.protobuf import number_field, octets_field, packed_field, varint
from tests.support.protobuf import fields, packed


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**20))
def test_numbers_survive(number: int, field: int) -> None:
    assert fields(number_field(field, number)) == {field: number}


@given(st.binary(max_size=300))
def test_octets_survive(octets: bytes) -> None:
    assert fields(octets_field(14, octets) + number_field(1, 1)) == {14: octets, 1: 1}


@given(st.lists(st.integers(0, 2**40)))
def test_lists_of_numbers_survive(numbers: list[int]) -> None:
    assert packed(fields(packed_field(2, numbers))[2]) == numbers


def test_a_known_number() -> None:
    assert varint(300) == b"\xac\x02"
