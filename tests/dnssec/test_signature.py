from __future__ import annotations

from pathlib import Path

import dns.dnssec
import dns.exception
import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import pytest

from resolver.dnssec.keys import ALGORITHMS, ECDSAP256, Key, read_key
from resolver.dnssec.signature import Validity, covered_type, sign, signable, tag_of, validity_of
from resolver.wire.constants import RRSIG, A
from resolver.wire.names import from_text
from tests.dnssec.test_keys import as_dnspython
from tests.support.keys import write_key

ZONE = dns.name.from_text("example.org.")
NOW = 1_800_000_000
VALID = Validity(NOW - 100, NOW + 100)


def validate(rrset: dns.rrset.RRset, rrsig: bytes, key: Key, now: float = NOW) -> None:
    """Ask dnspython. Raises ValidationFailure."""
    signature = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RRSIG, rrsig, 0, len(rrsig))
    signatures = dns.rrset.from_rdata(rrset.name, rrset.ttl, signature)
    keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {
        ZONE: dns.rrset.from_rdata(ZONE, 60, as_dnspython(key))
    }
    dns.dnssec.validate(rrset, signatures, keys, now=now)


def signed(rrset: dns.rrset.RRset, key: Key) -> bytes:
    rdatas = [wire for rdata in rrset if (wire := rdata.to_wire()) is not None]
    owner = rrset.name.to_wire()
    assert owner is not None
    return sign(signable(owner, rrset.rdtype, rrset.ttl, rdatas, from_text("example.org")), key, VALID)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signatures_of_every_algorithm_are_valid(algorithm: int, tmp_path: Path) -> None:
    key = read_key(write_key(tmp_path, "example.org.", algorithm))
    rrset = dns.rrset.from_text("WWW.example.org.", 300, "IN", "A", "192.0.2.2", "192.0.2.1")
    validate(rrset, signed(rrset, key), key)
    other = dns.rrset.from_text("www.example.org.", 300, "IN", "A", "192.0.2.2")
    with pytest.raises(dns.exception.ValidationFailure):
        validate(other, signed(rrset, key), key)


@pytest.mark.parametrize(
    ("owner", "rtype", "texts"),
    [
        ("example.org.", "SOA", ["NS.example.org. Host.example.org. 1 2 3 4 5"]),
        ("example.org.", "NS", ["b.example.org.", "A.example.org."]),
        ("example.org.", "MX", ["10 Mail.example.org.", "5 MAIL2.example.org."]),
        ("_x._tcp.example.org.", "SRV", ["1 2 3 Host.example.org."]),
        ("*.example.org.", "TXT", ['"a" "B"', '"c"']),
        ("a.example.org.", "HTTPS", ["1 Host.example.org. alpn=h2"]),
        ("a.example.org.", "NSEC", ["\\000.A.example.org. A AAAA"]),
    ],
)
def test_signatures_over_all_kinds_of_records_are_valid(
    owner: str, rtype: str, texts: list[str], tmp_path: Path
) -> None:
    key = read_key(write_key(tmp_path, "example.org."))
    rrset = dns.rrset.from_text(owner, 300, "IN", rtype, *texts)
    validate(rrset, signed(rrset, key), key)


def test_a_signature_says_what_it_is_for(tmp_path: Path) -> None:
    key = read_key(write_key(tmp_path, "example.org."))
    rrset = dns.rrset.from_text("*.a.example.org.", 300, "IN", "A", "192.0.2.2")
    rdata = signed(rrset, key)
    assert (covered_type(rdata), tag_of(rdata), validity_of(rdata)) == (A, key.tag, VALID)
    shown = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType(RRSIG), rdata, 0, len(rdata)).to_text()
    assert shown.startswith(f"A {ECDSAP256} 3 300 20270115080140 20270115075820 {key.tag} example.org. ")


def test_it_is_not_valid_before_and_after_its_time(tmp_path: Path) -> None:
    key = read_key(write_key(tmp_path, "example.org."))
    rrset = dns.rrset.from_text("www.example.org.", 300, "IN", "A", "192.0.2.2")
    for now in (NOW - 101, NOW + 101):
        with pytest.raises(dns.exception.ValidationFailure):
            validate(rrset, signed(rrset, key), key, now)
