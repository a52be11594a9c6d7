"""Answers cut to what a client takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.wire.constants import AAAA, NS, SOA, SRV, A
from resolver.wire.message import as_message, scan
from resolver.wire.names import ROOT, from_text
from resolver.wire.records import Record, encode, record
from resolver.wire.truncate import fit
from tests.wire.strategies import Sections, names, sections

WWW = from_text("www.example.org")
QUESTION = WWW + b"\0\1\0\1"
ZONE = from_text("example.org")
SOA_RDATA = ROOT + ROOT + bytes(20)


def addresses(owner: str, count: int, rtype: int = A) -> list[Record]:
    size = 4 if rtype == A else 16
    return [record(from_text(owner), rtype, 60, number.to_bytes(size, "big")) for number in range(count)]


def test_what_fits_stays_as_it_is() -> None:
    body = encode(WWW, addresses("www.example.org", 3))
    kept, truncated = fit(QUESTION, body, len(body.data))
    assert kept is body
    assert not truncated


def test_answers_that_do_not_fit_are_cut_and_the_client_is_told() -> None:
    body = encode(WWW, addresses("www.example.org", 3))
    kept, truncated = fit(QUESTION, body, len(body.data) - 1)
    assert (kept.answers, len(kept.data), len(kept.ttls), truncated) == (2, 32, 2, True)


def test_a_missing_soa_is_told() -> None:
    body = encode(WWW, (), [record(ZONE, SOA, 60, SOA_RDATA)])
    assert fit(QUESTION, body, 20)[1]


def test_additional_records_go_silently_and_as_whole_sets() -> None:
    """RFC 2181 section 9."""
    service = [record(WWW, SRV, 60, bytes(6) + from_text("a.example.org"))]
    extra = [*addresses("a.example.org", 2), *addresses("b.example.org", 2), *addresses("b.example.org", 2, AAAA)]
    body = encode(WWW, service, (), extra)
    left = [fit(QUESTION, body, room)[0].additionals for room in range(len(body.data))]
    assert set(left) == {0, 2, 4}
    assert not any(fit(QUESTION, body, room)[1] for room in range(len(encode(WWW, service).data), len(body.data)))


def test_a_set_that_is_spread_over_the_section_goes_as_a_whole() -> None:
    a, b = addresses("a.example.org", 2), addresses("b.example.org", 1)
    body = encode(WWW, addresses("www.example.org", 1), (), [*b, a[0], *addresses("c.example.org", 1), a[1]])
    kept, truncated = fit(QUESTION, body, len(body.data) - 1)
    assert (kept.answers, kept.additionals, truncated) == (1, 1, False)


def test_missing_glue_of_a_referral_is_told() -> None:
    """RFC 9471 section 3."""
    body = encode(WWW, (), [record(ZONE, NS, 60, from_text("ns.example.org"))], addresses("ns.example.org", 2))
    kept, truncated = fit(QUESTION, body, len(body.data) - 1)
    assert (kept.authorities, kept.additionals, truncated) == (1, 1, True)


def test_ten_thousand_addresses_are_cut_to_what_a_stream_takes() -> None:
    body = encode(WWW, addresses("www.example.org", 70_000))
    kept, truncated = fit(QUESTION, body, 65535 - 12 - len(QUESTION))
    assert truncated
    assert 4000 < kept.answers < 4096
    assert len(scan(as_message(QUESTION, kept)).spans) == kept.answers


def test_without_any_room_nothing_is_left() -> None:
    body = encode(WWW, addresses("www.example.org", 3))
    for room in (0, -1, -100_000):
        kept, truncated = fit(QUESTION, body, room)
        assert (kept.data, kept.answers, kept.ttls, truncated) == (b"", 0, (), True)


@given(names, sections, st.integers(-20, 900))
def test_what_is_left_fits_and_is_a_beginning_of_what_was_there(
    qname: bytes, given_sections: Sections, room: int
) -> None:
    body = encode(qname, *given_sections)
    question = qname + b"\0\1\0\1"
    kept, truncated = fit(question, body, room)
    assert len(kept.data) <= max(room, 0)
    assert body.data.startswith(kept.data)
    before = scan(as_message(question, body)).sections()
    after = scan(as_message(question, kept)).sections()
    assert [one for section in before for one in section][: len(kept.ttls)] == [one for part in after for one in part]
    complete = after.answer == before.answer and after.authority == before.authority
    assert truncated or complete
    if complete and not truncated:
        sets = {(one.owner.lower(), one.type, one.rclass) for one in before.additional[len(after.additional) :]}
        assert not any((one.owner.lower(), one.type, one.rclass) in sets for one in after.additional)
