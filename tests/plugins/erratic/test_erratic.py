"""erratic: answers late, cut or not at all."""

from __future__ import annotations

import pytest

from resolver.chain.finish import finish
from resolver.chain.reply import Reply
from resolver.errors import ConfigErrors
from resolver.plugins.erratic import Erratic
from resolver.plugins.erratic.settings import Settings
from resolver.wire.constants import SERVFAIL, SOA, TC
from tests.plugins.chains import World, nobody, question


async def _asked(settings: Settings, times: int, qtype: str = "A") -> list[Reply]:
    erratic = Erratic(settings)
    return [await erratic.resolve(question("a.example.org", qtype), nobody) for _ in range(times)]


async def test_every_second_query_is_dropped() -> None:
    replies = await _asked(World().part(". {\n erratic\n}\n").settings, 4)
    assert [reply.silent for reply in replies] == [True, False, True, False]


@pytest.mark.parametrize(("qtype", "rdata"), [("A", "c0000235"), ("AAAA", "20010db8000000000000000000000053")])
async def test_addresses_are_the_same_for_every_name(qtype: str, rdata: str) -> None:
    record = (await _asked(Settings(drop=0), 1, qtype))[0].sections.answer[0]
    assert (record.ttl, record.rdata.hex()) == (0, rdata)


async def test_other_types_fail() -> None:
    assert (await _asked(Settings(drop=0), 1, "MX"))[0].rcode == SERVFAIL


async def test_one_of_so_many_is_truncated() -> None:
    replies = await _asked(Settings(drop=0, truncate=3), 6)
    assert [bool(reply.flags & TC) for reply in replies] == [True, False, False, True, False, False]


async def test_a_large_answer_does_not_fit_a_small_client() -> None:
    query = question("a.long.example.org", transport="udp")
    reply = await Erratic(Settings(drop=0, large=True)).resolve(query, nobody)
    assert finish(query, reply)[2] & 0x02  # the TC flag


async def test_it_becomes_ready_and_unready_again_with_the_queries() -> None:
    erratic, seen = Erratic(Settings()), []
    for _ in range(6):
        seen.append(erratic.is_ready())
        await erratic.resolve(question("a.example.org"), nobody)
    assert seen == [False, False, False, True, True, False]


@pytest.mark.parametrize(("truncate", "is_whole"), [(0, True), (1, False)])
async def test_a_transfer_ends_as_it_began_unless_it_is_truncated(truncate: int, is_whole: bool) -> None:
    records = (await _asked(Settings(drop=0, truncate=truncate), 1, "AXFR"))[0].sections.answer
    assert records[0].type == SOA
    assert (records[-1] == records[0]) is is_whole


async def test_a_delay_delays() -> None:
    replies = await _asked(Settings(drop=0, delay=1, duration=0.001), 1)
    assert not replies[0].silent


@pytest.mark.parametrize(
    ("block", "settings"),
    [
        ("", Settings()),
        ("drop 3", Settings(drop=3)),
        ("drop", Settings(drop=2)),
        ("delay", Settings(drop=0, delay=2)),
        ("delay 3 50ms", Settings(drop=0, delay=3, duration=0.05)),
        ("truncate\n drop 4", Settings(drop=4, truncate=2)),
        ("large", Settings(large=True)),
    ],
)
def test_settings(block: str, settings: Settings) -> None:
    assert World().part(f". {{\n erratic {{\n {block}\n }}\n}}\n").settings == settings


@pytest.mark.parametrize("block", ["drop -1", "drop x", "drop 1 2", "delay 1 2m", "delay 1 1s 1", "large now", "odd"])
def test_what_is_no_setting_is_refused(block: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n erratic {{\n {block}\n }}\n}}\n")
