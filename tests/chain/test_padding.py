"""Answers of encrypted transports are padded for clients that pad."""

from __future__ import annotations

import pytest

from resolver.chain.finish import finish
from resolver.chain.query import Query
from resolver.chain.reply import Reply, from_records
from resolver.wire.constants import IN, OPTION_PADDING, TXT
from resolver.wire.edns import Edns, extended_error, option, options
from resolver.wire.message import scan
from resolver.wire.records import Record
from tests.plugins.chains import question

PADDING = option(OPTION_PADDING, bytes(20))


def _asked(transport: str, sent: bytes) -> Query:
    return question("www.example.org", transport=transport).derive(edns=Edns(1232, options=sent))


def _answer(query: Query, octets: int) -> Reply:
    rdata = b"".join(bytes((100,)) + bytes(100) for _ in range(octets // 101))
    return from_records(query, "file", [Record(query.qname, TXT, IN, 60, rdata)])


@pytest.mark.parametrize("transport", ["tls", "https", "quic"])
@pytest.mark.parametrize("octets", [101, 404, 505, 5050])
def test_the_length_is_a_multiple_of_468(transport: str, octets: int) -> None:
    query = _asked(transport, PADDING)
    message = finish(query, _answer(query, octets))
    assert len(message) % 468 == 0
    edns = scan(message).edns
    assert edns is not None
    assert [code for code, _ in options(edns.options)] == [OPTION_PADDING]


@pytest.mark.parametrize(("transport", "sent"), [("udp", PADDING), ("tcp", PADDING), ("tls", b"")])
def test_nobody_else_gets_padding(transport: str, sent: bytes) -> None:
    query = _asked(transport, sent)
    edns = scan(finish(query, _answer(query, 101))).edns
    assert edns is not None
    assert edns.options == b""


def test_other_options_stay_in_front() -> None:
    query = _asked("tls", PADDING)
    reply = _answer(query, 101)
    reply.options = extended_error(3, "stale")
    edns = scan(finish(query, reply)).edns
    assert edns is not None
    assert edns.options.startswith(reply.options)
