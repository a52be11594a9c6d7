"""What a directive is given when it is set up."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resolver.chain.elsewhere import Elsewhere
from resolver.chain.link import refuse
from resolver.chain.plugin import Handler, Part
from resolver.chain.query import Site
from resolver.config.model import Config, Directive, Word
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.telemetry.snapshot import Snapshot


@dataclass(slots=True)
class Host:
    """The process around the plugins: its clock, chance, metrics, log, and how to reach the rest of the server.

    ``clock`` is monotonic, in seconds. ``chance`` is for fair choices (order of upstreams), not for secrets.
    ``fail`` ends the process with exit code 1 and a line that says why. ``withdraw`` ends the replay of all answers
    that carry the tag. ``ask`` puts a query to the whole server, as the client of the query that it was derived from
    would; who asks adds one to its ``depth``. ``suspend`` makes the process unready with a reason until called again
    with an empty one; ``suspended`` holds those reasons, and ``stopping`` is set when the process was told to end.
    ``resort`` forgets in which group a client's address is (capability Sorting), None for all of them.
    ``blocks`` are the server blocks in service. Where several processes serve, ``scrape`` gives the metrics of all of
    them, ``unready`` what keeps any of them from being ready, as asked at an HTTP address, and ``inspect`` what the
    part of a name finds for a wish in one worker within so many seconds, None where there is no such worker.
    ``is_one_of_several`` is set in workers, which have the number ``worker``; ``scrape`` only where they are led from.
    ``environ`` is the environment, ``elsewhere`` is there where a configuration is only looked at, on a machine that
    may lack what it names.
    """

    clock: Callable[[], float]
    registry: Registry
    log: Log
    chance: random.Random = field(default_factory=random.SystemRandom)
    fail: Callable[[str], None] = lambda reason: None
    withdraw: Callable[[Hashable], None] = lambda tag: None
    resort: Callable[[str | None], None] = lambda client: None
    suspend: Callable[[str, str], None] = lambda who, reason: None
    ask: Handler = refuse
    worker: int = 0
    is_one_of_several: bool = False
    stopping: bool = False
    suspended: dict[str, str] = field(default_factory=dict)
    blocks: Callable[[], Sequence[Block]] = lambda: ()
    scrape: Callable[[], Awaitable[Snapshot]] | None = None
    unready: Callable[[tuple[str, int]], Awaitable[Sequence[str]]] | None = None
    inspect: Callable[[str, Any, int, float], Awaitable[Any]] | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    elsewhere: Elsewhere | None = None


@dataclass(slots=True)
class Block:
    """The server block around a directive.

    ``zones`` are lower-case wire names; ``sites`` the labels by which metrics know them; ``directives`` are all that
    the block was built from, in file order; ``root`` is where relative paths start. ``parts`` holds all parts of the
    block once it is built, in chain order, and ``resolve`` is then the head of its chain, ``notify`` that of its chain
    for NOTIFY where it takes such. ``config`` is the configuration that the block is part of, by which parts that share
    something know who reads it with them.
    """

    zones: tuple[bytes, ...]
    sites: tuple[Site, ...] = ()
    keys: tuple[Word, ...] = ()
    root: Path = field(default_factory=Path)
    parts: list[Part] = field(default_factory=list)
    resolve: Handler = refuse
    notify: Handler | None = None
    config: Config | None = None
    directives: tuple[Directive, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """Every occurrence of one directive in one server block, in file order, and what surrounds it."""

    directives: tuple[Directive, ...]
    block: Block
    host: Host

    @property
    def only(self) -> Directive:
        """The directive, where it may stand once per block. Raises ConfigError at the second one."""
        if len(self.directives) > 1:
            second = self.directives[1]
            raise second.error(f"{second.name.text} may stand only once in a server block")
        return self.directives[0]


SetupFunction = Callable[[Setup], Part | Sequence[Part]]
