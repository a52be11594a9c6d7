"""Giving cookies to clients, and telling whether they brought one."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from enum import Enum
from typing import Final, NamedTuple

from resolver.chain.changed import Stamp
from resolver.chain.networks import NetworkSet
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Guard, Reply, failure
from resolver.chain.setup import Host
from resolver.errors import EdnsError, ResolverError
from resolver.plugins.cookies.secret import read_secrets
from resolver.plugins.cookies.settings import Settings
from resolver.telemetry.metrics import Cell
from resolver.wire.constants import BADCOOKIE, FORMERR, TC
from resolver.wire.cookie import RENEWED_AFTER, age, bake, cookie_of, cookie_option
from resolver.wire.records import EMPTY_BODY
from resolver.wire.siphash import KEY_SIZE

_LOOK_EVERY: Final = 5.0  # seconds between two looks at the file of secrets


class Kind(Enum):
    """What a query brought."""

    NONE = "none"
    NEW = "new"
    VALID = "valid"
    INVALID = "invalid"
    MALFORMED = "malformed"


class Brought(NamedTuple):
    """What a query brought; ``option`` goes back with the answer, which is as it is now for ``fresh`` seconds more."""

    kind: Kind
    option: bytes = b""
    fresh: int = 0


class Cookies(Plugin):
    """An answer with a cookie is for one client alone: it is replayed to this one, and while the cookie is young."""

    name = "cookies"
    transparent = True

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.secrets: tuple[bytes, ...] = (secrets.token_bytes(KEY_SIZE),)
        self._host = host
        self._log = host.log.named(self.name)
        self._stamp: Stamp | None = None
        self._watching: asyncio.Task[None] | None = None
        self._complaint = ""
        self._last: tuple[Query, Brought] | None = None
        labels = ("server", "zone", "view")
        self._queries = host.registry.counter(
            "coredns_cookies_queries_total", "Queries by the cookie that they brought.", (*labels, "cookie")
        )
        self._rejected = host.registry.counter(
            "coredns_cookies_rejected_total", "Queries over UDP that were not answered for lack of a cookie.",
            (*labels, "action"),
        )  # fmt: skip
        self._cells: dict[tuple[Site, Kind], Cell] = {}

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.depth or query.transport == "internal":
            return await next(query)
        brought = self._look(query)
        self._last = None
        cell = self._cell(query.site, brought.kind)
        cell.value += 1
        if brought.kind is Kind.MALFORMED:
            return failure(query, self.name, FORMERR, error="a DNS Cookie has a size that no cookie has")
        excepted = self.settings.excepted
        if self.settings.require and query.transport == "udp" and brought.kind is not Kind.VALID:
            if excepted is None or not excepted.holds(query.client[0]):
                return self._reject(query, brought)
            if brought.kind is Kind.NONE:
                return _guarded(await next(query), _among(excepted)).counted(cell.add)
        reply = await next(query)
        if brought.kind is Kind.NONE:
            return reply.counted(cell.add)
        return self._with_cookie(query, reply, brought, cell)

    def vouches(self, query: Query) -> bool:
        """Whether the query has a valid cookie, which its client can only have been sent at its address."""
        brought = self._look(query)
        self._last = query, brought  # is asked for the same query next
        return brought.kind is Kind.VALID

    async def start(self) -> None:
        """Read the secrets. Raises ResolverError."""
        if self.settings.secret is not None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
            self.refresh()
        elif self._host.is_one_of_several:  # clients meet another worker each time
            if self.settings.require:
                raise ResolverError("cookies: require needs a file of secrets where several workers serve")
            self._log.warning("each worker has a secret of its own: cookies need a file of secrets to be of use")

    async def stop(self) -> None:
        """Look at the file no more."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def succeed(self, previous: Cookies) -> None:
        """Go on with the secrets, so that clients can go on with their cookies."""
        if previous.settings.secret == self.settings.secret:
            self.secrets = previous.secrets

    def refresh(self) -> None:
        """Read the secrets if their file has changed; what is wrong is logged and the old ones stay."""
        try:
            found = None if self.settings.secret is None else read_secrets(self.settings.secret, self._stamp)
        except (OSError, ValueError) as error:
            reason = str(error)
            if reason != self._complaint:
                self._log.warning(f"secrets stay as they are: {reason}")
            self._complaint = reason
            return
        self._complaint = ""
        if found is not None:
            self.secrets, self._stamp = found

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            self.refresh()

    def _look(self, query: Query) -> Brought:
        last = self._last
        if last is not None and last[0] is query:
            return last[1]
        edns = query.edns
        try:
            found = cookie_of(edns.options) if edns is not None and edns.options else None
        except EdnsError:
            return Brought(Kind.MALFORMED)
        return Brought(Kind.NONE) if found is None else self._judge(query.client[0], *found)

    def _judge(self, host: str, client: bytes, server: bytes) -> Brought:
        now = int(self._host.log.clock())
        kind = Kind.NEW
        if server:
            kind = Kind.INVALID
            for number, secret in enumerate(self.secrets):
                seconds = age(secret, client, server, host, now)
                if seconds is not None:
                    fresh = RENEWED_AFTER - seconds
                    if number == 0 and 0 < fresh <= RENEWED_AFTER:
                        return Brought(Kind.VALID, cookie_option(client, server), fresh)
                    kind = Kind.VALID
                    break
        return Brought(kind, cookie_option(client, bake(self.secrets[0], client, host, now)))

    def _reject(self, query: Query, brought: Brought) -> Reply:
        """BADCOOKIE with a good one for who knows cookies, "come by TCP" for who does not (RFC 7873 section 5.2)."""
        action = "truncated" if brought.kind is Kind.NONE else "badcookie"
        self._rejected.cell(*query.site, action).value += 1
        if query.trail is not None:
            query.trail.decide("deny", self.name)
        if brought.kind is Kind.NONE:
            return Reply(query.question, flags=TC, source=self.name, octets=EMPTY_BODY)
        reply = failure(query, self.name, BADCOOKIE)
        reply.options = brought.option
        return reply

    def _with_cookie(self, query: Query, reply: Reply, brought: Brought, cell: Cell) -> Reply:
        if reply.silent:
            return reply
        leave = reply.replay
        answer = replace(reply, options=reply.options + brought.option, replay=None)
        if leave is not None and brought.fresh:
            until = min(leave.until, self._host.clock() + brought.fresh)
            guard = _only(query.client[0])
            answer.replay = replace(leave, until=until, guards=(guard, *leave.guards), counts=(*leave.counts, cell.add))
        return answer

    def _cell(self, site: Site, kind: Kind) -> Cell:
        cell = self._cells.get((site, kind))
        if cell is None:
            cell = self._cells[site, kind] = self._queries.cell(*site, kind.value)
        return cell


def _guarded(reply: Reply, guard: Guard) -> Reply:
    leave = reply.replay
    return reply if leave is None else replace(reply, replay=replace(leave, guards=(guard, *leave.guards)))


def _only(host: str) -> Guard:
    """Lets an answer pass to one address; the chain sees what others make of the same octets."""

    def guard(client: tuple[str, int], packet: bytes, octets: bytes, now: float) -> bytes | None:
        return octets if client[0] == host else None

    return guard


def _among(networks: NetworkSet) -> Guard:
    """Lets an answer pass to clients that need no cookie."""

    def guard(client: tuple[str, int], packet: bytes, octets: bytes, now: float) -> bytes | None:
        return octets if networks.holds(client[0]) else None

    return guard
