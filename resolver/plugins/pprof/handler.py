"""The endpoints below /debug/pprof."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from html import escape
from typing import ClassVar, Final, NamedTuple
from urllib.parse import parse_qs

from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest
from resolver.chain.plugin import Part
from resolver.chain.setup import Host
from resolver.errors import ResolverError
from resolver.plugins.pprof.memory import allocations, objects
from resolver.plugins.pprof.settings import Settings
from resolver.plugins.pprof.stacks import dump
from resolver.telemetry.profile import Profile
from resolver.telemetry.sampling import Sampler

ROOT: Final = "/debug/pprof"
LONGEST: Final = 50.0  # seconds of a profile
MARGIN: Final = 8.0  # seconds to put together what was found
_TEXT, _OCTETS = "text/plain; charset=utf-8", "application/octet-stream"


class Wish(NamedTuple):
    """What was asked for: ``debug`` wants text, ``collapsed`` lines for flame graphs."""

    what: str
    seconds: float
    debug: bool = False
    collapsed: bool = False
    worker: int = 0


class Page(NamedTuple):
    """An endpoint: how long it takes unless told otherwise, and what it is for."""

    name: str
    seconds: float
    about: str


PAGES: Final = (
    Page("profile", 30.0, "where processor time goes; seconds=N, format=collapsed for flame graphs"),
    Page("heap", 5.0, "what is allocated within some seconds and still held; seconds=N"),
    Page("heap?debug=1", 0.0, "memory of the process, and the objects in it by type"),
    Page("goroutine?debug=1", 0.0, "what every task and every thread is doing"),
    Page("cmdline", 0.0, "how the server was started"),
)


class Pprof(Part):
    """Off unless the directive stands; does nothing until somebody asks."""

    name: ClassVar[str] = "pprof"

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self._host = host

    async def start(self) -> None:
        """Say what an operator should know."""
        log = self._host.log.named(self.name)
        if self._host.worker == 0:
            if self.settings.is_public:
                host, port = self.settings.address
                log.warning(f"profiles are open to everybody who reaches {host}:{port}")
            if self.settings.block:
                log.warning("block has no effect: nothing here waits for locks")

    def endpoints(self) -> Sequence[HttpEndpoint]:
        """The paths; several parts that name one address share them."""
        host, port = self.settings.address
        served: dict[str, Callable[[HttpRequest], Awaitable[HttpAnswer]]] = {"": self._index, "/": self._index}
        for page in PAGES:
            served["/" + page.name.partition("?")[0]] = self._answer
        return [HttpEndpoint(host, port, ROOT + path, one, within=LONGEST + MARGIN) for path, one in served.items()]

    async def inspect(self, wish: Wish) -> tuple[int, str, bytes]:
        """Status, media type and contents of what one process finds in itself."""
        try:
            return await self._find(wish)
        except ResolverError as error:
            return 503, _TEXT, f"{error}\n".encode()

    async def _find(self, wish: Wish) -> tuple[int, str, bytes]:
        if wish.what == "profile":
            return _file(await Sampler().run(wish.seconds), wish)
        if wish.what == "heap" and not wish.debug:
            return _file(await allocations(wish.seconds), wish)
        if wish.what == "heap":
            return 200, _TEXT, (await asyncio.to_thread(objects)).encode()
        if wish.what == "goroutine":
            return 200, _TEXT, dump().encode("utf-8", "replace")
        return 200, _TEXT, "\0".join(sys.orig_argv).encode("utf-8", "replace")

    async def _answer(self, request: HttpRequest) -> HttpAnswer:
        try:
            wish = read_wish(request)
        except ResolverError as error:
            return HttpAnswer(400, _TEXT, f"{error}\n".encode())
        if self._host.inspect is None:
            return HttpAnswer(*await self.inspect(wish))
        found = await self._host.inspect(self.name, wish, wish.worker, wish.seconds + MARGIN)
        return HttpAnswer(404, _TEXT, b"no such worker\n") if found is None else HttpAnswer(*found)

    async def _index(self, request: HttpRequest) -> HttpAnswer:
        rows = "".join(
            f'<tr><td><a href="{ROOT}/{escape(page.name)}">{escape(page.name)}</a></td><td>{page.about}</td></tr>'
            for page in PAGES
        )
        workers = "<p>worker=N asks another worker than the first one.</p>" if self._host.inspect else ""
        text = f"<!doctype html><title>{ROOT}</title><h1>{ROOT}</h1><table>{rows}</table>{workers}"
        return HttpAnswer(200, "text/html; charset=utf-8", text.encode())


def read_wish(request: HttpRequest) -> Wish:
    """What the path and the parameters of a request ask for. Raises ResolverError."""
    what = request.path.removeprefix(ROOT + "/")
    given = {name: values[-1] for name, values in parse_qs(request.query, max_num_fields=20).items()}
    usual = next(page.seconds for page in PAGES if page.name.partition("?")[0] == what)
    try:
        seconds = float(given.get("seconds", usual))
        worker, debug = int(given.get("worker", "0")), int(given.get("debug", "0")) > 0
    except ValueError:
        raise ResolverError("seconds, worker and debug are numbers") from None
    if not 0 <= seconds <= LONGEST:
        raise ResolverError(f"seconds is a number up to {LONGEST:g}")
    form = given.get("format", "pprof")
    if form not in ("pprof", "collapsed"):
        raise ResolverError("format is pprof or collapsed")
    return Wish(what, seconds, debug, form == "collapsed", worker)


def _file(profile: Profile, wish: Wish) -> tuple[int, str, bytes]:
    if wish.collapsed:
        return 200, _TEXT, profile.collapsed()
    return 200, _OCTETS, profile.pprof()
