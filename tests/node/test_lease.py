"""Leases: seen by all processes of a network namespace, and gone with theirs."""

from __future__ import annotations

import asyncio
import io
import secrets
import subprocess
import sys

import pytest

from resolver.node.lease import LINK, RULES, Leases
from resolver.telemetry.log import Log


@pytest.fixture
def name() -> str:
    return f"t{secrets.token_hex(5)}"


def test_a_lease_is_seen_by_others_until_it_is_released(name: str) -> None:
    ours, theirs = Leases(name, Log(io.StringIO())), Leases(name, Log(io.StringIO()))
    theirs.hold(RULES)
    theirs.hold(RULES)
    assert (ours.others(RULES), ours.others(LINK), theirs.others(RULES)) == (1, 0, 0)
    theirs.release(RULES)
    theirs.release(RULES)
    assert ours.others(RULES) == 0


def test_leases_of_another_link_do_not_count(name: str) -> None:
    other = Leases(f"{name}x", Log(io.StringIO()))
    other.hold(LINK)
    assert Leases(name, Log(io.StringIO())).others(LINK) == 0
    other.release(LINK)


def test_a_lease_ends_with_its_process_however_that_ends(name: str) -> None:
    code = (
        "import sys; from resolver.node.lease import Leases; from resolver.telemetry.log import Log;"
        f"held = Leases({name!r}, Log()); held.hold('link'); print('held', flush=True); sys.stdin.read()"
    )
    ours = Leases(name, Log(io.StringIO()))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert ours.others(LINK) == 1
        process.kill()
        process.wait(10)
        assert ours.others(LINK) == 0


async def test_the_lock_lets_in_one_at_a_time(name: str) -> None:
    inside: list[int] = []

    async def work(number: int) -> None:
        async with Leases(name, Log(io.StringIO())).lock():
            inside.append(number)
            await asyncio.sleep(0.01)
            assert inside[-1] == number
            inside.append(-number)

    await asyncio.gather(*(work(number) for number in (1, 2, 3)))
    assert [inside[at] + inside[at + 1] for at in (0, 2, 4)] == [0, 0, 0]


async def test_a_lock_that_is_never_released_is_not_waited_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.node.lease._LONGEST_LOCK", 0.05)
    out = io.StringIO()
    async with Leases(name, Log(io.StringIO())).lock(), Leases(name, Log(out)).lock():
        assert "another process changes link or rules for very long" in out.getvalue()
