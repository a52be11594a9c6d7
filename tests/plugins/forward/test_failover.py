"""Failover among upstreams of which some say nothing."""

from __future__ import annotations

import pytest

from resolver.wire.constants import REFUSED
from tests.plugins.forward.forwarding import addresses, ask, forwarding
from tests.support.upstreams import Asked, Step, Upstream, answers, fails, reply


def silent(asked: Asked) -> list[Step]:
    return [reply(asked)] if asked.name == "." else []


@pytest.mark.parametrize("silent_comes_first", [True, False])
async def test_an_upstream_that_is_silent_is_asked_once_where_another_has_answered(silent_comes_first: bool) -> None:
    async with Upstream(silent) as mute, Upstream(fails(REFUSED)) as refusing:
        targets = (mute, refusing) if silent_comes_first else (refusing, mute)
        lines = "forward . {} {} {{\npolicy sequential\nfailover REFUSED\nread_timeout 100ms\n}}"
        async with forwarding(lines.format(*(target.to for target in targets))) as forward:
            found = await ask(forward)
        assert (found.rcode, found.upstream) == (REFUSED, refusing.to)
        assert [sum(asked.name != "." for asked in target.seen) for target in (mute, refusing)] == [1, 1]


async def test_an_upstream_behind_a_silent_and_a_refusing_one_has_its_turn() -> None:
    async with Upstream(silent) as mute, Upstream(fails(REFUSED)) as refusing, Upstream(answers("192.0.2.3")) as good:
        targets = f"{mute.to} {refusing.to} {good.to}"
        lines = f"forward . {targets} {{\npolicy sequential\nfailover REFUSED\nread_timeout 100ms\n}}"
        async with forwarding(lines) as forward:
            assert addresses(await ask(forward)) == ["192.0.2.3"]
