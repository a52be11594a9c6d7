"""Records as octets."""

from __future__ import annotations

import pytest

from resolver.errors import WireError
from resolver.wire.constants import AAAA, CNAME, HTTPS, IN, MX, NS, SOA, SRV, TXT, A
from resolver.wire.message import as_message, scan
from resolver.wire.names import ROOT, from_text
from resolver.wire.records import EMPTY_BODY, Record, clamp_ttl, encode, plain_rdata, record, soa_minimum

WWW = from_text("www.example.org")
MAIL = from_text("mail.example.org")
ZONE = from_text("example.org")


def test_nothing_is_an_empty_body() -> None:
    assert encode(WWW) is EMPTY_BODY


def test_owners_and_old_rdata_names_are_compressed() -> None:
    body = encode(WWW, [record(WWW, MX, 60, b"\0\1" + MAIL), record(MAIL, A, 60, bytes(4)), record(ROOT, NS, 60, ROOT)])
    first, second, third = (
        b"\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\x09\0\1\4mail\xc0\x10",
        b"\xc0\x2f\0\1\0\1\0\0\0\x3c\0\4\0\0\0\0",
        b"\0\0\2\0\1\0\0\0\x3c\0\1\0",
    )
    assert body.data == first + second + third
    assert body.ttls == (6, len(first) + 6, len(first + second) + 5)


def test_newer_rdata_names_stay_as_they_are() -> None:
    """RFC 3597 section 4: only the types of RFC 1035 may be compressed."""
    for rtype, rdata in ((SRV, bytes(6) + MAIL), (HTTPS, b"\0\1" + MAIL), (65280, MAIL)):
        assert encode(WWW, [record(WWW, rtype, 60, rdata)]).data.endswith(rdata)


def test_a_root_question_is_not_pointed_at() -> None:
    assert encode(ROOT, [record(ROOT, NS, 60, MAIL)]).data.startswith(b"\0\0\2")


def test_no_pointer_leads_further_than_one_can() -> None:
    filler = [record(WWW, TXT, 60, bytes((255,)) + bytes(255))] * 70
    far = from_text("far.test")
    body = encode(WWW, [*filler, record(far, A, 60, bytes(4)), record(far, A, 60, bytes(4))])
    assert len(body.data) > 0x3FFF
    assert [one.owner for one in scan(as_message(WWW + bytes(4), body)).sections().answer[-2:]] == [far, far]


@pytest.mark.parametrize(
    "broken",
    [
        Record(WWW, NS, 1, 60, b""),
        Record(WWW, CNAME, 1, 60, b"\3www"),
        Record(WWW, CNAME, 1, 60, b"\xc0\x0c"),
        Record(WWW, MX, 1, 60, b"\0"),
        Record(WWW, SOA, 1, 60, ROOT),
        Record(WWW, 70000, 1, 60, b""),
        Record(WWW, A, 1, 1 << 32, bytes(4)),
        Record(WWW, A, 1, -1, bytes(4)),
        Record(WWW, TXT, 1, 60, bytes(65536)),
    ],
)
def test_a_record_that_cannot_be_written_is_refused(broken: Record) -> None:
    with pytest.raises(WireError):
        encode(WWW, [broken])


def test_names_in_rdata_are_written_out() -> None:
    message = bytes(12) + WWW
    srv = bytes(6) + b"\4mail\xc0\x10"
    assert plain_rdata(message + srv, SRV, len(message), len(srv)) == bytes(6) + MAIL
    naptr = b"\0\1\0\1\1s\3SIP\0" + b"\xc0\x10"
    assert plain_rdata(message + naptr, 35, len(message), len(naptr)) == naptr[:-2] + ZONE
    assert plain_rdata(message + bytes(16), AAAA, len(message), 16) == bytes(16)


@pytest.mark.parametrize(
    ("rtype", "rdata"),
    [(NS, b""), (MX, b"\0"), (SRV, bytes(5)), (35, b"\0\1\0\1\1s\3SI"), (NS, b"\3www"), (SOA, b"\0")],
)
def test_rdata_that_ends_too_early_is_refused(rtype: int, rdata: bytes) -> None:
    for behind in (b"", ROOT * 40):
        with pytest.raises(WireError):
            plain_rdata(bytes(12) + rdata + behind, rtype, 12, len(rdata))


def test_a_ttl_with_the_top_bit_set_counts_as_zero() -> None:
    assert [clamp_ttl(ttl) for ttl in (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)] == [0, 0x7FFFFFFF, 0, 0]


def test_the_minimum_is_the_last_field_of_a_soa() -> None:
    assert soa_minimum(ROOT + ROOT + bytes(16) + b"\0\0\1\0") == 256
    with pytest.raises(WireError):
        soa_minimum(ROOT + ROOT + bytes(19))


def test_addresses_point_to_the_target_of_their_srv_record() -> None:
    asked, target = from_text("_pg._tcp.db.example.org."), from_text("db-0.elsewhere.example.net.")
    service = Record(asked, SRV, IN, 5, b"\0\0\0\x64\x15\x38" + target)
    address = Record(target, A, IN, 5, b"\xc0\0\2\1")
    sibling = Record(from_text("db-1.elsewhere.example.net."), A, IN, 5, b"\xc0\0\2\2")
    body = encode(asked, [service], (), [address, sibling])
    assert target in body.data  # whole in the SRV record
    assert body.data.count(b"elsewhere") == 1
    assert scan(as_message(asked + b"\0\x21\0\1", body)).sections() == ([service], [], [address, sibling])


def test_a_broken_srv_record_is_pointed_to_by_nobody() -> None:
    owner = from_text("_pg._tcp.example.org.")
    body = encode(
        owner, [Record(owner, SRV, IN, 5, b"\0\0\0\0\0\0\x3fab")], (), [Record(owner, A, IN, 5, b"\xc0\0\2\1")]
    )
    assert body.data.endswith(b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\xc0\0\2\1")
