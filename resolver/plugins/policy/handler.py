"""The plugin: asks the rules before anything answers, and once more about what was answered."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final, Protocol

from resolver.chain.capabilities import UNSETTLED, Identifying
from resolver.chain.contacts import TCP, Contact
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Block, Host
from resolver.errors import ConfigError, WireError
from resolver.plugins.policy.answers import denied
from resolver.plugins.policy.beside import Denies, tells, without
from resolver.plugins.policy.clients import Clients
from resolver.plugins.policy.inspection import addresses, is_outside, leads_on, targets
from resolver.plugins.policy.metrics import Metrics
from resolver.plugins.policy.responses import Responses, decide
from resolver.plugins.policy.scope import Hit, Scope, Search, ended
from resolver.plugins.policy.settings import Settings
from resolver.policy.rules import AUDIT_ONLY, Decision
from resolver.wire.constants import NXDOMAIN
from resolver.wire.names import ROOT

FOREVER: Final = float("inf")

Counts = tuple[Callable[[int], None], ...]


class Source(Protocol):
    """Something that puts rules into a scope while the server runs."""

    def succeed(self, other: Source) -> None:
        """Go on with what another one had before a reload, if that is of use here."""

    async def start(self) -> None:
        """Put what there is. Raises ResolverError where the server must not serve without it."""

    async def mistakes(self) -> Sequence[ConfigError]:
        """What is wrong with the file that it reads when it starts."""

    def is_ready(self) -> bool:
        """Whether its rules were had once, so that they are in force."""

    async def stop(self) -> None:
        """End what keeps it up to date."""


class Learner(Protocol):
    """Somebody who writes down which clients ask for what."""

    def group(self, client: str) -> Hashable:
        """What distinguishes clients for the learner, so that replays are counted for the right ones; or UNSETTLED."""

    def note(self, query: Query, found: Decision, *, missing: bool = False) -> Callable[[int], None] | None:
        """A client's query was decided; returns what is called with the number of its replays.

        ``missing`` says that it was let through, and answered that there is no such name.
        """


class PolicyPlugin(Plugin):
    """All ``policy`` directives of a block; for each name the one with the longest zone counts."""

    name = "policy"
    transparent = True

    def __init__(self, directives: Sequence[Settings], block: Block, host: Host) -> None:
        self.host = host
        self.log = host.log.named(self.name)
        self.metrics = Metrics(host.registry)
        self._clients = Clients(block, host, self.log)
        self._tag: Hashable = object()
        self.scopes = tuple(Scope(settings, self.changed) for settings in directives)
        self._by_zone = {zone: scope for scope in self.scopes for zone in scope.settings.zones}
        self._everywhere = self._by_zone.get(ROOT) if len(self._by_zone) == 1 else None
        self._responses = Responses(host)
        self._version = 0
        self.sources: list[Source] = []
        self.learner: Learner | None = None

    # --- life

    def succeed(self, previous: PolicyPlugin) -> None:
        """Go on with what sources had from elsewhere before a reload."""
        for source in self.sources:
            for other in previous.sources:
                source.succeed(other)

    def contacts(self) -> Iterator[Contact]:
        for scope in self.scopes:
            for feed in scope.settings.feeds:
                for host, port in feed.primaries:
                    yield Contact(host, port, TCP, "policy: transfers of response policy zones")
            if scope.settings.config_maps is not None:
                yield from scope.settings.config_maps.source.contacts(self.name)

    async def start(self) -> None:
        if self.identifying is not None:
            self.identifying.subscribe(self._moved)
        started: list[Source] = []
        try:
            for source in self.sources:
                started.append(source)
                await source.start()
        except BaseException:
            for source in started:
                await source.stop()
            raise

    async def stop(self) -> None:
        for source in self.sources:
            await source.stop()

    async def mistakes(self) -> Sequence[ConfigError]:
        """What is wrong with rule files and with zones in files, without anything of it being in force."""
        return [error for source in self.sources for error in await source.mistakes()]

    def is_ready(self) -> bool:
        """Ready when every file, every list of ConfigMaps and every transferred zone was had once.

        A server without its rules would let pass what they deny, or deny what they allow.
        """
        return all(source.is_ready() for source in self.sources)

    def changed(self) -> None:
        """What was decided may not hold any more: nothing of it is replayed, and clients are sorted anew."""
        self._version += 1
        self.host.withdraw(self._tag)
        self.host.resort(None)

    # --- clients

    @property
    def identifying(self) -> Identifying | None:
        """Who knows the Pods behind addresses, None where nobody does."""
        return self._clients.identifying

    @property
    def sorts(self) -> bool:
        """Whether rules look at clients now."""
        return self.learner is not None or any(scope.looks_at_clients for scope in self.scopes)

    def group(self, client: str) -> Hashable:
        """Clients of one group get the same answers."""
        found: list[Hashable] = []
        if self.learner is not None:
            learnt = self.learner.group(client)
            if learnt is UNSETTLED:
                return UNSETTLED
            found.append(learnt)
        for scope in self.scopes:
            if not scope.looks_at_clients:
                continue
            known = self._clients.settled(scope.state, client)
            if known is None:
                return UNSETTLED
            found.append((known, scope.feed_class(client)))
        return tuple(found)

    def _moved(self, client: str) -> None:
        for scope in self.scopes:
            scope.state.forget(client)
        self.host.resort(client)

    # --- queries

    def scope_of(self, name: bytes) -> Scope | None:
        """The directive for a name in lower case."""
        if self._everywhere is not None:
            return self._everywhere
        while True:
            scope = self._by_zone.get(name)
            if scope is not None or name == ROOT:
                return scope
            name = name[1 + name[0] :]

    async def resolve(self, query: Query, next: Handler) -> Reply:
        asked: Decision | None = None
        search: Search | None = None
        original = query.original
        names = (query.name,) if original is None or original == query.name else (query.name, original)
        for name in names:
            scope = self.scope_of(name)
            if scope is None:
                continue
            found = await self._decide(scope, query, name)
            if found.denies:
                return self._deny(query, scope, found)
            hit = scope.hit(name, query.client[0])
            if hit is not None:
                answer = await self._respond(query, scope, hit, name)
                if isinstance(answer, Reply):
                    return answer
                found = answer or found
                search = ended(search, scope, hit)
            if asked is None or found.action == AUDIT_ONLY:
                asked = found
        version = self._version
        reply = await next(query)
        if version != self._version:  # what was decided in front may be decided otherwise now: it must not be kept
            reply = reply.withheld()
        if asked is None:
            return reply
        return await self._passed(query, reply, asked, search)

    async def _decide(self, scope: Scope, query: Query, name: bytes, qtype: int = 0) -> Decision:
        while True:
            state = scope.state
            client = state.known(query.client[0])
            if client is None:
                client = await self._clients.meet(state, query.client[0])
            if state is scope.state:  # or there are other rules since
                return state.decide(name, qtype or query.qtype, client)

    async def _passed(self, query: Query, reply: Reply, asked: Decision, search: Search | None) -> Reply:
        """The reply, or what is said in its place because of what is in it."""
        if not (reply.silent or reply.stream is not None):
            try:
                judged = await self._inspect(query, reply, search)
                if isinstance(judged, Reply):
                    return judged
                if tells(reply.body):
                    reply = await without(reply, self._denies(query, search))
            except WireError as error:
                return failure(query, self.name, error=f"the answer makes no sense: {error}")
            asked = judged or asked
        return self._kept(reply, self._count(query, asked, missing=reply.rcode == NXDOMAIN))

    def _denies(self, query: Query, search: Search | None) -> Denies:
        """Whether a name that stands beside an answer is one that the client would not get by asking for it."""

        async def denies(name: bytes, qtype: int) -> bool:
            scope = self.scope_of(name)
            if scope is None:
                return False
            if (await self._decide(scope, query, name, qtype)).denies:
                return True
            hit = (
                None
                if search is not None and search.is_over(scope)
                else scope.hit(name, query.client[0], with_client=False)
            )
            found = None if hit is None else decide(scope, hit, query.transport)
            return found is not None and found.denies

        return denies

    async def _inspect(self, query: Query, reply: Reply, search: Search | None) -> Reply | Decision | None:
        """What policy says about the aliases and addresses of an answer; None where it has nothing to say."""
        body = reply.body
        noted: Decision | None = None
        if leads_on(body):
            search = search or Search()
            judged = await self._aliases(query, reply, search)
            if isinstance(judged, Reply):
                return judged
            noted = judged
        scope = self.scope_of(query.name)
        if scope is None:
            return noted
        if scope.guards_addresses and is_outside(reply) and scope.is_rebinding(addresses(body), query.name):
            noted = scope.rebinding
            if noted.denies:
                return self._deny(query, scope, noted, reply)
        if scope.looks_at_addresses:
            zones = None if search is None else search.zones(scope)
            hit = scope.address_hit(list(addresses(body)), query.name, zones)
            if hit is not None:
                answer = await self._respond(query, scope, hit, query.name, reply)
                if isinstance(answer, Reply):
                    return answer
                noted = answer or noted
        return noted

    async def _aliases(self, query: Query, reply: Reply, search: Search) -> Reply | Decision | None:
        noted: Decision | None = None
        own = self.scope_of(query.name)
        for target, is_alias in targets(reply):
            search.position += is_alias
            scope = self.scope_of(target)
            if scope is None:
                continue
            found = await self._decide(scope, query, target)
            counts = found.explicit or (own is not None and own.settings.strict_aliases)
            if counts and found.denies:
                return self._deny(query, scope, found, reply)
            if counts and found.action == AUDIT_ONLY:
                noted = found
            hit = None if search.is_over(scope) else scope.hit(target, query.client[0], with_client=False)
            if hit is not None:
                answer = await self._respond(query, scope, hit, target, reply)
                if isinstance(answer, Reply):
                    return answer
                noted = answer or noted
                if is_alias:  # of several services, each target is there for itself
                    ended(search, scope, hit)
        return noted

    # --- what comes of it

    async def _respond(
        self, query: Query, scope: Scope, hit: Hit, name: bytes, behind: Reply | None = None
    ) -> Reply | Decision | None:
        """The answer of a response policy zone; a decision where it is only noted, None where it lets pass."""
        found = decide(scope, hit, query.transport)
        if found is None or found.action == AUDIT_ONLY:
            return found
        leave = self._leave(behind, self._count(query, found))
        return await self._responses.answer(query, hit, found, scope.owner(query.name), scope.settings.ttl, leave)

    def _deny(self, query: Query, scope: Scope, found: Decision, behind: Reply | None = None) -> Reply:
        leave = self._leave(behind, self._count(query, found))
        return denied(query, found, scope.owner(query.name), scope.settings.ttl, leave)

    def _count(self, query: Query, found: Decision, *, missing: bool = False) -> Counts:
        """Write a decision down and count it; what counts its replays."""
        self._note(query, found)
        if found.doubtful:
            self._clients.tell_doubt(query, found)
        tally = self.metrics.tally(query.site, found)
        tally.add(1)
        if self.learner is not None:
            learnt = self.learner.note(query, found, missing=missing)
            if learnt is not None:
                return tally.add, learnt
        return (tally.add,)

    def _note(self, query: Query, found: Decision) -> None:
        if query.trail is not None:
            query.trail.decide("deny" if found.denies else found.action, found.rule)

    def _leave(self, behind: Reply | None, counts: Counts) -> Replay | None:
        """Leave to replay a denial: until rules change, and no longer than the answer that it was made of."""
        if behind is None:
            return Replay(FOREVER, counts=counts, tags=(self._tag,), live=True)
        leave = behind.replay
        if leave is None:
            return None
        return Replay(leave.until, counts=(*leave.counts, *counts), tags=(*leave.tags, self._tag), live=leave.live)

    def _kept(self, reply: Reply, counts: Counts) -> Reply:
        """The reply, whose replays count and end when the rules change."""
        leave = reply.replay
        if leave is None:
            return reply
        kept = Replay(
            leave.until, leave.base, leave.variants, (*leave.counts, *counts), leave.seen, (*leave.tags, self._tag),
            leave.live, leave.observers, leave.guards,
        )  # fmt: skip
        return Reply(
            reply.question, reply.rcode, reply.flags, reply.options, reply.source, kept, reply.error, reply.upstream,
            reply.octets, reply.unset, reply.silent, reply.decoded, reply.stream, reply.inside,
        )  # fmt: skip
