"""Finds the template for a query and answers with what it makes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from resolver.chain.alias import leave_behind
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.chain.setup import Host
from resolver.config.expression import ExpressionError
from resolver.errors import WireError
from resolver.plugins.template.data import Data
from resolver.plugins.template.language import Template, TemplateError
from resolver.plugins.template.metrics import Metrics
from resolver.plugins.template.records import RecordError, read_record
from resolver.plugins.template.settings import Rule
from resolver.wire.constants import AAAA, ANY, ANY_CLASS, CNAME, SERVFAIL, TC, A
from resolver.wire.names import ROOT, is_below, suffixes, to_text
from resolver.wire.records import Record


class _Failed(Exception):
    """A template failed for this query; the text says why."""


class Templates(Plugin):
    """All templates of a server block. What they make of the question alone may be replayed."""

    name = "template"
    transparent = True  # what it passes on is none of its business

    def __init__(self, rules: Sequence[Rule], host: Host) -> None:
        self.rules = rules
        self._rules = [(rule, rule.personal) for rule in rules]
        self.host = host
        self.metrics = Metrics(host.registry)

    async def start(self) -> None:
        log = self.host.log.named(self.name)
        for rule in self.rules:
            for doubt in rule.doubts:
                log.warning(f"{doubt}; the queries that come to this will fail")

    async def resolve(self, query: Query, next: Handler) -> Reply:
        name, personal = "", False
        for rule, is_personal in self._rules:
            zone = _zone(query.name, rule.zones)
            if zone is None or not _is_about(query, rule):
                continue
            name = name or to_text(query.name)
            data = self._match(rule, query, name, zone)
            try:
                fits = data is not None and _holds(rule, data)
            except ExpressionError as error:
                return failure(query, self.name, error=f"template: {error}")
            personal = personal or (is_personal and data is not None)
            if data is not None and fits:
                if query.trail is not None and not query.depth:
                    query.trail.made_from = b"\1*" + zone
                return await self._answer(rule, query, data, personal=personal)
            if not any(one == ROOT or is_below(query.name, one) for one in rule.fallthrough):
                return failure(query, "")
        reply = await next(query)
        return reply.withheld() if personal else reply  # another client's query might have fitted

    def _match(self, rule: Rule, query: Query, name: str, zone: bytes) -> Data | None:
        about = (rule.rclass, rule.rtype)
        if not rule.patterns:
            return Data(query, name, to_text(zone), about)
        for pattern in rule.patterns:
            found = pattern.groups(name)
            if found is not None:
                return Data(query, name, to_text(zone), about, found, pattern)
        return None

    async def _answer(self, rule: Rule, query: Query, data: Data, *, personal: bool) -> Reply:
        matched = self.metrics.matched(query.site, data)
        matched.value += 1
        if rule.rcode == SERVFAIL:
            return failure(query, "")
        followed: list[Reply] = []
        try:
            answer: list[Record] = []
            for template in rule.answer:
                record = self._record(template, "answer", query, data)
                answer.append(record)
                if record.type == CNAME and query.qtype in (A, AAAA):
                    followed.append(await self._follow(query, record.rdata))
                    answer += _records(followed[-1])
            additional = [self._record(one, "additional", query, data) for one in rule.additional]
            authority = [self._record(one, "authority", query, data) for one in rule.authority]
        except _Failed as error:
            return failure(query, self.name, error=str(error))
        reply = from_records(query, self.name, answer, authority, additional, rcode=rule.rcode)
        reply.options = rule.options
        if followed:
            reply.flags |= followed[-1].flags & TC
        if not (personal or data.personal):
            reply.replay = self._leave(answer, followed)
        elif followed:
            reply.replay = Replay(self.host.clock(), live=True)
        return reply.counted(matched.add)

    def _record(self, template: Template, section: str, query: Query, data: Data) -> Record:
        try:
            return read_record(template.render(data))
        except TemplateError as error:
            self.metrics.template_failed(query.site, data, section, str(template))
            raise _Failed(f"template: {section}: {error}") from None
        except RecordError as error:
            self.metrics.record_failed(query.site, data, section, str(template))
            raise _Failed(f"template: {section}: {error}") from None

    def _leave(self, answer: Sequence[Record], followed: Sequence[Reply]) -> Replay:
        """Leave to replay what is a function of the question, and of what is behind its aliases while that holds.

        What is behind them may be for this client alone, so nobody above keeps it.
        """
        if not followed:
            return Replay(math.inf)
        return leave_behind(followed, (), min(record.ttl for record in answer), self.host.clock())

    async def _follow(self, query: Query, target: bytes) -> Reply:
        """What this server has at the target of an alias; the alias stands alone where that fails."""
        return await self.host.ask(query.derive(qname=target, depth=query.depth + 1))


def _holds(rule: Rule, data: Data) -> bool:
    """Whether all conditions are true; works out the variables first. Raises ExpressionError."""
    for name, expression in rule.variables:
        data.variables[name] = expression.run(data, data.variables)
    return all(condition.run(data, data.variables) is True for condition in rule.conditions)


def _zone(name: bytes, zones: frozenset[bytes]) -> bytes | None:
    """The longest of the zones that the name is in."""
    return next((suffix for suffix in suffixes(name) if suffix in zones), None)


def _is_about(query: Query, rule: Rule) -> bool:
    is_class = query.qclass in (rule.rclass, ANY_CLASS) or rule.rclass == ANY_CLASS
    return is_class and (query.qtype in (rule.rtype, ANY) or rule.rtype == ANY)


def _records(reply: Reply) -> Sequence[Record]:
    try:
        return reply.sections.answer
    except WireError:
        return ()
