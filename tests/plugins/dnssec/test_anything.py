"""Whatever the chain answers, nothing is lost, and what is signed is signed right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from resolver.chain.reply import Reply
from resolver.wire.constants import NOERROR, NSEC, NXDOMAIN, RRSIG
from resolver.wire.records import Record
from tests.plugins.dnssec.signing import Stage, record, says

NAMES = ["example.org.", "www.example.org.", "WWW.Example.org.", "sub.example.org.", "*.example.org.", "example.net."]
RDATA = [
    "A 192.0.2.1", "A 192.0.2.2", "CNAME www.example.org.", "CNAME Example.net.", "NS ns.sub.example.org.",
    "SOA ns.example.org. host.example.org. 1 2 3 4 5", "DNAME example.org.", "DS 1 13 2 " + "ab" * 32, "MX 1 Mail.x.",
    "TXT a", "NSEC www.example.org. A", "DNSKEY 257 3 13 AAAA",
]  # fmt: skip
ONE_AT_MOST = {"CNAME", "SOA", "DNAME"}  # others of them at a name are no record set, and dnspython drops them


def _kind(text: str) -> str:
    owner, _, rtype, _ = text.split(" ", 3)
    return f"{owner.lower()} {rtype}" if rtype in ONE_AT_MOST else text


RECORDS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["0", "9"]), st.sampled_from(RDATA)).map(" ".join),
    max_size=5,
    unique_by=_kind,
)
TYPES = st.sampled_from(["A", "NS", "DS", "DNSKEY", "NSEC", "CNAME", "SOA", "ANY", "MX", "RRSIG"])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), TYPES, RECORDS, RECORDS, RECORDS, st.sampled_from([NOERROR, NXDOMAIN]))
def test_anything_is_signed(
    name: str, qtype: str, answer: list[str], authority: list[str], additional: list[str], rcode: int
) -> None:
    with TemporaryDirectory() as folder:
        stage = Stage(Path(folder), zones=["example.org.", "sub.example.org."])
        reply = asyncio.run(stage.ask(name, qtype, says(answer, authority, additional, rcode=rcode)))
    assert reply.rcode in (rcode, NOERROR)
    if reply.source == "dnssec" or (qtype == "NSEC" and not answer):
        return
    for texts, section in zip((answer, authority, additional), reply.sections, strict=True):
        assert _plain([record(text) for text in texts]) <= _plain(section)
    _assert_what_is_added_is_signed(reply, len(authority))


def _plain(records: list[Record]) -> set[Record]:
    return {one for one in records if one.type != RRSIG}


def _assert_what_is_added_is_signed(reply: Reply, known: int) -> None:
    """An NSEC record that the plugin made has a signature right behind it."""
    authority = reply.sections.authority
    for one, following in zip(authority[known:], authority[known + 1 :], strict=False):
        if one.type == NSEC and one.rdata.startswith(b"\1\0"):
            assert following.type == RRSIG
            assert following.owner == one.owner
