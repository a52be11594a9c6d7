"""Answers that have to show more than port and ID: spelling at random, and DNS Cookies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.exchange import Outcome, Request
from resolver.upstream.proof import OVER_TCP_FOR, Proof, random_case, with_option
from resolver.upstream.upstream import Checks, Counts
from resolver.upstream.upstream import Upstream as Asking
from resolver.wire.constants import BADCOOKIE, RA, TC
from resolver.wire.cookie import cookie_of, cookie_option
from resolver.wire.edns import option, write_opt
from resolver.wire.message import Message, scan
from resolver.wire.names import from_text
from tests.support.upstreams import Asked, Script, Step, Upstream, reply
from tests.upstream.exchanges import LIMITS, Clock, addresses, request

CASED, BAKED = replace(LIMITS, random_case=True), replace(LIMITS, cookies=True)
SERVER = b"server-cookie-01"


def asking(upstream: Upstream, limits: Limits, clock: Callable[[], float] = time.monotonic) -> tuple[Asking, Cell]:
    unproven = Cell()
    address = Address(upstream.host, upstream.port)
    loop = asyncio.get_running_loop()
    return Asking(loop, clock, address, limits, Checks(max_fails=0), Counts(unproven=unproven)), unproven


def truncated(outcome: Outcome) -> bool:
    assert isinstance(outcome, Message)
    return bool(outcome.flags & TC) and not any(outcome.counts)


# --- spelling


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6), st.binary(min_size=128, max_size=128))
def test_only_letters_change_and_only_their_case(labels: list[bytes], chance: bytes) -> None:
    name = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    cased = random_case(name, lambda size: (chance * 2)[:size])
    assert cased.lower() == name.lower()
    assert len(cased) == len(name)


def test_every_letter_may_be_either() -> None:
    name = from_text("abcdefghijklmnopqrstuvwxyz.0123456789-_.example")
    assert random_case(name, bytes) == name
    assert random_case(name, lambda size: b"\xff" * size) == name.upper()


async def test_names_are_spelled_at_random_and_the_same_spelling_is_an_answer() -> None:
    async with Upstream(lambda asked: [reply(asked, ["192.0.2.1"])]) as upstream:
        asks, unproven = asking(upstream, CASED)
        for _ in range(20):
            assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        assert len({asked.message.qname for asked in upstream.seen}) > 10
        assert {asked.message.qname.lower() for asked in upstream.seen} == {from_text("www.example.org")}
        assert unproven.value == 0
        asks.close()


def written_out(asked: Asked) -> list[Step]:
    """An answer that compresses nothing."""
    query = asked.message
    head = asked.packet[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    return [head + query.question + query.qname + b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"]


async def test_clients_see_their_own_spelling_in_what_is_written_out() -> None:
    async with Upstream(written_out) as upstream:
        asks, _ = asking(upstream, CASED)
        for _ in range(5):
            found = await asks.ask(request("wWw.example.org"), False, 2)
            assert isinstance(found, Message)
            assert found.sections().answer[0].owner == from_text("wWw.example.org")
        asks.close()


def lowers(asked: Asked) -> list[Step]:
    """As servers do that do not keep the case of letters."""
    return [reply(asked, ["192.0.2.1"], name=asked.name.lower())]


async def test_an_upstream_that_does_not_keep_the_case_is_asked_over_tcp_for_a_while() -> None:
    clock = Clock()
    async with Upstream(lowers) as upstream:
        asks, unproven = asking(upstream, CASED, clock)
        assert truncated(await asks.ask(request(), False, 2))
        assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        assert [asked.transport for asked in upstream.seen] == ["udp", "tcp"]
        clock.ahead = OVER_TCP_FOR + 1
        assert truncated(await asks.ask(request(), False, 2))
        assert unproven.value == 2
        asks.close()


async def test_without_the_option_names_go_as_they_are() -> None:
    async with Upstream(lowers) as upstream:
        asks, _ = asking(upstream, LIMITS)
        assert addresses(await asks.ask(request("WwW.example.org"), False, 2)) == ["192.0.2.1"]
        assert upstream.seen[0].message.qname == from_text("WwW.example.org")
        asks.close()


# --- cookies


def bakes(asked: Asked) -> list[Step]:
    """As servers do that know cookies."""
    return [reply(asked, ["192.0.2.1"], opt=_cookie(asked, SERVER))]


def _cookie(asked: Asked, server: bytes) -> bytes:
    edns = asked.message.edns
    assert edns is not None
    found = cookie_of(edns.options)
    assert found is not None
    return write_opt(1232, options=cookie_option(found[0], server))


def _brought(asked: Asked) -> tuple[bytes, bytes]:
    edns = asked.message.edns
    found = cookie_of(edns.options) if edns else None
    assert found is not None
    return found


async def test_the_cookie_of_the_upstream_comes_back_to_it() -> None:
    async with Upstream(bakes) as upstream:
        asks, _ = asking(upstream, BAKED)
        for _ in range(3):
            assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        clients, servers = zip(*map(_brought, upstream.seen), strict=True)
        assert servers == (b"", SERVER, SERVER)
        assert len(set(clients)) == 1
        asks.close()


async def test_two_upstreams_are_shown_different_cookies() -> None:
    async with Upstream(bakes) as first, Upstream(bakes) as second:
        for upstream in (first, second):
            asks, _ = asking(upstream, BAKED)
            await asks.ask(request(), False, 2)
            asks.close()
        assert _brought(first.seen[0])[0] != _brought(second.seen[0])[0]


async def test_an_upstream_that_knows_no_cookies_is_used_as_ever() -> None:
    async with Upstream(lambda asked: [reply(asked, ["192.0.2.1"])]) as upstream:
        asks, unproven = asking(upstream, BAKED)
        for _ in range(3):
            assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        assert unproven.value == 0
        asks.close()


async def test_an_answer_with_a_wrong_cookie_is_ignored() -> None:
    def forged(asked: Asked) -> list[Step]:
        wrong = write_opt(1232, options=cookie_option(b"guessed!", SERVER))
        broken = write_opt(1232, options=option(10, b"short"))
        return [reply(asked, ["6.6.6.6"], opt=wrong), reply(asked, ["6.6.6.6"], opt=broken), *bakes(asked)]

    async with Upstream(forged) as upstream:
        asks, _ = asking(upstream, BAKED)
        assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        asks.close()


def once_then(first: Script, then: Script) -> Script:
    seen: list[Asked] = []

    def script(asked: Asked) -> list[Step]:
        seen.append(asked)
        return list((first if len(seen) == 1 else then)(asked))

    return script


async def test_an_answer_without_a_cookie_from_who_knows_them_is_not_used() -> None:
    def forged(asked: Asked) -> list[Step]:
        return [reply(asked, ["6.6.6.6"] if asked.transport == "udp" else ["192.0.2.1"])]

    async with Upstream(once_then(bakes, forged)) as upstream:
        asks, unproven = asking(upstream, BAKED)
        await asks.ask(request(), False, 2)
        assert truncated(await asks.ask(request(), False, 2))
        assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        assert ([asked.transport for asked in upstream.seen], unproven.value) == (["udp", "udp", "tcp"], 1)
        asks.close()


async def test_bad_cookie_brings_a_new_one_and_the_query_is_sent_again() -> None:
    def outdated(asked: Asked) -> list[Step]:
        opt = write_opt(1232, options=cookie_option(_brought(asked)[0], b"new-server-cooky"), rcode=BADCOOKIE)
        return [reply(asked, flags=RA, rcode=BADCOOKIE & 15, opt=opt)]

    async with Upstream(once_then(outdated, bakes)) as upstream:
        asks, _ = asking(upstream, BAKED)
        assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        assert [_brought(asked)[1] for asked in upstream.seen] == [b"", b"new-server-cooky"]
        asks.close()
    async with Upstream(outdated) as upstream:
        asks, _ = asking(upstream, BAKED)
        assert truncated(await asks.ask(request(), False, 2))
        assert len(upstream.seen) == 2, "once more and not for ever"
        asks.close()


async def test_both_together() -> None:
    async with Upstream(bakes) as upstream:
        asks, unproven = asking(upstream, replace(CASED, cookies=True))
        for _ in range(3):
            assert addresses(await asks.ask(request(), False, 2)) == ["192.0.2.1"]
        assert ([_brought(asked)[1] for asked in upstream.seen], unproven.value) == ([b"", SERVER, SERVER], 0)
        asks.close()


# --- options in requests


@pytest.mark.parametrize("options", [b"", option(3, b""), option(8, b"1234567")])
def test_an_option_is_added_to_those_that_are_there(options: bytes) -> None:
    question = from_text("example.org") + b"\0\1\0\1"
    tail = b"\x01\0\0\1\0\0\0\0\0\1" + question + write_opt(1400, do=True, options=options)
    found = with_option(tail, len(question), cookie_option(b"12345678"))
    assert found is not None
    edns = scan(b"\0\0" + found).edns
    assert edns is not None
    assert (edns.size, edns.do, edns.options) == (1400, True, options + cookie_option(b"12345678"))


@pytest.mark.parametrize(
    "tail",
    [
        b"\x01\0\0\1\0\0\0\0\0\2" + b"\0\0\1\0\1" + write_opt(512) * 2,
        b"\x01\0\0\1\0\0\0\0\0\1" + b"\0\0\1\0\1" + write_opt(512)[:-1],
        b"\x01\0\0\1\0\0\0\0\0\0" + b"\0\0\1\0\1" + b"more",
        b"\x01\0\0\1\0\1\0\0\0\0" + b"\0\0\1\0\1",
    ],
)
def test_what_is_no_plain_question_stays_as_it_is(tail: bytes) -> None:
    assert with_option(tail, 5, cookie_option(b"12345678")) is None
    whole = Request(tail, b"\0\0\1\0\1")
    assert Proof(random_case=False, cookies=True, unproven=Cell()).dress(whole) is whole
