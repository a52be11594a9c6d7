"""One list and watch of the API, from the first list on until it is cancelled."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from resolver.errors import KubeError, Malformed
from resolver.kube import decode
from resolver.kube.client import Client, Failure
from resolver.kube.complaints import Complaints
from resolver.kube.kinds import Kind
from resolver.kube.metrics import KindMetrics
from resolver.kube.pauses import Pauses
from resolver.kube.slices import Slices
from resolver.kube.watch import Watch

T = TypeVar("T")

PAGE = 500  # objects of a page, as other clients ask for
PAGE_OCTETS = (
    1 << 20
)  # what a page should have at most: finding its objects is one piece of work of about a millisecond
LIST_PATIENCE = 30.0  # seconds without an octet of a list
# Seconds without an octet of a watch. Bookmarks come about once a minute from a server that sends them; a watch that is
# silent for longer is opened again where it was, which costs one request.
IDLE = 150.0
WATCH_TIME = (300, 600)  # seconds after which the server ends a watch, at random so that clients do not come together
GONE = 410
SHORT = 1.0  # seconds: a watch that ends sooner and brought nothing was no watch
ODD = 3  # so many such watches in a row are worth a word, and so many answers of "not found" in a row are believed
PAGE_TIME = 300.0  # seconds for a page of a list, however slowly it drips


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for: a kind, in one namespace or all, narrowed by selectors."""

    kind: Kind
    namespace: str = ""
    labels: str = ""
    fields: str = ""

    def query(self, **more: str) -> dict[str, str]:
        """The query of a request."""
        narrow = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in (narrow | more).items() if value}

    @property
    def title(self) -> str:
        """The name for people."""
        return f"{self.kind.label} in {self.namespace}" if self.namespace else self.kind.label


class Reflector(Generic[T]):
    """Keeps a watch's objects as the API has them.

    A list asks for the present state (no resourceVersion), not for whatever the server has in its memory (``0``): that
    may be older than what is known here already, names would come back that are gone, and paging is ignored there.
    """

    def __init__(
        self,
        client: Client,
        scope: Scope,
        parse: Callable[[dict[str, Any]], T | None],
        watch: Watch[T],
        *,
        metrics: KindMetrics,
        complaints: Complaints,
        clock: Callable[[], float],
        chance: random.Random,
    ) -> None:
        self._client = client
        self._scope = scope
        versions = (scope.kind.version, *scope.kind.older)
        self._paths = deque(scope.kind.path(scope.namespace, version) for version in versions)  # the present one first
        self._untried = len(self._paths)  # where the kind may be served
        self._where = (client.access.server, scope, parse)
        self._parse = parse
        self._watch = watch
        self._metrics = metrics
        self._complaints = complaints
        self._clock = clock
        self._chance = chance
        self._pauses = Pauses(chance)
        self._version = ""  # empty: a list is needed
        self._reason = "start"
        self._page = PAGE
        self._opened = False  # the present watch has begun well
        self._short = 0  # watches in a row that were none
        self._missed = 0  # answers in a row that the kind is not served

    async def run(self) -> None:
        """List and watch until cancelled. Raises nothing else."""
        try:
            await self._go_on()
        finally:
            self._complaints.forget(self._where)

    async def _go_on(self) -> None:
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._follow()
            except Failure as failure:
                await self._failed(failure)
            except decode.TooLarge as error:
                self._page = max(1, self._page // 4)
                await self._trouble(f"{self._scope.title}: {error}")
            except decode.Garbage as error:
                self._again("garbage")
                await self._trouble(f"{self._scope.title}: {error}")
            except KubeError as error:
                await self._trouble(f"{self._scope.title}: {error}")
            except TimeoutError:
                await self._trouble(f"{self._scope.title}: a page has not come within {PAGE_TIME:g} s")
            except Exception as error:
                self._again("error")
                await self._trouble(f"{self._scope.title}: {type(error).__name__}: {error}")

    async def _list(self) -> None:
        """Take over the present state, page by page; what is not in it any more goes at its end."""
        self._metrics.listed(self._reason)
        seen: set[str] = set()
        query = self._scope.query(limit=str(self._page))
        while True:
            async with (
                asyncio.timeout(PAGE_TIME),
                self._client.get(self._paths[0], query, patience=LIST_PATIENCE, gzip=True) as pieces,
            ):
                body = await decode.whole(pieces)
            page = decode.page(body)
            self._fit_page(len(body), len(page.items or ()))
            del body  # its objects hold it as long as they are needed
            await self._take_page(page, seen)
            if not page.metadata.more:
                break
            query = self._scope.query(limit=str(self._page), **{"continue": page.metadata.more})
        if not page.metadata.resource_version:
            raise decode.Garbage("a list has no resourceVersion")
        await self._drop_all_but(seen)
        self._version = page.metadata.resource_version
        self._well()

    def _fit_page(self, octets: int, count: int) -> None:
        """Ask for fewer objects at a time where they are large."""
        if octets > PAGE_OCTETS and count:
            self._page = max(1, min(self._page, count * PAGE_OCTETS // octets))

    async def _take_page(self, page: decode.Page, seen: set[str]) -> None:
        slices = Slices()
        items, page.items = page.items or [], None
        items.reverse()
        while items:
            try:
                tree = decode.tree(items.pop())
                key = decode.key_of(tree)
            except decode.Garbage as error:
                self._malformed("", str(error))
                continue
            seen.add(key)
            self._put(key, tree)
            await slices.give()

    async def _drop_all_but(self, seen: set[str]) -> None:
        slices = Slices()
        for key in [key for key in self._watch.objects if key not in seen]:
            self._watch.put(key, None)
            await slices.give()

    async def _follow(self) -> None:
        """Watch from the version that is known until the server ends it."""
        begin, events = self._clock(), 0
        query = self._scope.query(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=self._version,
            timeoutSeconds=str(self._chance.randint(*WATCH_TIME)),
        )
        try:
            async with self._client.get(self._paths[0], query, patience=IDLE) as pieces:
                self._well()
                self._opened = True
                lines, slices = decode.Lines(decode.MAX_LINE), Slices()
                async for piece in pieces:
                    slices.begin()
                    for line in lines.feed(piece):
                        self._take_event(line)
                        events += 1
                        await slices.give()
                    if lines.dropped:
                        lines.dropped = 0
                        self._malformed("", f"an event of more than {decode.MAX_LINE:,} octets was left out")
        finally:
            if events or self._clock() - begin >= SHORT:
                self._short = 0
                self._pauses.reset()
            else:
                self._short += 1
        if self._short:
            await self._ended_early()

    def _take_event(self, line: bytes) -> None:
        event = decode.event(line)
        count = self._metrics.events.get(event.type)
        if count is None:
            raise decode.Garbage(f"there is an event of the type {event.type[:40]!r}")
        count.value += 1
        if event.type == "ERROR":
            message, code = decode.status(event.object)
            raise Failure(message, code)
        tree = decode.tree(event.object)
        version = tree["metadata"].get("resourceVersion")
        if event.type != "BOOKMARK":
            key = decode.key_of(tree)
            if event.type == "DELETED":
                self._watch.put(key, None)
            else:
                self._put(key, tree)
        if isinstance(version, str) and version:
            self._version = version

    def _put(self, key: str, tree: dict[str, Any]) -> None:
        try:
            value = self._parse(tree)
        except Malformed as error:
            self._malformed(key, str(error))
            value = None
        except Exception as error:  # one object that a parser cannot take must not end the others
            self._malformed(key, f"{type(error).__name__}: {error}")
            value = None
        problem = getattr(value, "problem", "")
        if problem:
            self._malformed(key, f"{problem}; the rest of it is served")
        self._watch.put(key, value)

    def _malformed(self, key: str, reason: str) -> None:
        self._metrics.malformed.value += 1
        self._complaints.malformed(self._scope.kind.label, key, reason)

    def _well(self) -> None:
        """It works."""
        self._watch.complete()
        if self._watch.problem or self._missed:
            self._complaints.recovered(self._where)
            self._watch.problem = ""
        self._watch.refused = False
        self._missed = 0
        self._untried = len(self._paths)

    def _again(self, reason: str) -> None:
        """The next thing to do is a list."""
        self._version, self._reason = "", reason

    async def _failed(self, failure: Failure) -> None:
        title, status = self._scope.title, failure.status
        verb = "watch" if self._version else "list"
        opened, self._opened = self._opened, False
        if status == GONE:
            self._again("gone")
            await self._pauses.growing()
        elif status == 404 and self._scope.kind.optional:
            await self._absent()
        elif status == 403:
            self._watch.refused = True
            self._trouble_is(f"may not {verb} {title}: {failure}")
            await self._pauses.slow()
        elif opened and not status:
            await self._pauses.growing()  # connections do break; it is worth a word when the next one fails too
        elif failure.general:
            server = self._client.access.server
            await self._trouble(f"{server}: {failure}", failure.wait, whose=server)
        else:
            await self._trouble(f"cannot {verb} {title}: {failure}", failure.wait)

    async def _absent(self) -> None:
        """The kind is not served here, which is no fault: another version is, or nobody has installed the kind yet.

        Objects that are known go only when that has been said several times: an API that starts says it too.
        """
        self._again("absent")
        self._untried -= 1
        self._paths.rotate(-1)
        if self._untried:
            return
        self._untried = len(self._paths)
        missed = self._missed + 1
        if missed >= ODD or not self._watch.objects:
            await self._drop_all_but(set())
            self._complaints.absent(self._where, self._scope.title)
            self._watch.problem, self._watch.refused = "", False
            self._watch.complete()
        self._missed = missed
        await self._pauses.slow()

    async def _ended_early(self) -> None:
        """The server takes watches and ends them at once."""
        self._opened = False
        if self._short < ODD:
            await self._pauses.growing()
        else:
            await self._trouble(f"{self._scope.title}: watches end as soon as they begin")

    async def _trouble(self, reason: str, wait: float = 0.0, whose: str = "") -> None:
        self._trouble_is(reason, whose)
        await self._pauses.growing(wait)

    def _trouble_is(self, reason: str, whose: str = "") -> None:
        self._complaints.problem(self._where, reason, whose or self._scope.title)
        self._watch.problem = reason
