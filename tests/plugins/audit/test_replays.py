"""Replayed or not, a query has the same line."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from tests.plugins.audit.scribe import Line, replay, scribe
from tests.plugins.chains import answering, question

CHANGING = {"time", "duration_ms", "cache"}
BLOCK = """
    acl denied.example {
        filter type A
    }
    rewrite name old.example www.example
    cache 30
    hosts {
        192.0.2.1 www.example
        2001:db8::1 www.example
        192.0.2.2 www.example
        fallthrough
    }
    loadbalance
    template IN ANY missing.example {
        rcode NXDOMAIN
        authority "missing.example 60 IN SOA ns.example hostmaster.example 1 2 3 4 60"
    }
    template IN A alias.example {
        answer "alias.example 60 IN CNAME other.example"
        answer "other.example 60 IN A 192.0.2.7"
    }
"""


def steady(line: Line) -> Line:
    return {field: value for field, value in line.items() if field not in CHANGING}


@pytest.mark.parametrize("options", ["", "omit port", "omit transport", "hash client name aliases", "omit client port"])
@pytest.mark.parametrize("name", ["www.example.", "WwW.example.", "old.example.", "missing.example.", "alias.example."])
async def test_a_replay_has_the_line_that_the_chain_would_write(tmp_path: Path, options: str, name: str) -> None:
    client = ("10.0.0.9", 999)
    async with scribe(tmp_path, options, BLOCK) as audit:
        for _ in range(2):
            reply = await audit.ask(question(name, client=client, transport="udp"))
        replay(reply, client)
        *_, worked_out, replayed = await audit.written()
    assert steady(replayed) == steady(worked_out)
    assert replayed.get("duration_ms") == 0


async def test_a_replay_of_what_was_not_in_the_cache_comes_from_there(tmp_path: Path) -> None:
    async def missed(query: Query) -> Reply:
        assert query.trail is not None
        query.trail.cached("miss")
        query.trail.upstream, query.trail.upstream_time = "192.0.2.53:53", 0.0123
        return Reply(query.question, replay=Replay(1e12))

    async with scribe(tmp_path) as audit:
        reply = await audit.ask(question("a.example."), missed)
        replay(reply)
        first, second = await audit.written()
    assert (first["cache"], first["upstream"], first["upstream_ms"]) == ("miss", "192.0.2.53:53", 12.3)
    assert second["cache"] == "hit"
    assert not second.keys() & {"upstream", "upstream_ms"}


async def test_what_a_limit_tolerated_is_not_said_of_others_who_get_the_answer(tmp_path: Path) -> None:
    async def tolerated(query: Query) -> Reply:
        assert query.trail is not None
        query.trail.decide("audit-only", "ratelimit")
        return Reply(query.question, replay=Replay(1e12))

    async with scribe(tmp_path) as audit:
        replay(await audit.ask(question("a.example."), tolerated))
        first, second = await audit.written()
    assert (first["rule"], "rule" in second, "decision" in second) == ("ratelimit", False, False)


async def test_each_replay_says_who_asked_and_how(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        reply = await audit.ask(
            question("a.example."), answering(lambda query: Reply(query.question, replay=Replay(1e12)))
        )
        replay(reply, ("10.0.0.1", 1001), "tcp")
        replay(reply, ("2001:db8::1", 1002), "udp")
        _, first, second = await audit.written()
    assert (first["client"], first["port"], first["transport"]) == ("10.0.0.1", 1001, "tcp")
    assert (second["client"], second["port"], second["transport"]) == ("2001:db8::1", 1002, "udp")


async def test_times_go_on_over_the_turn_of_a_second_and_when_the_clock_is_set_back(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        times = iter([1_000_000_000.25, 1_000_000_000.999999, 1_000_000_001.0, 999_999_999.5, 999_999_999.75])
        audit.part._journal.clock = lambda: next(times)
        reply = await audit.ask(
            question("a.example."), answering(lambda query: Reply(query.question, replay=Replay(1e12)))
        )
        for _ in range(4):
            replay(reply)
        lines = await audit.written()
    assert [line["time"][17:] for line in lines] == [
        "40.250000Z",
        "40.999999Z",
        "41.000000Z",
        "39.500000Z",
        "39.750000Z",
    ]


async def test_replays_within_a_tenth_of_a_millisecond_may_have_the_same_time(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        passed = [0.0, 0.000_02, 0.000_09, 0.000_15, 0.000_2, 0.000_3]
        times = iter([1_000_000_000.5 + seconds for seconds in passed])
        audit.part._journal.clock = lambda: next(times)
        handler = answering(lambda query: Reply(query.question, replay=Replay(1e12)))
        reply = await audit.ask(question("a.example."), handler)
        for _ in range(3):
            replay(reply)
        await audit.ask(question("a.example."), handler)
        replay(reply)
        lines = await audit.written()
    written = [int(line["time"][20:26]) - 500_000 for line in lines]
    assert written == sorted(written)
    assert all(0 <= seconds * 1e6 - said < 101 for seconds, said in zip(passed, written, strict=True))
    assert written[4] in (199, 200)  # what was worked out has its own time
