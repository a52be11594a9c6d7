"""What the property tests of the codec draw from: names, records, sections, and messages that are a little broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from resolver.wire.constants import (
    AAAA,
    CAA,
    CNAME,
    DNAME,
    HTTPS,
    IN,
    MAX_LABEL,
    MAX_NAME,
    MAX_TTL,
    MX,
    NAPTR,
    NS,
    PTR,
    SOA,
    SRV,
    TXT,
    A,
)
from resolver.wire.edns import write_opt
from resolver.wire.message import as_message
from resolver.wire.names import ROOT
from resolver.wire.records import Body, Record, encode

Sections = tuple[list[Record], list[Record], list[Record]]


def wire_name(labels: Sequence[bytes]) -> bytes:
    """The labels as a wire name, as many of them as fit."""
    name = b""
    for label in labels:
        if len(name) + len(label) + 2 > MAX_NAME:
            break
        name += bytes((len(label),)) + label
    return name + ROOT


# Any octets may stand in a label; a few words that come again and again give compression something to do.
any_names = st.lists(st.binary(min_size=1, max_size=MAX_LABEL), max_size=8).map(wire_name)
common_names = st.lists(st.sampled_from((b"www", b"WWW", b"ns", b"example", b"org", b"a")), max_size=4).map(wire_name)
names = common_names | any_names
ttls = st.integers(0, MAX_TTL)
short = st.binary(max_size=40)
shorts = st.integers(0, 0xFFFF).map(lambda number: number.to_bytes(2, "big"))
texts = st.lists(st.binary(max_size=60), min_size=1, max_size=3).map(
    lambda parts: b"".join(bytes((len(part),)) + part for part in parts)
)


def rdata_of(owners: st.SearchStrategy[bytes]) -> dict[int, st.SearchStrategy[bytes]]:
    """Rdata for each type, with names drawn from ``owners``."""

    def joined(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
        return st.tuples(*parts).map(b"".join)

    return {
        A: st.binary(min_size=4, max_size=4),
        AAAA: st.binary(min_size=16, max_size=16),
        NS: owners,
        CNAME: owners,
        PTR: owners,
        DNAME: owners,
        SOA: joined(owners, owners, st.binary(min_size=20, max_size=20)),
        MX: joined(shorts, owners),
        SRV: joined(shorts, shorts, shorts, owners),
        NAPTR: joined(shorts, shorts, st.just(b"\1s\3SIP\0"), owners),
        TXT: texts,
        CAA: st.sampled_from((b"\0\5issueca.test", b"\0\5issue;")),
        HTTPS: joined(st.just(b"\0\1"), owners),
        65280: st.binary(min_size=1, max_size=40),
    }


def sections_of(owners: st.SearchStrategy[bytes]) -> st.SearchStrategy[Sections]:
    """Three sections of records whose names are drawn from ``owners``."""
    return st.tuples(*[record_lists_of(owners)] * 3)


def record_lists_of(owners: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[Record]]:
    """A few records whose names are drawn from ``owners``."""
    rdata = rdata_of(owners)
    one = st.sampled_from(sorted(rdata)).flatmap(
        lambda rtype: st.builds(Record, owners, st.just(rtype), st.just(IN), ttls, rdata[rtype])
    )
    return st.lists(one, max_size=6)


record_lists = record_lists_of(names)
sections = sections_of(names)

options = st.lists(
    st.tuples(st.integers(0, 0xFFFF), short).map(
        lambda pair: pair[0].to_bytes(2, "big") + len(pair[1]).to_bytes(2, "big") + pair[1]
    ),
    max_size=3,
).map(b"".join)


def message(qname: bytes, body: Body, opt: bytes = b"") -> bytes:
    """A response for an A question, OPT behind everything else."""
    plain = as_message(qname + b"\0\1\0\1", body)
    counted = int.from_bytes(plain[10:12], "big") + (1 if opt else 0)
    return b"\0\7\x81\x80" + plain[4:10] + counted.to_bytes(2, "big") + plain[12:] + opt


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A well-formed response."""
    qname = draw(names)
    opt = draw(st.just(b"") | options.map(lambda octets: write_opt(1232, do=True, options=octets)))
    return message(qname, encode(qname, *draw(sections)), opt)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A response in which a few octets were changed, taken away or put in; often pointers."""
    octets = bytearray(draw(messages()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(octets) - 1, 0)))
        change = draw(st.sampled_from(_CHANGES))
        change(octets, at, draw(st.integers(0, 255)))
    return bytes(octets)


def _set(octets: bytearray, at: int, value: int) -> None:
    octets[at : at + 1] = bytes((value,))


def _point(octets: bytearray, at: int, value: int) -> None:
    octets[at : at + 2] = bytes((0xC0 | value >> 7, value))


def _cut(octets: bytearray, at: int, value: int) -> None:
    del octets[at : at + (value & 15)]


def _insert(octets: bytearray, at: int, value: int) -> None:
    octets[at:at] = bytes((value,))


_CHANGES: tuple[Callable[[bytearray, int, int], None], ...] = (_set, _point, _cut, _insert)

# Octets that get past the header more often than blind ones do.
any_octets = (
    st.binary(max_size=600)
    | st.binary(max_size=600).map(lambda tail: b"\0\7\1\0\0\1\0\0\0\0\0\1" + tail)
    | st.binary(max_size=600).map(lambda tail: b"\0\7\1\0\0\1\0\0\0\0\0\1\3www\7example\3org\0\0\1\0\1" + tail)
    | damaged()
)


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """A well-formed query, with EDNS or without."""
    opt = draw(
        st.just(b"")
        | st.builds(
            lambda size, do, octets: write_opt(size, do=do, options=octets), shorts.map(_number), st.booleans(), options
        )
    )
    flags = draw(st.sampled_from((b"\1\0", b"\0\0", b"\1\x10", b"\1\x20")))
    head = draw(shorts) + flags + b"\0\1\0\0\0\0\0" + (b"\1" if opt else b"\0")
    return head + draw(names) + draw(st.sampled_from((b"\0\1\0\1", b"\0\x1c\0\1", b"\0\1\0\3", b"\xff\0\0\1"))) + opt


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")
