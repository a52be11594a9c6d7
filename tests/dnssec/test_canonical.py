from __future__ import annotations

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.dnssec.canonical import canonical_rdata, signed_set
from resolver.errors import WireError
from resolver.wire.constants import TXT, TYPE_NUMBERS, A
from resolver.wire.names import from_text
from resolver.wire.records import NAMED_TYPES

TEXTS = [
    ("NS", "NS1.Example.ORG."), ("CNAME", "WWW.Example."), ("PTR", "Host.Example."), ("DNAME", "Other.Example."),
    ("MX", "10 Mail.Example."), ("SRV", "1 2 3 Srv.Example."), ("AFSDB", "1 Afs.Example."), ("KX", "1 Kx.Example."),
    ("SOA", "NS.Example. HOST.Example. 1 2 3 4 5"), ("RP", "Who.Example. What.Example."), ("RT", "1 Rt.Example."),
    ("NAPTR", '1 2 "U" "SIP+d2u" "!^.*$!X!" Sip.Example.'), ("PX", "1 Px.Example. Py.Example."),
    ("TXT", '"Kept As It IS"'), ("SVCB", "1 Svc.Example. alpn=h2"), ("HTTPS", "1 Svc.Example. alpn=H2"),
    ("NSEC", "Next.Example. A"), ("CAA", '0 issue "CA.example"'), ("A", "192.0.2.1"), ("LOC", "1 N 1 E 0m"),
]  # fmt: skip


@pytest.mark.parametrize(("rtype", "text"), TEXTS)
def test_rdata_is_as_another_implementation_has_it(rtype: str, text: str) -> None:
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), text)
    wire = rdata.to_wire()
    assert wire is not None
    assert canonical_rdata(TYPE_NUMBERS[rtype], wire) == rdata.to_digestable()


@given(st.sampled_from(sorted(NAMED_TYPES)), st.binary(max_size=60))
def test_any_rdata_has_a_canonical_form_or_is_an_error(rtype: int, rdata: bytes) -> None:
    try:
        assert len(canonical_rdata(rtype, rdata)) == len(rdata)
    except WireError:
        pass


def test_order_spelling_and_repetition_of_a_set_make_no_difference() -> None:
    one, other = b"\xc0\0\2\1", b"\x0a\0\0\1"
    first = signed_set(from_text("www.example.org"), A, 60, (one, other))
    assert first == signed_set(from_text("WWW.Example.org"), A, 60, (other, one, other))


def test_a_record_longer_than_a_message_is_an_error() -> None:
    with pytest.raises(WireError):
        signed_set(from_text("www.example.org"), TXT, 60, (bytes(65536),))
