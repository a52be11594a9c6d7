"""errors: why queries failed."""

from __future__ import annotations

import asyncio
import json

import pytest

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records
from resolver.errors import ConfigErrors, WireError
from resolver.plugins.errors import Errors
from resolver.plugins.errors.handler import go_duration
from resolver.wire.constants import REFUSED, SERVFAIL
from tests.plugins.chains import World, answering, question, until

TIMEOUT = "read udp 10.0.0.7:4->192.0.2.53:53: i/o timeout"


def made(world: World, block: str = "") -> Errors:
    part: Errors = world.part(f". {{\n errors {{\n{block}\n}}\n}}\n")
    return part


def failing(error: str, rcode: int = SERVFAIL) -> Handler:
    return answering(lambda query: failure(query, "forward", rcode, error=error))


def raising(error: Exception) -> Handler:
    async def answer(query: Query) -> Reply:
        raise error

    return answer


async def test_a_failure_is_one_line_with_code_name_type_and_reason() -> None:
    world = World()
    reply = await made(world).resolve(question("www.Example.org"), failing(TIMEOUT))
    assert world.lines == [f"[ERROR] plugin/errors: 2 www.example.org. A: {TIMEOUT}"]
    assert reply.rcode == SERVFAIL


async def test_answers_pass_in_silence_even_when_they_are_refusals() -> None:
    world = World()
    await made(world).resolve(question("a"), answering(lambda query: failure(query, "forward", REFUSED)))
    await made(world).resolve(question("a"), answering(lambda query: from_records(query, "hosts")))
    assert world.lines == []


async def test_an_unforeseen_error_becomes_servfail_and_is_counted() -> None:
    world = World()
    reply = await made(world).resolve(question("a"), raising(ZeroDivisionError("oh")))
    assert reply.rcode == SERVFAIL
    assert world.lines == ["[ERROR] plugin/errors: 2 a. A: recovered from ZeroDivisionError: oh"]
    assert world.metric("coredns_panics_total") == 1


async def test_an_error_of_our_own_is_not_counted_as_unforeseen() -> None:
    world = World()
    await made(world).resolve(question("a"), raising(WireError("name is cut off")))
    assert world.lines == ["[ERROR] plugin/errors: 2 a. A: name is cut off"]
    assert world.metric("coredns_panics_total") == 0


@pytest.mark.parametrize("block", ["stacktrace", ""])
async def test_the_stack_is_shown_when_asked_for_or_under_debug(block: str) -> None:
    world = World()
    if not block:
        world.host.log.debugging(True)
    await made(world, block).resolve(question("a"), raising(ZeroDivisionError("oh")))
    assert world.lines[0] == "[ERROR] plugin/errors: Traceback (most recent call last):"
    assert "in answer" in world.output.getvalue()
    assert world.lines[-1] == "[ERROR] plugin/errors: 2 a. A: recovered from ZeroDivisionError: oh"


async def test_a_client_that_went_away_is_no_error() -> None:
    async def cancelled(query: Query) -> Reply:
        raise asyncio.CancelledError

    world = World()
    with pytest.raises(asyncio.CancelledError):
        await made(world).resolve(question("a"), cancelled)
    assert world.lines == []


async def test_no_reason_and_no_name_can_break_the_line() -> None:
    world = World()
    await made(world).resolve(question("a\\010b"), failing("upstream said\n[INFO] forged\x1b[2J"))
    assert len(world.lines) == 1
    assert "\x1b" not in world.lines[0]


async def test_programs_get_fields() -> None:
    world = World(form="json")
    await made(world).resolve(question("a"), failing("x"))
    event = json.loads(world.lines[0])
    assert (event["name"], event["type"], event["rcode"], event["error"], event["level"]) == (
        "a.",
        "A",
        2,
        "x",
        "error",
    )


async def ask(plugin: Errors, errors: list[str]) -> None:
    for error in errors:
        await plugin.resolve(question("a"), failing(error))


async def test_matching_errors_are_counted_and_told_once_per_period() -> None:
    world = World()
    plugin = made(world, 'consolidate 30ms "timeout$" warning')
    await ask(plugin, [TIMEOUT, TIMEOUT, "other", TIMEOUT])
    assert world.lines == ["[ERROR] plugin/errors: 2 a. A: other"]
    await until(lambda: len(world.lines) == 2)
    assert world.lines[1] == "[WARNING] plugin/errors: 3 errors like 'timeout$' occurred in last 30ms"
    await ask(plugin, [TIMEOUT])
    await until(lambda: len(world.lines) == 3)
    assert "1 errors like" in world.lines[2]


async def test_the_first_error_can_be_shown_at_once() -> None:
    world = World()
    plugin = made(world, 'consolidate 1h "timeout$" warning show_first\nconsolidate 1h "." show_first')
    await ask(plugin, [TIMEOUT, TIMEOUT, "alone"])
    assert world.lines == [f"[WARNING] plugin/errors: 2 a. A: {TIMEOUT}", "[ERROR] plugin/errors: 2 a. A: alone"]
    await plugin.stop()
    assert world.lines[2:] == ["[WARNING] plugin/errors: 2 errors like 'timeout$' occurred in last 1h0m0s"]


async def test_what_was_counted_is_told_when_the_server_stops() -> None:
    world = World()
    plugin = made(world, 'consolidate 5m "." info')
    await ask(plugin, ["x", "x"])
    await plugin.stop()
    assert world.lines == ["[INFO] plugin/errors: 2 errors like '.' occurred in last 5m0s"]
    await plugin.stop()
    assert len(world.lines) == 1


async def test_the_first_pattern_that_matches_takes_the_error() -> None:
    world = World()
    plugin = made(world, 'consolidate 1h "b" info\nconsolidate 1h "a" warning')
    await ask(plugin, ["ab"])
    await plugin.stop()
    assert world.lines == ["[INFO] plugin/errors: 1 errors like 'b' occurred in last 1h0m0s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (30, "30s"),
        (300, "5m0s"),
        (3600, "1h0m0s"),
        (5445.5, "1h30m45.5s"),
        (0.5, "500ms"),
        (1.25, "1.25s"),
        (60, "1m0s"),
    ],
)
def test_durations_are_written_as_log_readers_know_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_the_old_way_to_write_it_is_accepted() -> None:
    assert World().part(". {\n errors stdout\n}\n").settings.consolidate == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("errors stderr", "stderr is not known here"),
        ("errors stdout stdout", "errors takes at most 1 argument"),
        ("errors {\n stacktraces\n}", "did you mean stacktrace?"),
        ("errors {\n consolidate 5s\n}", "consolidate needs 2 to 4 arguments"),
        ("errors {\n consolidate x a\n}", "x is not a duration"),
        ('errors {\n consolidate 5s "(["\n}', "cannot use regexp '(['"),
        ("errors {\n consolidate 5s a loud\n}", "loud is not known here"),
        ("errors {\n consolidate 5s a info error\n}", "consolidate takes one level"),
        ("errors {\n consolidate 5s a show_first info\n}", "the level stands before show_first"),
        ("errors {\n consolidate 5s a show_first show_first\n}", "show_first is already given"),
        ("errors\n errors", "errors may stand only once"),
    ],
)
def test_mistakes_are_found(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        World().build(". {\n " + line + "\n}\n")
    assert message in str(caught.value)
