"""log: one line per query."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.errors import ConfigErrors, WireError
from resolver.plugins.log import QueryLog
from resolver.wire.constants import NXDOMAIN, SERVFAIL, A
from resolver.wire.records import Record
from tests.plugins.chains import World, answering, question


def made(world: World, *lines: str) -> QueryLog:
    part: QueryLog = world.part(". {\n" + "\n".join(lines) + "\n}\n")
    return part


def success(query: Query) -> Reply:
    reply = from_records(query, "hosts", [Record(query.qname, A, 1, 60, b"\1\2\3\4")])
    return replace(reply, replay=Replay(1e9))


def denial(query: Query) -> Reply:
    return replace(failure(query, "forward", NXDOMAIN), replay=Replay(1e9))


FAILURE = answering(lambda query: failure(query, "forward", SERVFAIL, error="x"))
SUCCESS = answering(success)
DENIAL = answering(denial)


async def logged(plugin: QueryLog, world: World, name: str, handler: Handler) -> tuple[bool, bool]:
    """Whether a query for the name is logged, and whether the reply may be replayed."""
    before = len(world.lines)
    reply = await plugin.resolve(question(name), handler)
    return len(world.lines) > before, reply.replay is not None


async def test_every_query_is_a_line() -> None:
    world = World()
    query = question("www.example.org", transport="udp", client=("127.0.0.1", 51234), message_id=4711)
    await made(world, "log").resolve(query, SUCCESS)
    assert re.fullmatch(
        r'\[INFO\] 127\.0\.0\.1:51234 - 4711 "A IN www\.example\.org\. udp 33 false 512" NOERROR qr,aa,rd 49 [0-9.]+s',
        world.lines[0],
    )


async def test_size_and_flags_are_those_of_the_message_that_leaves() -> None:
    world = World()
    query = question("www.example.org", transport="udp", do=True)
    many = [Record(query.qname, A, 1, 60, bytes((10, 0, n, 1))) for n in range(100)]
    await made(world, 'log . "{rsize} {>rflags}"').resolve(query, answering(lambda q: from_records(q, "x", many)))
    size, flags = world.lines[0].removeprefix("[INFO] ").split()
    assert 1200 < int(size) <= 1232
    assert flags == "qr,aa,tc,rd"


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        ("", (True, True, True)),
        ("class all", (True, True, True)),
        ("class success", (True, False, False)),
        ("class denial", (False, True, False)),
        ("class error", (False, False, True)),
        ("class denial error", (False, True, True)),
        ("class success\nclass error", (True, False, True)),
        ("class error all", (True, True, True)),
    ],
)
async def test_only_the_wanted_classes_are_logged(classes: str, wanted: tuple[bool, bool, bool]) -> None:
    world = World()
    plugin = made(world, f"log {{\n{classes}\n}}")
    found = [(await logged(plugin, world, "a", handler))[0] for handler in (SUCCESS, DENIAL, FAILURE)]
    assert tuple(found) == wanted


async def test_what_was_logged_is_logged_when_it_is_replayed_and_the_rest_is_not() -> None:
    world = World()
    plugin = made(world, 'log example.org "{remote} {>id} {rcode} {/log/type}" {\n class denial\n}')
    asked = question("a.example.org", message_id=1)
    silent = (await plugin.resolve(asked, SUCCESS)).replay
    assert silent is not None
    assert silent.observers == ()
    told = (await plugin.resolve(asked, DENIAL)).replay
    assert told is not None
    for observe in told.observers:
        observe(asked.wire(4711), ("192.0.2.9", 7), ("127.0.0.1", 53), "udp", b"\x12\x67\x81\x03")
    assert world.lines == ["[INFO] 127.0.0.1 1 NXDOMAIN NXDOMAIN", "[INFO] 192.0.2.9 4711 NXDOMAIN NXDOMAIN"]


async def test_what_is_logged_with_metadata_is_never_replayed() -> None:
    world = World()
    plugin = made(world, 'log . "{name} {/view/name}"')
    assert await logged(plugin, world, "a.example.org", SUCCESS) == (True, False)


async def test_names_choose_what_is_logged() -> None:
    world = World()
    plugin = made(world, "log example.ORG 10.0.0.0/8")
    assert (await logged(plugin, world, "www.Example.org", SUCCESS))[0]
    assert (await logged(plugin, world, "1.0.0.10.in-addr.arpa", SUCCESS))[0]
    assert not (await logged(plugin, world, "notexample.org", SUCCESS))[0]


async def test_the_first_rule_whose_name_fits_decides() -> None:
    world = World()
    plugin = made(world, 'log example.org "first {name}" {\n class denial\n}', 'log . "second {name}"')
    assert not (await logged(plugin, world, "a.example.org", SUCCESS))[0]
    assert (await logged(plugin, world, "a.example.org", DENIAL))[0]
    assert (await logged(plugin, world, "b", SUCCESS))[0]
    assert world.lines == ["[INFO] first a.example.org.", "[INFO] second b."]


async def test_a_format_may_stand_alone() -> None:
    world = World()
    await logged(made(world, 'log "{name}!"'), world, "a.b", SUCCESS)
    assert world.lines == ["[INFO] a.b.!"]


async def test_a_query_that_ends_in_an_error_is_logged_and_the_error_goes_on() -> None:
    async def broken(query: Query) -> Reply:
        raise WireError("broken")

    world = World()
    with pytest.raises(WireError):
        await made(world, 'log "{name} {rcode}"').resolve(question("a"), broken)
    assert world.lines == ["[INFO] a. SERVFAIL"]


async def test_an_answer_that_cannot_be_encoded_is_logged_as_failed() -> None:
    bad = Record(b"\1a\0", 2, 1, 60, b"\xc0\xff")
    world = World()
    with pytest.raises(WireError):
        await made(world, 'log "{rcode}"').resolve(question("a"), answering(lambda q: from_records(q, "x", [bad])))
    assert world.lines == ["[INFO] SERVFAIL"]


async def test_others_can_see_class_and_type() -> None:
    query = question("a")
    query.metadata = {}
    await made(World(), "log {\n class error\n}").resolve(query, DENIAL)
    assert query.metadata == {"log/type": "NXDOMAIN", "log/class": "denial"}


async def test_no_value_can_break_the_line() -> None:
    world = World()
    query = question("a\\010[INFO]")
    query.metadata = {"who": "inside\n[INFO] forged"}
    await made(world, 'log "{name} {/who}"').resolve(query, SUCCESS)
    assert world.lines == ["[INFO] a\\010[info]. inside\\n[INFO] forged"]


async def test_programs_get_fields() -> None:
    world = World(form="json")
    await made(world, 'log "{name}"').resolve(question("a\\010", transport="tls", client=("::1", 7)), SUCCESS)
    event = json.loads(world.lines[0])
    assert event["message"] == event["name"] == "a\\010."
    assert (event["client"], event["port"], event["transport"]) == ("::1", 7, "tls")
    assert (event["rcode"], event["rsize"], event["answer_class"]) == ("NOERROR", 36, "success")


async def test_the_duration_counts_from_the_arrival_of_the_query() -> None:
    world = World(clock=lambda: 12.5)
    await made(world, 'log "{duration}"').resolve(question("a", received=12.25), SUCCESS)
    assert world.lines == ["[INFO] 0.250000000s"]


async def test_words_that_are_no_placeholders_are_told_at_the_start() -> None:
    world = World()
    await made(world, 'log "{nmae}"').start()
    assert world.lines == ["[WARNING] plugin/log: {nmae} is no placeholder and is printed as it stands"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("log {\n class\n}", "class needs at least 1 argument"),
        ("log {\n class sucess\n}", "did you mean success?"),
        ("log {\n classes all\n}", "did you mean class?"),
        ("log 1.2.3.4", "1.2.3.4 is an address, not a zone"),
    ],
)
def test_mistakes_are_found(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        made(World(), line)
    assert message in str(caught.value)
