from __future__ import annotations

from dns.rdtypes.util import Bitmap
from hypothesis import given
from hypothesis import strategies as st

from resolver.dnssec.bitmap import type_bitmap


@given(st.sets(st.integers(1, 65535), max_size=30))
def test_bitmaps_are_those_of_another_implementation(types: set[int]) -> None:
    windows = Bitmap.from_rdtypes([*types]).windows  # type: ignore[list-item]
    expected = b"".join(bytes((window, len(octets))) + octets for window, octets in windows)
    assert type_bitmap(types) == expected


def test_no_types_are_no_octets() -> None:
    assert type_bitmap(()) == b""


def test_the_example_of_the_standard() -> None:
    expected = bytes.fromhex("0006400100000003041b" + "00" * 26 + "20")
    assert type_bitmap((1, 15, 46, 47, 1234)) == expected
