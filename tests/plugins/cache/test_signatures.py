"""Answers whose signatures do not hold are passed on and not kept."""

from __future__ import annotations

import pytest

from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply
from resolver.plugins.cache.budget import Budget
from resolver.plugins.cache.contents import Contents
from resolver.plugins.cache.keeper import Keeper
from resolver.plugins.cache.metrics import Meters
from resolver.plugins.cache.settings import Settings
from resolver.plugins.cache.signatures import out_of_date
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import RRSIG, A
from resolver.wire.edns import Edns
from resolver.wire.names import from_text
from resolver.wire.records import Body, Record, encode

NOW = 1_800_000_000
WWW = from_text("www.example.org")


def signed(expiration: int, inception: int) -> Body:
    """An address and a signature over it that is valid from ``inception`` to ``expiration``."""
    times = (expiration % 2**32).to_bytes(4, "big") + (inception % 2**32).to_bytes(4, "big")
    rdata = b"\0\1\x0d\x03\0\0\0\x3c" + times + b"\x12\x67" + from_text("example.org") + b"signature"
    return encode(WWW, [Record(WWW, A, 1, 60, b"\xc0\0\2\1"), Record(WWW, RRSIG, 1, 60, rdata)])


@pytest.mark.parametrize(
    ("expiration", "inception", "lapsed"),
    [
        (NOW + 3600, NOW - 3600, False),
        (NOW, NOW, False),
        (NOW - 1, NOW - 3600, True),
        (NOW + 3600, NOW + 1, True),
    ],
)
@pytest.mark.parametrize("now", [NOW, 2**32 + 5])
def test_a_signature_holds_from_its_inception_to_its_expiration(
    expiration: int, inception: int, lapsed: bool, now: int
) -> None:
    moved = now - NOW
    assert out_of_date(signed(expiration + moved, inception + moved), now) is lapsed


def test_answers_without_signatures_and_broken_signatures_say_nothing() -> None:
    assert not out_of_date(encode(WWW, [Record(WWW, A, 1, 60, b"\xc0\0\2\1")]), NOW)
    assert not out_of_date(encode(WWW, [Record(WWW, RRSIG, 1, 60, b"\0\1\x0d\x03")]), NOW)


@pytest.mark.parametrize(("do", "now", "kept"), [(True, NOW, True), (True, NOW + 61, False), (False, NOW + 61, True)])
def test_only_clients_that_see_signatures_have_answers_judged_by_them(do: bool, now: int, kept: bool) -> None:
    settings = Settings((b"\0",))
    contents = Contents(settings, Budget())
    keeper = Keeper(settings, contents, wall_clock=lambda: now)
    query = Query(WWW, A, edns=Edns(1232, do))
    reply = Reply(query.question, source="forward", octets=signed(NOW + 60, NOW - 60))
    taken = keeper.take(query, reply, b"key", 1000.0, Meters(Registry(), Site("dns://:53", ".", ""), "."))
    assert (taken.entry is not None) is kept
    assert (contents.success.get(b"key") is not None) is kept
    assert {record.ttl for record in taken.reply.sections.answer} == {60 if kept else 5}
