"""A line for each query that a rule wants."""

from __future__ import annotations

from dataclasses import replace

from resolver.chain.finish import finish
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, parse
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Host
from resolver.plugins.log.classify import class_of, type_of
from resolver.plugins.log.format import Event
from resolver.plugins.log.settings import Rule
from resolver.telemetry.log import Log
from resolver.wire.names import ROOT, is_below


class QueryLog(Plugin):
    """Logs after the answer is known; a replay gets a line of its own. What tells of metadata is never replayed."""

    name = "log"
    transparent = True
    sees_notify = True

    def __init__(self, rules: tuple[Rule, ...], host: Host) -> None:
        self.rules = rules
        self.host = host

    async def resolve(self, query: Query, next: Handler) -> Reply:
        rule = self._rule(query.name)
        if rule is None:
            return await next(query)
        began = query.received or self.host.clock()
        try:
            reply = await next(query)
            kind = self._note(rule, query, reply, began)
        except Exception:
            self._note(rule, query, failure(query, self.name), began)
            raise
        leave = reply.replay
        if not kind or leave is None:
            return reply
        if rule.varies:
            return reply.withheld()
        observer = Replayed(self.host, rule, query, reply.rcode, kind)
        return replace(reply, replay=replace(leave, observers=(*leave.observers, observer)))

    async def start(self) -> None:
        """Say which placeholders will be printed as they stand."""
        for word in sorted({word for rule in self.rules for word in rule.format.unknown}):
            self.host.log.named(self.name).warning(f"{word} is no placeholder and is printed as it stands")

    def _rule(self, name: bytes) -> Rule | None:
        for rule in self.rules:
            if rule.zone == ROOT or is_below(name, rule.zone):
                return rule
        return None

    def _note(self, rule: Rule, query: Query, reply: Reply, began: float) -> str:
        """Log the answer if its class is wanted: then its type, else nothing."""
        answer_type = type_of(query, reply, self.host.log.clock())
        answer_class = class_of(answer_type)
        if query.metadata is not None:
            query.metadata["log/type"], query.metadata["log/class"] = answer_type, answer_class
        if answer_class not in rule.classes:
            return ""
        duration = max(self.host.clock() - began, 0.0)
        write(self.host.log, rule, Event(query, reply.rcode, finish(query, reply), duration, answer_type, answer_class))
        return answer_type


class Replayed:
    """Logs the replays of one answer: queries that are octet for octet the one that it was worked out for."""

    __slots__ = ("_edns", "_host", "_kind", "_rcode", "_rule", "_site")

    def __init__(self, host: Host, rule: Rule, query: Query, rcode: int, kind: str) -> None:
        self._host = host
        self._rule = rule
        self._edns = query.edns  # as it was when it came here, perhaps not as it is in the packet
        self._site = query.site
        self._rcode = rcode
        self._kind = kind

    def __call__(
        self, packet: bytes, client: tuple[str, int], local: tuple[str, int], transport: str, octets: bytes
    ) -> None:
        began = self._host.clock()
        query = parse(packet, client, local, transport, began)
        query.edns, query.site = self._edns, self._site
        duration = max(self._host.clock() - began, 0.0)
        event = Event(query, self._rcode, octets, duration, self._kind, class_of(self._kind))
        write(self._host.log, self._rule, event)


def write(log: Log, rule: Rule, event: Event) -> None:
    """Write the line of an event."""
    log.write("INFO", rule.format.fill(event), event.fields() if log.form == "json" else {})
