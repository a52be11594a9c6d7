"""Who asks for the second time."""

from __future__ import annotations

import math
import sys

from resolver.chain.reply import Replay
from resolver.replay.door import Door
from resolver.replay.store import Stores


def test_a_question_is_known_from_its_second_time_on() -> None:
    door = Door()
    assert [door.was_here(b"www.example.org") for _ in range(3)] == [False, True, True]


def test_few_new_questions_are_taken_for_repeats() -> None:
    door = Door()
    assert sum(door.was_here(b"name %d" % number) for number in range(50_000)) < 1_000


def test_it_does_not_grow() -> None:
    door = Door()
    before = sys.getsizeof(door._marks)
    for number in range(200_000):
        door.was_here(b"name %d" % number)
    assert sys.getsizeof(door._marks) == before


def test_an_answer_from_memory_is_worth_keeping_when_it_is_asked_for_again() -> None:
    store, packet = Stores(1 << 20).make(), b"\0\1" + b"a question"
    leave = Replay(math.inf, tags=("service",))
    assert [store.is_worth(packet, leave), store.is_worth(b"\0\2" + packet[2:], leave)] == [False, True]


def test_an_answer_that_ages_is_worth_keeping_at_once() -> None:
    assert Stores(1 << 20).make().is_worth(b"\0\1a question", Replay(1000.0))
