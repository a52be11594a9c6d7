"""Answers leave with their addresses in another order each time, replayed or not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from resolver.chain.changed import Stamp, read_changed
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from resolver.chain.setup import Host
from resolver.errors import ConfigError
from resolver.plugins.loadbalance.orders import Preference, Rotation, cycle, drawn, led_by, shuffled, weights_of
from resolver.plugins.loadbalance.sets import Arrangement, Order, arrangement
from resolver.plugins.loadbalance.settings import Settings
from resolver.plugins.loadbalance.weights import Weights, read_weights
from resolver.wire.constants import AAAA, AXFR, IXFR, NOERROR, SRV, A
from resolver.wire.records import Body

MAX_VARIANTS = 8
MAX_WEIGHTED_VARIANTS = 32
MAX_OCTETS = 16 << 20

# Sets with more records than variants are dealt anew so often, in seconds.
DEALT_FOR = 1.0


class LoadBalance(Plugin):
    """Arranges what comes back; an answer that may be replayed is given variants to be replayed in turn."""

    name = "loadbalance"
    transparent = True

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.host = host
        self.log = host.log.named(self.name)
        self.preference = Preference.of(settings.prefer)
        self.weights: Weights = {}
        self._stamp: Stamp | None = None
        self._tag = object()
        self._watching: asyncio.Task[None] | None = None

    async def resolve(self, query: Query, next: Handler) -> Reply:
        reply = await next(query)
        if reply.rcode != NOERROR or query.qtype in (AXFR, IXFR):
            return reply
        found = arrangement(reply)
        if found is None:
            return reply
        return self._rotated(reply, found) if self.settings.weights is None else self._weighted(query, reply, found)

    async def start(self) -> None:
        """Read the weights. Raises ConfigError where the file is wrong, or missing and never looked at again."""
        path, reload = self.settings.weights, self.settings.reload
        if path is None:
            return
        try:
            await self._refresh(path)
        except OSError as error:
            message = f"cannot read weights: {error}"
            if not reload:
                raise ConfigError(message) from None
            self.log.warning(message)
        if reload:
            self._watching = asyncio.create_task(self._watch(path, reload))

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    # --- round robin

    def _rotated(self, reply: Reply, found: Arrangement) -> Reply:
        rotations = [self._rotation(found, number, size) for number, size in enumerate(found.sizes)]
        leave = reply.replay
        if leave is None:
            return reply.with_body(found.arranged([rotation.order(0) for rotation in rotations]))
        period = next((rotation.period for rotation in rotations if rotation.period > 1), 1)
        turns = range(min(period, MAX_VARIANTS))
        bodies = tuple([found.arranged([rotation.order(turn) for rotation in rotations]) for turn in turns])
        until = leave.until
        if period > MAX_VARIANTS:
            until = min(until, self.host.clock() + DEALT_FOR)
        return _replayable(reply, bodies, replace(leave, until=until, variants=bodies))

    def _rotation(self, found: Arrangement, number: int, size: int) -> Rotation:
        order = shuffled(size, self.host.chance)
        preference = self.preference
        return Rotation([order] if preference is None else preference.groups(found.members(number), order))

    # --- weighted

    def _weighted(self, query: Query, reply: Reply, found: Arrangement) -> Reply:
        orders: list[Order] = [range(size) for size in found.sizes]
        sets = {number: found.members(number) for number in range(len(orders))}
        weights = {number: weights_of(members, self.weights) for number, members in sets.items() if members[0].address}
        if not weights or query.qtype not in (A, AAAA, SRV):
            return reply.with_body(found.arranged(orders))
        only = next(iter(weights))
        turns = cycle(weights[only], MAX_WEIGHTED_VARIANTS, self.host.chance) if len(weights) == 1 else None
        leave = reply.replay
        if leave is None or turns is None:
            for number, chances in weights.items():
                orders[number] = led_by(drawn(chances, self.host.chance), sets[number], self.preference)
            return replace(reply.with_body(found.arranged(orders)), replay=None)
        bodies: dict[int, Body] = {}
        for first in turns:
            if first not in bodies:
                orders[only] = led_by(first, sets[only], self.preference)
                bodies[first] = found.arranged(orders)
        variants = tuple(bodies[first] for first in turns)
        return _replayable(reply, variants, replace(leave, variants=variants, tags=(*leave.tags, self._tag)))

    async def _watch(self, path: Path, interval: float) -> None:
        said = ""
        while True:
            await asyncio.sleep(interval)
            try:
                await self._refresh(path)
            except (OSError, ConfigError) as error:
                if str(error) != said:  # once, not at each look
                    said = str(error)
                    self.log.error(f"weights stay as they are: {said}")
            else:
                said = ""

    async def _refresh(self, path: Path) -> None:
        """Take over the file's weights if it has changed. Raises OSError or ConfigError."""
        content = await asyncio.to_thread(read_changed, path, self._stamp, MAX_OCTETS)
        if content is None:
            return
        self._stamp = content.stamp
        if content.cut:
            raise ConfigError(f"{path} is longer than {MAX_OCTETS >> 20} MiB")
        self.weights = await asyncio.to_thread(read_weights, content.lines, str(path))
        self.host.withdraw(self._tag)
        self.log.info(f"{path} has weights for {len(self.weights)} names")


def _replayable(reply: Reply, bodies: tuple[Body, ...], leave: Replay) -> Reply:
    """The reply with the first of the bodies, the one that a replay store gives out first."""
    out = reply.with_body(bodies[0])
    out.replay = leave
    return out
