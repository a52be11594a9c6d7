"""Types and classes of answers."""

from __future__ import annotations

from struct import pack

import pytest

from resolver.chain.reply import failure, from_records
from resolver.plugins.log.classify import class_of, type_of
from resolver.wire.constants import NOTIMP, NS, NXDOMAIN, REFUSED, RRSIG, SERVFAIL, SOA, A
from resolver.wire.records import Record
from tests.plugins.chains import question

QUERY = question("www.example.org")
NAME = QUERY.qname
ADDRESS = Record(NAME, A, 1, 60, b"\1\2\3\4")
START = Record(NAME, SOA, 1, 60, b"\0\0" + bytes(20))
SERVER = Record(NAME, NS, 1, 60, b"\2ns\0")
NOW = 1_800_000_000


def signature(begins: int, expires: int) -> Record:
    return Record(NAME, RRSIG, 1, 60, pack("!HBBIIIH", A, 8, 3, 60, expires % 2**32, begins % 2**32, 1) + b"\0x")


@pytest.mark.parametrize(
    ("answer", "authority", "rcode", "kind", "group"),
    [
        ([ADDRESS], [], 0, "NOERROR", "success"),
        ([], [START], 0, "NODATA", "denial"),
        ([], [SERVER], 0, "DELEGATION", "success"),
        ([], [SERVER, START], 0, "NODATA", "denial"),
        ([], [], 0, "NOERROR", "success"),
        ([], [START], NXDOMAIN, "NXDOMAIN", "denial"),
        ([], [], NXDOMAIN, "NXDOMAIN", "denial"),
        ([ADDRESS], [START], NXDOMAIN, "OTHERERROR", "error"),
        ([], [], SERVFAIL, "SERVERERROR", "error"),
        ([], [], NOTIMP, "SERVERERROR", "error"),
        ([], [], REFUSED, "OTHERERROR", "error"),
        ([], [START], REFUSED, "OTHERERROR", "error"),
    ],
)
def test_answers_are_sorted_by_code_and_records(
    answer: list[Record], authority: list[Record], rcode: int, kind: str, group: str
) -> None:
    reply = from_records(QUERY, "test", answer, authority, rcode=rcode)
    assert type_of(QUERY, reply, NOW) == kind
    assert class_of(kind) == group


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR"])
def test_transfers_are_neither_success_nor_denial(qtype: str) -> None:
    query = question("a", qtype)
    assert type_of(query, failure(query, "", 0), NOW) == "META"
    assert class_of("META") == "error"


@pytest.mark.parametrize(
    ("begins", "expires", "do", "kind"),
    [
        (NOW - 10, NOW + 10, True, "NOERROR"),
        (NOW - 20, NOW - 10, True, "OTHERERROR"),
        (NOW + 10, NOW + 20, True, "OTHERERROR"),
        (NOW - 20, NOW - 10, False, "NOERROR"),
        (2**32 - 10, 2**32 + 10, True, "OTHERERROR"),
    ],
)
def test_an_expired_signature_matters_to_those_who_want_dnssec(begins: int, expires: int, do: bool, kind: str) -> None:
    query = question("www.example.org", do=do)
    reply = from_records(query, "test", [ADDRESS, signature(begins, expires)])
    assert type_of(query, reply, NOW) == kind


def test_signature_times_run_over_the_end_of_their_number() -> None:
    query = question("www.example.org", do=True)
    reply = from_records(query, "test", [ADDRESS, signature(2**32 - 10, 2**32 + 10)])
    assert type_of(query, reply, 2**32 + 5) == "NOERROR"
