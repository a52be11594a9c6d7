"""Made-up names make work; how much of it is done is limited."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from resolver.chain.reply import Reply
from resolver.dnssec.keys import ECDSAP256, RSASHA256
from resolver.dnssec.signature import Validity
from resolver.errors import SigningError
from resolver.plugins.dnssec.desk import MOST_QUICK, MOST_SLOW, SLICE, Desk
from resolver.plugins.dnssec.kept import Signed
from resolver.wire.constants import OPTION_EDE, SERVFAIL
from resolver.wire.edns import has_option
from tests.plugins.chains import answering, question
from tests.plugins.dnssec.signing import NO_NAME, SITE, WWW, Stage, says, shown
from tests.support.keys import ENTRY_POINT, ZONE_ONLY

RESULT = Signed((b"signature",), Validity(0, 1))
DUE = SLICE / 2


class Clock:
    """Seconds go by only while something is signed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done = 0

    def work(self) -> Signed:
        self.now += DUE
        self.done += 1
        return RESULT


async def test_a_little_is_done_at_once_and_the_rest_in_later_turns() -> None:
    clock = Clock()
    desk = Desk(slow=False, timer=lambda: clock.now)
    made = [desk.do(clock.work) for _ in range(7)]
    assert made[:2] == [RESULT, RESULT]
    assert (clock.done, desk.waiting) == (2, 5)
    turns = []
    while desk.waiting:
        await asyncio.sleep(0)
        turns.append(clock.done)
    assert turns == [4, 6, 7]
    assert [await one for one in made if isinstance(one, asyncio.Future)] == [RESULT] * 5


async def test_a_turn_without_much_work_leaves_room_for_the_next() -> None:
    clock = Clock()
    desk = Desk(slow=False, timer=lambda: clock.now)
    for _ in range(10):
        assert desk.do(clock.work) == RESULT
        await asyncio.sleep(0)


async def test_only_so_many_wait() -> None:
    clock = Clock()
    desk = Desk(slow=False, timer=lambda: clock.now)
    waiting = [desk.do(clock.work) for _ in range(MOST_QUICK + 2)]
    with pytest.raises(SigningError, match="too many"):
        desk.do(clock.work)
    assert clock.done == 2
    desk.close()
    for one in waiting:
        if isinstance(one, asyncio.Future):
            with pytest.raises(SigningError, match="the server stops"):
                await one


async def test_work_that_fails_in_a_later_turn_tells_who_waits() -> None:
    clock = Clock()
    desk = Desk(slow=False, timer=lambda: clock.now)

    def fails() -> Signed:
        raise ValueError("broken")

    made = [desk.do(clock.work), desk.do(clock.work), desk.do(fails), desk.do(clock.work)]
    assert isinstance(made[2], asyncio.Future)
    assert isinstance(made[3], asyncio.Future)
    with pytest.raises(ValueError, match="broken"):
        await made[2]
    assert await made[3] == RESULT


async def test_slow_work_is_done_in_a_thread_and_only_so_much_waits() -> None:
    desk, gate = Desk(slow=True), threading.Event()

    def work() -> Signed:
        gate.wait(10)
        return RESULT

    made = [desk.do(work) for _ in range(MOST_SLOW)]
    assert desk.waiting == MOST_SLOW
    with pytest.raises(SigningError, match="too many"):
        desk.do(work)
    gate.set()
    assert {await one for one in made if isinstance(one, asyncio.Future)} == {RESULT}
    await asyncio.sleep(0)
    assert desk.waiting == 0
    desk.close()


async def test_many_who_ask_for_one_name_share_its_signatures(tmp_path: Path) -> None:
    stage = Stage(tmp_path, keys=[(RSASHA256, ENTRY_POINT)])
    replies = await asyncio.gather(*[stage.ask("www.example.org", "A", says([WWW])) for _ in range(20)])
    assert len({reply.sections.answer[-1].rdata for reply in replies}) == 1
    assert len(stage.plugin.signer.kept) == 1
    await stage.plugin.stop()


async def test_one_who_gives_up_does_not_take_the_others_with_him(tmp_path: Path) -> None:
    stage = Stage(tmp_path, keys=[(RSASHA256, ENTRY_POINT)])
    first, second = [asyncio.ensure_future(stage.ask("www.example.org", "A", says([WWW]))) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    assert len((await second).sections.answer) == 2
    assert first.cancelled()
    await stage.plugin.stop()


def overloaded(work: Callable[[], Signed]) -> Signed:
    raise SigningError("too many answers wait for their signatures")


async def test_what_there_is_no_time_for_fails_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path)
    await stage.ask("www.example.org", "A", says([WWW]))
    monkeypatch.setattr(stage.plugin.signer._all_else.desk, "do", overloaded)
    reply: Reply = await stage.ask("made.up.example.org", "A", NO_NAME)
    assert reply.rcode == SERVFAIL
    assert has_option(reply.options, OPTION_EDE)
    assert reply.replay is None
    assert stage.world.metric("coredns_dnssec_signing_rejects_total", "dns://:53") == 1
    kept = await stage.ask("www.example.org", "A", says([WWW]))
    assert shown(kept.sections.answer)[0] == WWW
    assert len(kept.sections.answer) == 2


async def test_a_quick_key_is_not_kept_waiting_by_a_slow_one_that_signs_keys_only(tmp_path: Path) -> None:
    stage = Stage(tmp_path, keys=[(RSASHA256, ENTRY_POINT), (ECDSAP256, ZONE_ONLY)])
    query = question("www.example.org", "A", do=True, site=SITE)
    with pytest.raises(StopIteration):  # nothing had to be waited for
        stage.plugin.resolve(query, answering(says([WWW]))).send(None)
    await stage.plugin.stop()
