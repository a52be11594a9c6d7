"""Reading master files."""

from __future__ import annotations

from pathlib import Path

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import ZoneError
from resolver.wire.constants import type_name
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from resolver.zone.text import MAX_DEPTH, MasterFile
from resolver.zone.text_generate import MAX_RECORDS
from resolver.zone.text_tokens import wire_name

ORIGIN = from_text("example.org.")


def read(folder: Path, text: str | bytes, name: str = "db") -> list[Record]:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(MasterFile(folder / name, ORIGIN).records())


def shown(records: list[Record]) -> list[str]:
    """Records as dnspython writes them."""
    return [
        f"{to_text(owner)} {ttl} {type_name(rtype)} "
        + dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rdata, 0, len(rdata)).to_text()
        for owner, rtype, _, ttl, rdata in records
    ]


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("www 60 IN A 192.0.2.1", "www.example.org. 60 A 192.0.2.1"),
        ("www IN 60 A 192.0.2.1", "www.example.org. 60 A 192.0.2.1"),
        ("www 60 A 192.0.2.1", "www.example.org. 60 A 192.0.2.1"),
        ("www CLASS1 1h30m a 192.0.2.1", "www.example.org. 5400 A 192.0.2.1"),
        ("WWW 1W in A 192.0.2.1 ; comment (", "www.example.org. 604800 A 192.0.2.1"),
        ("@ 0 NS Ns1", "example.org. 0 NS Ns1.example.org."),
        ("a.b. 1 CNAME @", "a.b. 1 CNAME example.org."),
        ('x 1 TXT "a;b(c" d\\"e "\\065"', 'x.example.org. 1 TXT "a;b(c" "d\\"e" "A"'),
        ("x 1 TXT ( a ; one\n\tb ; two\n)", 'x.example.org. 1 TXT "a" "b"'),
        ("x\\.y 1 A 192.0.2.1", "x\\.y.example.org. 1 A 192.0.2.1"),
        ("\\000x 1 A 192.0.2.1", "\\000x.example.org. 1 A 192.0.2.1"),
        ("x 1 TYPE65280 \\# 3 ab cdef", "x.example.org. 1 TYPE65280 \\# 3 abcdef"),
        ("x 1 A \\# 4 C0000201", "x.example.org. 1 A 192.0.2.1"),
        ("x 1 TYPE1 192.0.2.1", "x.example.org. 1 A 192.0.2.1"),
        ("@ 1 SOA ns host 1 2h 3 4 1d", "example.org. 1 SOA ns.example.org. host.example.org. 1 7200 3 4 86400"),
        ("@ 1 SOA ns h ( 1\n 2 3\n 4 5 )", "example.org. 1 SOA ns.example.org. h.example.org. 1 2 3 4 5"),
    ],
)
def test_an_entry_is_a_record(line: str, record: str, tmp_path: Path) -> None:
    assert shown(read(tmp_path, line)) == [record]


@pytest.mark.parametrize(
    "rdata",
    [
        "A 192.0.2.1",
        "AAAA 2001:db8::1",
        "MX 10 mail.example.org.",
        "SRV 1 2 65535 host.example.org.",
        "PTR host.example.org.",
        "DNAME host.example.org.",
        'HINFO "a b" "c"',
        'SPF "v=spf1"',
        'NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:x@example.net!" .',
        'CAA 0 issue "ca.example;x=y"',
        "DS 4711 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "CDS 4711 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "DNSKEY 257 3 13 k5ZkjMuSIaRHulG/Ztf2DqnkdwLlieUR eY/knTSVh0iA8GmjZpORyjR1 6xsQnItvs6J1oj8Ib5O2k/Vrs49MKw==",
        "RRSIG A 13 2 3600 20991231235959 20200101000000 4711 example.org. AAECAwQFBgc=",
        "NSEC next.example.org. A RRSIG NSEC TYPE1234",
        "NSEC3 1 1 10 beef 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
        "NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "NSEC3PARAM 1 0 0 -",
        "TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "SMIMEA 3 1 0 0001",
        "SSHFP 1 1 000102030405060708090a0b0c0d0e0f10111213",
        'HTTPS 1 . alpn="h2" ipv4hint="192.0.2.9"',
        "SVCB 0 svc.example.org.",
        'URI 10 1 "https://example.org/"',
        "LOC 52 22 23.000 N 4 53 32.000 E -2.00m",
        "RP host.example.org. txt.example.org.",
        "EUI48 00-00-5e-00-53-2a",
    ],
)
def test_the_octets_are_those_that_dnspython_makes(rdata: str, tmp_path: Path) -> None:
    rtype, _, fields = rdata.partition(" ")
    expected = dns.rdata.from_text("IN", rtype, fields).to_wire()
    assert [record.rdata for record in read(tmp_path, f"x 60 IN {rdata}")] == [expected]


def test_a_signature_may_end_behind_the_year_2106(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "x 1 RRSIG A 13 2 60 19631125173143 20200101000000 1 @ AAECAwQFBgc=")
    assert record.rdata[8:12] == (4102444799).to_bytes(4, "big")


def test_an_owner_left_out_is_that_of_the_record_before(tmp_path: Path) -> None:
    text = "www 60 A 192.0.2.1\n\tTXT a\n   60 ( TXT ) b ; c\n\n ; nothing\nx A 192.0.2.2"
    assert [to_text(record.owner) for record in read(tmp_path, text)] == ["www.example.org."] * 3 + ["x.example.org."]


def test_a_ttl_left_out_is_the_default_or_that_of_the_record_before(tmp_path: Path) -> None:
    text = "@ SOA ns h 1 2 3 4 300\nx A 192.0.2.1\nx 60 AAAA ::1\nx TXT a\n$TTL 2m\nx TXT b\nx 9 TXT c\nx TXT d"
    assert [record.ttl for record in read(tmp_path, text)] == [300, 300, 60, 60, 120, 9, 120]


def test_origin_counts_for_what_follows(tmp_path: Path) -> None:
    text = "$ORIGIN Sub\nx 1 CNAME y\n$ORIGIN other.test.\nx 1 CNAME @\n@ 1 A 192.0.2.1"
    names = [(to_text(record.owner), record.rdata) for record in read(tmp_path, text)]
    assert names[0] == ("x.sub.example.org.", from_text("y.sub.example.org."))
    assert names[1] == ("x.other.test.", from_text("other.test."))
    assert names[2][0] == "other.test."


def test_another_file_may_be_included(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "one").write_text("in 60 A 192.0.2.1\n$INCLUDE two\n$ORIGIN gone.test.\n")
    (tmp_path / "more" / "two").write_text("two 60 A 192.0.2.2\n")
    found = read(tmp_path, '$INCLUDE "more/one" sub\nx 60 A 192.0.2.3\n')
    assert [to_text(record.owner) for record in found] == [
        "in.sub.example.org.", "two.sub.example.org.", "x.example.org.",
    ]  # fmt: skip


def test_the_files_that_were_read_are_known(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("in 60 A 192.0.2.1\n")
    (tmp_path / "db").write_text("$INCLUDE one\n")
    file = MasterFile(tmp_path / "db", ORIGIN)
    list(file.records())
    assert set(file.files) == {tmp_path / "db", tmp_path / "one"}


@pytest.mark.parametrize(
    ("line", "records"),
    [
        ("$GENERATE 1-3 h$ 60 A 192.0.2.$", ["h1 192.0.2.1", "h2 192.0.2.2", "h3 192.0.2.3"]),
        ("$GENERATE 8-12/2 h${-8,3,d} 60 A 192.0.2.$", ["h000 192.0.2.8", "h002 192.0.2.10", "h004 192.0.2.12"]),
        ("$GENERATE 10-11 h${0,4,x} 60 A 192.0.2.${100}", ["h000a 192.0.2.110", "h000b 192.0.2.111"]),
        ("$generate 1-1 h\\$$$ 60 A 192.0.2.$ ; $", ["h\\$\\$ 192.0.2.1"]),
    ],
)
def test_generate_makes_records(line: str, records: list[str], tmp_path: Path) -> None:
    found = read(tmp_path, line)
    texts = [f"{to_text(r.owner).removesuffix('.example.org.')} {'.'.join(map(str, r.rdata))}" for r in found]
    assert texts == records


def test_generate_makes_reverse_names_of_nibbles(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "$GENERATE 26-26 ${0,7,n}.ip6 60 PTR h$")
    assert to_text(record.owner) == "a.1.0.0.ip6.example.org."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ok 60 A 192.0.2.1\nwww 60 IN A not-an-address", "db:2:13: the record cannot be read"),
        ("www 60 IN A", "db:1:1: the record has too few or too many fields"),
        ("www 60 IN A 192.0.2.1 192.0.2.2", "too few or too many fields"),
        ("www 60 IN", "db:1:8: the record has no type"),
        ("www 60 IN NONSENSE x", "db:1:11: NONSENSE is not a record type"),
        ("www 60 ANY x", "db:1:8: ANY is not a type of records that a zone can have"),
        ("www 60 CH A 192.0.2.1", "db:1:8: only records of class IN are served"),
        ("www 99999999999 A 192.0.2.1", "db:1:5: 99999999999 is longer than 2147483647 seconds"),
        ("www 1x A 192.0.2.1", "db:1:5: 1x is not a TTL"),
        ("www A 192.0.2.1", "has no TTL"),
        (" 60 A 192.0.2.1", "the first record has no owner"),
        ("a..b 60 A 192.0.2.1", "db:1:1: the name a..b has an empty label"),
        ("x" * 64 + " 60 A 192.0.2.1", "has a label of more than 63 octets"),
        (".".join(["x" * 60] * 5) + " 60 A 192.0.2.1", "is longer than 255 octets"),
        ("x 60 MX 65536 y", "db:1:9: a number does not fit its field"),
        ("x 60 MX -1 y", "-1 is not a number"),
        ("x 60 TXT", "a text is missing"),
        ("x 60 TXT ( a", "db:1:1: a bracket is not closed"),
        ("x 60 TXT a )", "a bracket is closed that was not opened"),
        ('x 60 TXT "a', "a quote or a backslash has no end"),
        ("x 60 TXT \\256", "\\256 is not an octet"),
        ("x 60 DS 1 13 2 abc", "the record cannot be read"),
        ("x 60 A \\# 3 c00002", "the octets are no record of this type"),
        ("x 60 TYPE65280 \\# 3 ab", "\\# says 3 octets and has 1"),
        ("x 60 TYPE65280 ab", "generic rdata does not start with"),
        ("x 60 LOC nowhere", "db:1:10: the record cannot be read"),
        ("$NONSENSE x", "$NONSENSE is not a directive of master files"),
        ("$TTL", "$TTL needs one argument"),
        ("$INCLUDE missing", "db:1:1: cannot read"),
        ("$INCLUDE db", f"files are included more than {MAX_DEPTH} deep"),
        ("$GENERATE 5-1 h$ 60 A 192.0.2.$", "does not go upwards"),
        ("$GENERATE 0-99999 h$ 60 TXT a", f"makes more than {MAX_RECORDS} records"),
        ("$GENERATE 0-1 h${-1} 60 TXT a", "makes a number below zero"),
        ("$GENERATE x h$ 60 TXT a", "$GENERATE needs a range"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ZoneError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/db:")


def test_a_mistake_in_an_included_file_is_told_with_its_place_there(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("\n\nx 60 A nonsense\n")
    with pytest.raises(ZoneError, match=rf"{tmp_path}/one:3:8: "):
        read(tmp_path, "$INCLUDE one")


def test_a_file_that_is_not_there_is_a_zone_error(tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match=r"cannot read .*missing: No such file"):
        list(MasterFile(tmp_path / "missing", ORIGIN).records())


def test_a_long_string_is_split(tmp_path: Path) -> None:
    (record,) = read(tmp_path, f'x 60 TXT "{"a" * 300}"')
    assert record.rdata == b"\xff" + b"a" * 255 + b"\x2d" + b"a" * 45


def test_an_entry_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match="longer than"):
        read(tmp_path, "x 60 TXT (\n" + "aaaaaaaaa\n" * 120_000)


@given(st.binary(max_size=200))
def test_any_octets_are_records_or_a_zone_error(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    try:
        records = read(tmp_path_factory.getbasetemp(), b"@ 60 SOA a b 1 2 3 4 5\n" + text, "any")
    except ZoneError:
        return
    assert all(len(record.owner) <= 255 for record in records)


PARTS = rb"""x 60 IN A 192.0.2.1 TXT ( ) " \ ; $TTL MX @ $GENERATE 1-2 ${ $ \# 0 RRSIG NSEC3 SVCB TYPE9 $ORIGIN .."""


@given(st.lists(st.sampled_from([*PARTS.split(), b"\n", b" "]), max_size=14))
def test_any_words_are_records_or_a_zone_error(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    for joint in (b"", b" "):
        try:
            read(tmp_path_factory.getbasetemp(), joint.join(parts), "any")
        except ZoneError as error:
            told = str(error)
        else:
            told = "any:"
        assert "any:" in told


@given(st.binary(min_size=1, max_size=63))
def test_a_name_of_any_octets_comes_back_from_its_text(label: bytes) -> None:
    name = bytes((len(label),)) + label + b"\0"
    assert wire_name(to_text(name).encode(), ORIGIN) == name
