"""The texts that templates make become records, in whatever shape operators write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.plugins.template.records import RecordError, read_record
from resolver.wire.names import from_text
from resolver.wire.records import Record

WWW = from_text("www.example.org")


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("www.example.org. 60 IN A 192.0.2.1", Record(WWW, 1, 1, 60, bytes([192, 0, 2, 1]))),
        ("www.example.org 60 A 192.0.2.1", Record(WWW, 1, 1, 60, bytes([192, 0, 2, 1]))),
        ("www.example.org IN 1m A 192.0.2.1 ; why", Record(WWW, 1, 1, 60, bytes([192, 0, 2, 1]))),
        ("www.example.org A 192.0.2.1", Record(WWW, 1, 1, 3600, bytes([192, 0, 2, 1]))),
        ("www.example.org 5 IN AAAA 2001:db8::1", Record(WWW, 28, 1, 5, bytes.fromhex("20010db8" + "00" * 11 + "01"))),
        ("www.example.org 5 IN CNAME x.test", Record(WWW, 5, 1, 5, from_text("x.test"))),
        ("www.example.org 5 IN CNAME .", Record(WWW, 5, 1, 5, b"\0")),
        ("www.example.org 5 IN PTR x\\.y.test.", Record(WWW, 12, 1, 5, b"\3x.y\4test\0")),
        ("www.example.org 5 IN MX 10 x.test", Record(WWW, 15, 1, 5, b"\0\x0a" + from_text("x.test"))),
        ('www.example.org 5 IN TXT "a b"', Record(WWW, 16, 1, 5, b"\3a b")),
        ('www.example.org 5 IN TXT a "b;" c', Record(WWW, 16, 1, 5, b"\1a\2b;\1c")),
        ('www.example.org 5 IN TXT "a\\"b\\001"', Record(WWW, 16, 1, 5, b'\4a"b\1')),
        ('www.example.org 5 IN TXT "a\nb"', Record(WWW, 16, 1, 5, b"\3a\nb")),
        ('www.example.org 5 IN TXT "\u00e9"', Record(WWW, 16, 1, 5, b"\2\xc3\xa9")),
        ('www.example.org 5 IN TXT ""', Record(WWW, 16, 1, 5, b"\0")),
        ("www.example.org 5 CH TXT x", Record(WWW, 16, 3, 5, b"\1x")),
        ("www.example.org 5 CLASS9 TYPE65400 \\# 2 abcd", Record(WWW, 65400, 9, 5, b"\xab\xcd")),
        ("\n\nwww.example.org 5 IN TXT x\nwww.example.org 5 IN TXT y", Record(WWW, 16, 1, 5, b"\1x")),
        ("@ 5 IN TXT x", Record(b"\0", 16, 1, 5, b"\1x")),
    ],
)
def test_a_text_becomes_a_record(text: str, record: Record) -> None:
    assert read_record(text) == record


def test_a_long_text_becomes_several_strings() -> None:
    record = read_record(f'www.example.org 5 IN TXT "{"x" * 300}"')
    assert record.rdata == b"\xff" + b"x" * 255 + b"\x2d" + b"x" * 45


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "; nothing", "www.example.org", "www.example.org 60 IN", "www.example.org 60 IN A 1.2.3",
        " www.example.org 60 IN A 192.0.2.1", "www.example.org 60 IN NOTYPE x", "www.example.org 99999999999 A 1.2.3.4",
        "www.example.org 60 IN A 1.2.3.4 5", "www..org 60 IN A 1.2.3.4", "www.example.org 60 IN TXT",
        f"{'x' * 64}.test 60 IN A 1.2.3.4", "www.example.org 60 IN CNAME a b",
        "www.example.org 60 IN CNAME " + "x." * 200,
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(RecordError):
        read_record(text)


@given(st.text(max_size=80))
def test_any_text_is_a_record_or_a_mistake(text: str) -> None:
    for one in (text, f"a.test 60 IN TXT {text}", f"a.test 60 IN SRV {text}", f"{text} IN A 1.2.3.4"):
        try:
            assert isinstance(read_record(one), Record)
        except RecordError:
            pass
