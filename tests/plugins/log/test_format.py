"""Formats of log lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.placeholders import Format
from resolver.chain.query import Query
from resolver.plugins.log.format import Event
from resolver.wire.constants import AA, AD, CD, QR, RA, RD, TC
from tests.plugins.chains import question

MESSAGE = b"\0\0" + (QR | AA | RD).to_bytes(2, "big") + bytes(62)


def query(**more: Any) -> Query:
    given: dict[str, Any] = {
        "client": ("127.0.0.1", 51234),
        "local": ("10.0.0.1", 53),
        "transport": "udp",
        "message_id": 4711,
    }
    return question("www.Example.org", **(given | more))


def line(template: str, asked: Query | None = None, *, rcode: int = 0, message: bytes = MESSAGE) -> str:
    return Format(template).fill(Event(asked or query(), rcode, message, 0.000123456, "NOERROR", "success"))


def test_the_common_format() -> None:
    assert line("{common}") == (
        '127.0.0.1:51234 - 4711 "A IN www.example.org. udp 33 false 512" NOERROR qr,aa,rd 66 0.000123456s'
    )


def test_the_combined_format_adds_the_opcode() -> None:
    assert line("{combined}") == line("{common}") + ' "0"'


@pytest.mark.parametrize(
    ("placeholder", "value"),
    [
        ("{type}", "A"), ("{name}", "www.example.org."), ("{class}", "IN"), ("{proto}", "udp"),
        ("{remote}", "127.0.0.1"),
        ("{local}", "10.0.0.1"), ("{size}", "33"), ("{port}", "51234"), ("{duration}", "0.000123456s"),
        ("{rcode}", "NOERROR"), ("{rsize}", "66"), ("{>rflags}", "qr,aa,rd"), ("{>bufsize}", "512"), ("{>do}", "false"),
        ("{>id}", "4711"), ("{>opcode}", "0"), ("{/log/class}", "success"), ("{/log/type}", "NOERROR"),
        ("{/no/such}", "-"),
    ],
)  # fmt: skip
def test_each_placeholder(placeholder: str, value: str) -> None:
    assert line(f"<{placeholder}>") == f"<{value}>"
    assert Format(placeholder).unknown == ()


def test_edns_shows_in_size_and_do() -> None:
    assert line("{>bufsize} {>do}", question("a", do=True, transport="udp")) == "1232 true"
    assert line("{>bufsize}", question("a", transport="tcp")) == "65535"


def test_ipv6_addresses_are_in_brackets() -> None:
    assert (
        line("{remote}:{port} {local}", query(client=("::1", 1), local=("2001:db8::1", 53))) == "[::1]:1 [2001:db8::1]"
    )


@pytest.mark.parametrize(("transport", "shown"), [("tls", "tcp"), ("https", "tcp"), ("quic", "udp"), ("tcp", "tcp")])
def test_encrypted_transports_are_shown_as_what_they_run_on(transport: str, shown: str) -> None:
    assert line("{proto}", query(transport=transport)) == shown


def test_flags_stand_in_their_usual_order() -> None:
    message = b"\0\0" + (QR | AA | TC | RD | RA | AD | CD).to_bytes(2, "big") + bytes(8)
    assert line("{>rflags}", message=message) == "qr,aa,tc,rd,ra,ad,cd"


def test_numbers_without_a_name_stay_numbers() -> None:
    asked = Query(b"\0", 65280, 17)
    assert line("{type} {class} {rcode} {name}", asked, rcode=4000) == "TYPE65280 CLASS17 4000 ."


def test_words_in_braces_that_are_no_placeholder_stay_and_are_known() -> None:
    template = '{"name": "{name}", "other": {nmae}} }{'
    assert line(template) == '{"name": "www.example.org.", "other": {nmae}} }{'
    assert Format(template).unknown == ("{nmae}",)


def test_metadata_is_put_in_by_its_label() -> None:
    asked = query()
    asked.metadata = {"view/name": "inside"}
    assert line("{/view/name} {/view/other}", asked) == "inside -"


@given(st.binary(min_size=1, max_size=63))
def test_no_name_can_break_the_line(label: bytes) -> None:
    name = bytes((len(label),)) + label + b"\0"
    assert line("{name}", Query(name, 1)).isprintable()


@given(st.text(max_size=60))
def test_any_template_can_be_filled(template: str) -> None:
    assert isinstance(line(template), str)
