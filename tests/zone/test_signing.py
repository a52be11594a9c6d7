"""A signed zone is one that others find nothing wrong with."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from resolver.dnssec.keys import ECDSAP256, ED25519, RSASHA256, Key, read_key
from resolver.dnssec.signature import Validity, covered_type, tag_of
from resolver.wire.constants import DNSKEY, DS, NSEC, RRSIG, SOA, TXT, A, type_name
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from resolver.zone.data import build
from resolver.zone.signing import CDNSKEY, CDS, signed, unsigned
from resolver.zone.text import MasterFile
from resolver.zone.writing import write
from tests.support.keys import ENTRY_POINT, write_key
from tests.support.validators import PATH

ORIGIN = from_text("example.org")
NOW = int(time.time())
SERIAL = 1_800_000_000
PLAIN = """\
$ORIGIN example.org.
@ 300 IN SOA NS.example.org. host 7 7200 1800 1209600 60
@ 300 IN NS ns
@ 300 IN MX 10 Mail
ns 300 IN A 192.0.2.53
www 300 IN A 192.0.2.1
www 300 IN A 192.0.2.2
www 60 IN TXT "a;b" "c"
WWW2 300 IN AAAA 2001:db8::1
*.wild 300 IN A 192.0.2.9
a.b.c 300 IN SRV 1 2 3 Www
alias 300 IN CNAME www
t 300 IN TYPE65280 \\# 2 0102
h 300 IN HTTPS 1 . alpn=h2
dn 300 IN DNAME elsewhere.example.
"""
CUTS = """\
sub 300 IN NS ns.sub
ns.sub 300 IN A 192.0.2.99
below.sub 300 IN TXT "not ours"
safe 300 IN NS safe
safe 300 IN A 192.0.2.98
safe 300 IN DS 12345 13 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766
"""
LEFT_FROM_BEFORE = """\
@ 300 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=
@ 300 IN NSEC www NS SOA
@ 300 IN CDS 0 0 0 00
@ 300 IN CDNSKEY 0 3 0 AA==
@ 300 IN NSEC3PARAM 1 0 0 -
"""


def keys(folder: Path, *algorithms: int) -> list[Key]:
    pairs = [write_key(folder, "example.org.", one, ENTRY_POINT, number=n) for n, one in enumerate(algorithms)]
    return [read_key(pair) for pair in pairs]


def sign(folder: Path, text: str, made: Sequence[Key]) -> list[Record]:
    source = folder / "db"
    source.write_text(text)
    zone = build(ORIGIN, unsigned(MasterFile(source, ORIGIN).records()))
    return list(signed(zone, made, Validity(NOW - 3600, NOW + 86400), SERIAL))


def of(records: Sequence[Record], name: str, rtype: int) -> list[Record]:
    return [one for one in records if one.owner == from_text(name) and one.type == rtype]


def covered(records: Sequence[Record], name: str) -> set[str]:
    """The types at a name over which there are signatures."""
    return {type_name(covered_type(one.rdata)) for one in of(records, name, RRSIG)}


def chain(records: Sequence[Record]) -> list[str]:
    return [to_text(one.owner) for one in records if one.type == NSEC]


BIND = ["dnssec-verify", "-z", "-o", "example.org"]
LDNS = ["ldns-verify-zone"]
KNOT = ["kzonecheck", "-v", "-o", "example.org"]  # which finds fault with two algorithms, whoever signed


@pytest.mark.parametrize(
    ("command", "algorithms"),
    [
        (BIND, (ECDSAP256,)),
        (BIND, (RSASHA256, ED25519)),
        (LDNS, (ECDSAP256,)),
        (LDNS, (RSASHA256, ED25519)),
        (KNOT, (ECDSAP256,)),
        (KNOT, (RSASHA256,)),
    ],
)
def test_verifiers_of_other_people_find_nothing_wrong(
    command: list[str], algorithms: tuple[int, ...], tmp_path: Path
) -> None:
    if not shutil.which(command[0], path=PATH):
        pytest.skip(f"{command[0]} is not installed")
    write(tmp_path / "signed", sign(tmp_path, PLAIN + CUTS + LEFT_FROM_BEFORE, keys(tmp_path, *algorithms)))
    words = [*command, str(tmp_path / "signed")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, env={"PATH": PATH})
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_soa_is_first_with_a_new_serial_and_its_signatures(tmp_path: Path) -> None:
    made = keys(tmp_path, ECDSAP256, ED25519)
    records = sign(tmp_path, PLAIN, made)
    assert [one.type for one in records[:3]] == [SOA, RRSIG, RRSIG]
    assert int.from_bytes(records[0].rdata[-20:-16], "big") == SERIAL
    assert [tag_of(one.rdata) for one in records[1:3]] == [key.tag for key in made]


def test_keys_and_what_the_zone_above_wants_to_know_stand_at_the_top(tmp_path: Path) -> None:
    made = keys(tmp_path, ECDSAP256, ED25519)
    records = sign(tmp_path, PLAIN + LEFT_FROM_BEFORE, made)
    public = [key.rdata for key in made]
    assert [one.rdata for one in of(records, "example.org", DNSKEY)] == public
    assert [one.rdata for one in of(records, "example.org", CDNSKEY)] == public
    assert [one.rdata for one in of(records, "example.org", CDS)] == [key.ds(ORIGIN) for key in made]
    assert {one.ttl for one in of(records, "example.org", DNSKEY)} == {300}
    assert covered(records, "example.org") == {"SOA", "NS", "MX", "DNSKEY", "CDS", "CDNSKEY", "NSEC"}


def test_every_name_with_records_of_ours_is_in_the_chain(tmp_path: Path) -> None:
    records = sign(tmp_path, PLAIN + CUTS, keys(tmp_path, ECDSAP256))
    assert chain(records) == [
        f"{name}example.org."
        for name in ["", "alias.", "a.b.c.", "dn.", "h.", "ns.", "safe.", "sub.", "t.", "*.wild.", "www.", "www2."]
    ]
    last = of(records, "www2.example.org", NSEC)[0]
    assert last.rdata.startswith(ORIGIN)
    assert last.ttl == 60


def test_of_a_zone_below_only_its_ds_is_signed(tmp_path: Path) -> None:
    records = sign(tmp_path, PLAIN + CUTS, keys(tmp_path, ECDSAP256))
    assert covered(records, "sub.example.org") == {"NSEC"}
    assert covered(records, "safe.example.org") == {"NSEC", "DS"}
    assert of(records, "safe.example.org", NSEC)[0].rdata.endswith(bytes.fromhex("0006200000000013"))
    for name, rtype in [("ns.sub.example.org", A), ("below.sub.example.org", TXT), ("safe.example.org", DS)]:
        assert len(of(records, name, rtype)) == 1
    assert covered(records, "ns.sub.example.org") == covered(records, "below.sub.example.org") == set()


def test_what_stands_below_a_dname_is_not_signed(tmp_path: Path) -> None:
    records = sign(tmp_path, PLAIN + "under.dn 300 IN A 192.0.2.1\n", keys(tmp_path, ECDSAP256))
    assert covered(records, "under.dn.example.org") == set()
    assert "under.dn.example.org." not in chain(records)


def test_the_smallest_zone_points_to_itself(tmp_path: Path) -> None:
    records = sign(tmp_path, "@ 60 IN SOA ns host 1 2 3 4 300\n", keys(tmp_path, ECDSAP256))
    nsec = of(records, "example.org", NSEC)[0]
    assert nsec.rdata.startswith(ORIGIN)
    assert nsec.ttl == 60
