"""Whatever is asked and whatever upstreams do: nothing is served beyond its time, and TTLs only go down."""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query
from resolver.chain.reply import Reply, decode, failure
from resolver.errors import UpstreamError
from resolver.plugins.cache.handler import Cache
from resolver.wire.constants import RA, SERVFAIL, TC, A
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode
from tests.plugins.cache.scenario import VirtualLoop
from tests.plugins.chains import World

_STAMP = Struct("!I")


class Event(NamedTuple):
    """After a while the upstream is so, and a name is asked for."""

    wait: float
    mode: str
    delay: float
    ttl: int
    name: str


class Case(NamedTuple):
    """Options, and what follows from them: the shortest and longest time of an answer, and how long it may be stale."""

    options: str
    low: int
    high: int
    window: float
    stale_ttl: int = 0


CASES = [
    Case("cache", 5, 3600, 0),
    Case("cache {\n success 1024 20 2\n}", 2, 20, 0),
    Case("cache {\n success 1024 20 0\n prefetch 1 1m 50%\n}", 0, 20, 0),
    Case("cache {\n serve_stale 15s\n prefetch 2 1m\n}", 5, 3600, 15),
    Case("cache {\n success 1024 20 1\n serve_stale 15s immediate 4s 3s\n}", 1, 20, 15, 4),
    Case("cache {\n serve_stale 15s verify\n}", 5, 3600, 15),
    Case("cache {\n serve_stale 15s verify 500ms 4s 2s\n serve_stale_policy prefer_positive\n}", 5, 3600, 15, 4),
]
EVENTS = st.builds(
    Event,
    wait=st.sampled_from([0.0, 0.1, 0.9, 1.0, 3.3, 5.0, 12.0, 40.0]),
    mode=st.sampled_from(["answers", "answers", "answers", "fails", "truncates", "raises"]),
    delay=st.sampled_from([0.0, 0.0, 0.2, 1.5]),
    ttl=st.sampled_from([0, 1, 2, 7, 15, 60, 86400, 2**31]),
    name=st.sampled_from(["a.test", "b.test", "A.test"]),
)


class Observed:
    """A cache whose every answer is held against what the upstream said, and when."""

    def __init__(self, loop: VirtualLoop, case: Case) -> None:
        self.loop = loop
        self.case = case
        block = World(clock=loop.time).build(f".:53 {{\n{case.options}\n}}\n")
        part = block.parts[0]
        assert isinstance(part, Cache)
        self.cache = part
        self.event = Event(0, "answers", 0, 60, "")
        self.asked = 0.0
        self.answered: list[tuple[float, int]] = []

    async def below(self, query: Query) -> Reply:
        """The answer names its number in the list of all answers."""
        event = self.event
        await asyncio.sleep(event.delay)
        if event.mode == "raises":
            raise UpstreamError("gone")
        if event.mode == "fails":
            return failure(query, "upstream", SERVFAIL)
        stamp = _STAMP.pack(len(self.answered))
        self.answered.append((self.loop.time(), event.ttl if event.ttl < 2**31 else 0))
        body = encode(query.qname, [Record(query.name, A, 1, event.ttl, stamp)])
        return Reply(query.question, 0, RA | (TC if event.mode == "truncates" else 0), octets=body)

    async def ask(self, event: Event) -> None:
        """Ask once and check the answer."""
        self.event, self.asked = event, self.loop.time()
        query = Query(from_text(event.name), A)
        try:
            reply = await self.cache.resolve(query, self.below)
        except UpstreamError:
            return
        for record in decode(query.question, reply.body).answer:
            made, ttl = self.answered[_STAMP.unpack(record.rdata)[0]]
            self.check(reply, made, ttl, record.ttl)

    def check(self, reply: Reply, made: float, ttl: int, shown: int) -> None:
        """An answer made at that time with that TTL is shown with another one now."""
        case, age = self.case, self.loop.time() - made
        life = min(max(ttl, case.low), case.high)
        if b"\0\x0f\0\2\0\3" in reply.options:
            assert life <= age
            assert self.asked - made < life + case.window  # then a verification may have taken its time
            assert shown == case.stale_ttl
        else:
            assert age < life or (age == 0 and life == 0)
            assert shown == life - int(age)
        if reply.replay is not None:
            assert reply.replay.until <= made + life + case.window
            assert not reply.flags & TC


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.options.split("\n", 1)[-1])
@given(events=st.lists(EVENTS, max_size=30))
def test_no_answer_outlives_its_time(case: Case, events: list[Event]) -> None:
    async def go() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        observed = Observed(loop, case)
        for event in events:
            await asyncio.sleep(event.wait)
            await observed.ask(event)
        await observed.cache.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(go())
