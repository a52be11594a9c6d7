"""What supervisor and worker say to each other, however much it is."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from resolver.runtime import channel
from resolver.runtime.channel import Channel, ChannelClosed

LARGE = 8 << 20  # octets, more than any socket takes at once


@dataclass
class End:
    """One end, which answers with what it was asked, and what it was told."""

    sock: socket.socket
    received: list[int] = field(default_factory=list)
    closed: int = 0

    def __post_init__(self) -> None:
        self.channel = Channel(self.sock, self._handle, self._note_end)

    async def _handle(self, what: str, payload: Any, descriptors: list[int]) -> Any:
        self.received += descriptors
        if what == "fail":
            raise ValueError("no good")
        if what == "hang":
            await asyncio.sleep(3600)
        return payload

    def _note_end(self) -> None:
        self.closed += 1


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[End, End]]:
    """Two ends of a channel."""
    ends = [End(sock) for sock in socket.socketpair()]
    try:
        yield ends[0], ends[1]
    finally:
        for end in ends:
            end.channel.close()
            for descriptor in end.received:
                os.close(descriptor)


async def test_who_asks_gets_the_answer() -> None:
    async with pair() as (one, other):
        assert await one.channel.ask("say", {"a": 1}) == {"a": 1}
        assert await asyncio.gather(*(other.channel.ask("say", number) for number in range(100))) == list(range(100))


async def test_what_the_other_side_raises_comes_back_as_text() -> None:
    async with pair() as (one, _):
        with pytest.raises(RuntimeError, match="no good"):
            await one.channel.ask("fail")
        assert await one.channel.ask("say", 2) == 2


async def test_both_sides_can_say_much_at_the_same_time() -> None:
    async with pair() as (one, other):
        payload = bytes(LARGE)
        answers = await asyncio.gather(*(end.channel.ask("say", payload) for end in (one, other, one, other)))
        assert answers == [payload] * 4


async def test_many_descriptors_are_handed_over_and_may_be_closed_at_once() -> None:
    async with pair() as (one, other):
        reading, writing = os.pipe()
        asked = asyncio.create_task(one.channel.ask("say", bytes(LARGE), descriptors=[writing] * 600))
        await asyncio.sleep(0)
        os.close(writing)
        await asked
        assert len(other.received) == 600
        os.write(other.received[-1], b"here")
        assert os.read(reading, 10) == b"here"
        os.close(reading)


async def test_descriptors_go_with_their_message() -> None:
    async with pair() as (one, other):
        reading, writing = os.pipe()
        await asyncio.gather(
            one.channel.ask("say", bytes(LARGE)),
            one.channel.ask("say", descriptors=[reading]),
            one.channel.ask("say", descriptors=[writing]),
        )
        os.write(other.received[1], b"here")
        assert os.read(other.received[0], 10) == b"here"
        for descriptor in (reading, writing):
            os.close(descriptor)


async def test_who_waits_for_an_end_that_is_gone_is_told() -> None:
    async with pair() as (one, other):
        waiting = asyncio.create_task(one.channel.ask("hang"))
        await one.channel.ask("say")
        other.channel.close()
        with pytest.raises(ChannelClosed):
            await waiting
        with pytest.raises(ChannelClosed):
            await one.channel.ask("say")
        assert (one.closed, other.closed) == (1, 0)


async def test_no_answer_in_time_is_a_time_out_and_the_channel_goes_on() -> None:
    async with pair() as (one, _):
        with pytest.raises(TimeoutError):
            await one.channel.ask("hang", within=0.01)
        assert await one.channel.ask("say", 3) == 3


async def test_what_nobody_reads_does_not_pile_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_WAITING", LARGE)
    ours, theirs = socket.socketpair()
    end = End(ours)
    with theirs:
        waiting = asyncio.create_task(end.channel.ask("say", bytes(LARGE // 2)))
        await asyncio.sleep(0)
        with pytest.raises(ChannelClosed):
            await end.channel.ask("say", bytes(LARGE))
        assert not waiting.done()
        end.channel.close()
        with pytest.raises(ChannelClosed):
            await waiting


async def test_a_question_that_cannot_leave_makes_no_noise_afterwards() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    ours, theirs = socket.socketpair()
    end = End(ours)
    theirs.close()
    with pytest.raises(ChannelClosed):
        await end.channel.ask("say", bytes(LARGE))
    gc.collect()
    assert (complaints, end.closed) == ([], 1)
