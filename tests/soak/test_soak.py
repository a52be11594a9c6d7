"""The soak run in short: it must end well, and must not where something is wrong."""

from __future__ import annotations

from dataclasses import replace

from tests.soak.growth import LIMITS, grown
from tests.soak.load import Tally
from tests.soak.run import Outcome, Settings, soak
from tests.soak.scenario import KINDS

# Caches are still filling in so short a time.
SHORT = tuple(
    replace(limit, share=0.3) if limit.series in ("process_resident_memory_bytes", "python_allocated_blocks") else limit
    for limit in LIMITS
)


async def test_a_few_seconds_of_everything_lose_nothing_and_leave_nothing_behind() -> None:
    outcome = await soak(Settings(seconds=3.0, rounds=3, reload=0.4, settle=1.2))
    assert outcome.complaints(SHORT) == []
    assert outcome.reloads >= 4
    assert outcome.malformed > 50


async def test_reloads_and_deaths_of_workers_under_load_lose_no_query_of_clients_that_ask_again() -> None:
    outcome = await soak(Settings(seconds=4.0, rounds=1, workers=2, reload=0.5, kill=0.5, settle=0.2))
    assert outcome.complaints() == []
    assert outcome.reloads >= 4
    assert outcome.refused
    assert outcome.kills >= 2
    retried, asked = (sum(getattr(one, name) for one in outcome.tallies) for name in ("retried", "asked"))
    assert retried <= outcome.kills * sum(kind.clients for kind in KINDS), f"{retried} of {asked} were asked again"


def test_growth_beyond_the_limits_is_told_and_a_little_is_none() -> None:
    start = {limit.series: 1e6 for limit in LIMITS}
    assert grown([start, start, {series: value + 2 for series, value in start.items()}]) == []
    more = start | {"process_open_fds": 1e6 + 7, "python_asyncio_tasks": 1e6 + 8}
    assert grown([start, more, more]) == [
        "descriptors grew from 1000000.0 to 1000007.0",
        "tasks grew from 1000000.0 to 1000008.0",
    ]
    assert grown([start, start, more]) == [], "what is there at one rest only is no growth"


def test_questions_without_the_right_answer_are_told() -> None:
    tallies = [Tally("good", asked=1, right=1), Tally("bad", asked=3, right=1, wrong=1, lost=1, example="a.test")]
    outcome = Outcome(tallies, samples=[{limit.series: 1.0 for limit in LIMITS}] * 2, rejected=1, panics=2, exit_code=1)
    assert outcome.complaints() == [
        "bad: 1 of 3 questions stayed without an answer",
        "bad: 1 wrong answers, the first one for a.test",
        "2 panics",
        "the server ended with code 1",
    ]
