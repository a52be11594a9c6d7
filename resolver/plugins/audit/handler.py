"""The plugin: what becomes of a query is written down, whoever decided it and however it was answered."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final
from weakref import WeakKeyDictionary

from resolver.chain.contacts import Contact
from resolver.chain.finish import finish
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure, silence
from resolver.chain.setup import Block, Host
from resolver.chain.trail import LIMITS, Trail
from resolver.errors import WireError
from resolver.plugins.audit.answer import class_of, findings
from resolver.plugins.audit.clients import Clients
from resolver.plugins.audit.destinations import Target, contacts_of, outlets_of
from resolver.plugins.audit.hashing import Hasher
from resolver.plugins.audit.journal import Journal
from resolver.plugins.audit.limited import Limited
from resolver.plugins.audit.replayed import Replays
from resolver.plugins.audit.settings import Settings
from resolver.plugins.audit.shape import Shape
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import IN, OPCODE_MASK, OPCODES, class_name, rcode_name, type_name
from resolver.wire.names import to_text

# What a limit tolerates is about a client at a moment, and not about the answer that is replayed to others.
_ALWAYS_WRITTEN: Final = frozenset(("deny", "audit-only"))


class Audit(Plugin):
    """One ``audit`` line. A replay gets a line of its own, made of what does not change and of who asked when."""

    name: ClassVar[str] = "audit"
    transparent: ClassVar[bool] = True

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self._host = host
        hasher = Hasher(settings.key or _secret_of(host.registry)) if settings.hashed else None
        self._shape = Shape(hasher, settings.hashed, settings.omitted)
        self._clients = Clients(block, self._shape, settings.filters)
        self._journal = Journal(host.log.clock)
        self._replays = Replays(self._journal, self._clients)
        self._limited = Limited(self._journal, self._clients, self._shape, settings.filters)
        self._taken: list[Target] = []
        self._gap = 0

    def contacts(self) -> Iterator[Contact]:
        return contacts_of(self.settings.targets)

    async def start(self) -> None:
        """Open what lines go to. Raises ResolverError."""
        self._clients.start()
        outlets = outlets_of(self._host.registry)
        opened = []
        try:
            for target in self.settings.targets:
                opened.append(await outlets.take(target, self.settings.queue, self._host))
                self._taken.append(target)
        except BaseException:
            await self.stop()
            raise
        self._journal.start(opened)
        self._limited.start()

    async def stop(self) -> None:
        """Hand on what waits, and close what nobody else writes to."""
        self._limited.stop()
        self._journal.finish()
        taken, self._taken = self._taken, []
        outlets = outlets_of(self._host.registry)
        await asyncio.gather(*[outlets.give_back(target, self.settings.queue) for target in taken])

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.depth or not self.settings.filters.takes_question(query.name, query.qtype):
            return await next(query)
        trail = query.trail
        if trail is None:
            trail = query.trail = Trail()
        try:
            reply = await next(query)
        except asyncio.CancelledError:
            self._note(query, silence(query, self.name), trail)
            raise
        except Exception:
            self._note(query, failure(query, self.name), trail)
            raise
        members = self._note(query, reply, trail)
        leave = reply.replay
        if leave is None or members is None:
            return reply
        due = self._is_due if self.settings.sample > 1 and trail.decision not in _ALWAYS_WRITTEN else None
        observers = (*leave.observers, self._replays.observer(members, due))
        return replace(reply, replay=replace(leave, observers=observers))

    def witness(self, query: Query, reply: Reply, octets: bytes) -> None:
        """Write down what was answered in front of the chain."""
        if self.settings.filters.takes_question(query.name, query.qtype):
            self._note(query, reply, Trail(), octets)

    def limited(self, site: Site, client: str, packet: bytes, rule: str, decision: str) -> None:
        """Count what a limit did to a query whose answer is replayed."""
        self._limited.count(site, client, packet, rule, decision)

    def _note(self, query: Query, reply: Reply, trail: Trail, octets: bytes | None = None) -> str | None:
        """Write the line where it is wanted; ``octets`` is what leaves where that is not what the reply makes.

        Gives what its replays say too, None where answers like this one get no lines.
        """
        if octets is None:
            reply, octets = _written(query, reply)
        if not self.settings.filters.takes_answer(class_of(reply), trail.decision):
            return None
        seconds = max(self._host.clock() - query.received, 0.0) if query.received else 0.0
        constant = self._constant(query, reply, octets, trail)
        sampled = self.settings.sample > 1 and trail.decision not in _ALWAYS_WRITTEN and not reply.silent
        if sampled:
            constant["sampled"] = self.settings.sample
        client = self._clients.client(query.client[0])
        if client.wanted and (not sampled or self._is_due()):
            of_the_moment = {
                "decision": trail.decision,
                "rule": trail.rule,
                "cache": trail.cache,
                "upstream": trail.upstream,
                "upstream_ms": round(trail.upstream_time * 1000, 3) if trail.upstream else None,
                "duration_ms": round(seconds * 1000, 3),
            }
            who = self._clients.members(client, query.client[1], query.transport)
            self._journal.put(f"{self._journal.begin()}{who}{self._shape.members(constant | of_the_moment)}}}\n")
        return self._shape.members(constant | _replayed(trail)) if reply.replay is not None else ""

    def _constant(self, query: Query, reply: Reply, octets: bytes, trail: Trail) -> dict[str, object]:
        """What is the same for all who get the answer."""
        site = query.site
        return {
            "name": to_text(query.name),
            "type": type_name(query.qtype),
            "class": class_name(query.qclass) if query.qclass != IN else None,
            "opcode": _opcode_of(query),
            "server": site.server,
            "zone": site.zone,
            "view": site.view,
            "decision": None,
            "rule": None,
            "rewrite": to_text(trail.rewritten) if trail.rewritten else None,
            "cache": None,
            "upstream": None,
            "upstream_ms": None,
            "duration_ms": 0,
            "rcode": None if reply.silent else rcode_name(reply.rcode),
            **findings(query, reply, octets),
        }

    def _is_due(self) -> bool:
        """Whether it is the turn of one line in so many. Nobody can foresee which one that is."""
        if self._gap > 0:
            self._gap -= 1
            return False
        self._gap = secrets.randbelow(2 * self.settings.sample - 1)  # on average one less than ``sample``
        return True


def _opcode_of(query: Query) -> str | None:
    """What the message is, where it is no query."""
    opcode = (query.flags & OPCODE_MASK) >> 11
    return OPCODES.get(opcode, f"OPCODE{opcode}") if opcode else None


def _written(query: Query, reply: Reply) -> tuple[Reply, bytes]:
    """The reply and its message; where it cannot be written, what is sent in its place."""
    try:
        return reply, finish(query, reply)
    except WireError:
        reply = failure(query, Audit.name)
        return reply, finish(query, reply)


def _replayed(trail: Trail) -> dict[str, object]:
    """What a trail says of replays of the answer: nobody was asked for them."""
    passing = trail.decision == "audit-only" and trail.rule in LIMITS
    return {
        "decision": None if passing else trail.decision,
        "rule": None if passing else trail.rule,
        "cache": "hit" if trail.cache == "miss" else trail.cache,
    }


_secrets: WeakKeyDictionary[Registry, bytes] = WeakKeyDictionary()


def _secret_of(registry: Registry) -> bytes:
    """The key of the process that counts in this registry, where none was given: the same after a reload."""
    return _secrets.setdefault(registry, secrets.token_bytes(32))
