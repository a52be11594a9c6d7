"""Looking at signed zone files now and then, and having them made anew."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from resolver.chain.plugin import Part
from resolver.chain.setup import Host
from resolver.dnssec.keys import OUTDATED
from resolver.plugins.sign.order import Order
from resolver.plugins.sign.settings import SignedZone
from resolver.wire.names import to_text
from resolver.zone.signed_file import DAY, why_sign

INTERVAL: Final = 5 * 3600.0
SOURCE_INTERVAL: Final = 60.0
BEFORE: Final = 3 * 3600  # clocks that are set by hand are wrong by hours at times
BEFORE_JITTER: Final = 18 * 3600
LIFETIME: Final = 32 * DAY
LIFETIME_JITTER: Final = 5 * DAY
_LONGEST: Final = 3600.0
_ENDING: Final = 5.0
_ROOT: Final = str(Path(__file__).parents[3])


class Sign(Part):
    """All ``sign`` lines of a server block. Where several processes serve, the first one signs.

    ``wall`` is the time in seconds since 1970.
    """

    name = "sign"

    def __init__(self, zones: Sequence[SignedZone], host: Host, wall: Callable[[], float] = time.time) -> None:
        self.zones = tuple(zones)
        self._host = host
        self._wall = wall
        self._log = host.log.named(self.name)
        self._jitter = [(host.chance.uniform(0, BEFORE_JITTER), host.chance.uniform(0, LIFETIME_JITTER)) for _ in zones]
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look at the files: at once, every few hours, and when a source changes."""
        for key in sorted({str(key) for zone in self.zones for key in zone.keys if key.algorithm in OUTDATED}):
            self._log.warning(f"the algorithm of the key {key} is outdated: validators may ignore its signatures")
        if self._host.worker == 0:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End; a file that is being made is left as it was."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            times = await asyncio.to_thread(self._source_times)
            await self.look()
            end = self._host.clock() + INTERVAL
            while self._host.clock() < end:
                await asyncio.sleep(SOURCE_INTERVAL)
                if await asyncio.to_thread(self._source_times) != times:
                    break

    async def look(self) -> None:
        """Sign what has to be signed."""
        for number, zone in enumerate(self.zones):
            try:
                await self._look(number)
            except Exception as error:  # whatever it is, the other zones and the next time are not affected
                self._log.error(f"signing {zone.source} failed: {error!r}")

    def _source_times(self) -> list[float]:
        """When each source was last changed; 0 where it is not there."""
        return [_changed(zone.source) for zone in self.zones]

    async def _look(self, number: int) -> None:
        zone = self.zones[number]
        tags = [key.tag for key in zone.keys]
        why = await asyncio.to_thread(why_sign, zone.target, zone.source, zone.origin, tags, self._wall())
        name = to_text(zone.origin)
        if not why:
            self._log.info(f'Skipping signing zone "{name}" in "{zone.target}": signatures are valid')
            return
        self._log.info(f'Signing "{name}" because {why}')
        before = self._host.clock()
        order = self._order(number)
        done = await _in_another_process(order)
        took = f"elapsed {self._host.clock() - before:.3f}s, next look in {INTERVAL / 3600:g}h"
        shown = ",".join(map(str, tags))
        if "error" in done:
            self._log.warning(f'Error signing "{name}" with key tags "{shown}": {done["error"]}, {took}')
            return
        if done["outside"]:
            left = f"{done['outside_count']} names of {zone.source} that are outside of {name} were left out"
            self._log.warning(f"{left}: {', '.join(done['outside'])}")
        what = f'Successfully signed zone "{name}" in "{zone.target}"'
        self._log.info(f'{what} with key tags "{shown}" and {order.serial} SOA serial, {took}')

    def _order(self, number: int) -> Order:
        zone, (earlier, later) = self.zones[number], self._jitter[number]
        now = int(self._wall())
        return Order(
            to_text(zone.origin),
            str(zone.source.absolute()),
            str(zone.target.absolute()),
            [str(path.absolute()) for path in zone.key_files],
            now - BEFORE - int(earlier),
            now + LIFETIME + int(later),
            now,
        )


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


async def _in_another_process(order: Order) -> dict[str, Any]:
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    process: Process | None = None
    try:
        # -P: what lies in the working directory is not imported with our rights
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "resolver.plugins.sign.work"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=os.environ | {"PYTHONPATH": path},
        )
        async with asyncio.timeout(_LONGEST):
            out, complaints = await process.communicate(order.text().encode())
    except TimeoutError:
        return {"error": f"it took longer than {_LONGEST:g} seconds"}
    except OSError as error:
        return {"error": f"cannot start {sys.executable}: {error.strerror}"}
    finally:
        if process is not None and process.returncode is None:
            await _end(process)
    try:
        done: dict[str, Any] = json.loads(out)
    except ValueError:
        last = complaints.decode("utf-8", "replace").strip().splitlines()[-1:]
        return {"error": f"the process that signs ended with code {process.returncode}: {' '.join(last)}"}
    return done


async def _end(process: Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(_ENDING):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
