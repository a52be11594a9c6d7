"""A line for each query that a rule wants."""

from __future__ import annotations

from dataclasses import replace

from resolver.chain.finish import finish
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Host
from resolver.plugins.log.classify import class_of, type_of
from resolver.plugins.log.format import Event
from resolver.plugins.log.settings import Rule
from resolver.wire.names import ROOT, is_below


class QueryLog(Plugin):
    """Logs after the answer is known. What was logged is never replayed, what is of no interest may be."""

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
            logged = self._note(rule, query, reply, began)
        except Exception:
            self._note(rule, query, failure(query, self.name), began)
            raise
        return replace(reply, replay=None) if logged and reply.replay is not None else reply

    async def start(self) -> None:
        """Say which placeholders will be printed as they stand."""
        for word in sorted({word for rule in self.rules for word in rule.format.unknown}):
            self.host.log.named(self.name).warning(f"{word} is no placeholder and is printed as it stands")

    def _rule(self, name: bytes) -> Rule | None:
        for rule in self.rules:
            if rule.zone == ROOT or is_below(name, rule.zone):
                return rule
        return None

    def _note(self, rule: Rule, query: Query, reply: Reply, began: float) -> bool:
        """Log the answer if its class is wanted, and say whether it was."""
        log = self.host.log
        answer_type = type_of(query, reply, log.clock())
        answer_class = class_of(answer_type)
        if query.metadata is not None:
            query.metadata["log/type"], query.metadata["log/class"] = answer_type, answer_class
        if answer_class not in rule.classes:
            return False
        duration = max(self.host.clock() - began, 0.0)
        event = Event(query, reply.rcode, finish(query, reply), duration, answer_type, answer_class)
        log.write("INFO", rule.format.fill(event), event.fields() if log.form == "json" else {})
        return True
