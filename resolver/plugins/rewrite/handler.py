"""Questions under another name, of another type, with other options; their answers as if nothing had happened."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from resolver.chain.alias import failed
from resolver.chain.joined import joined
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.errors import WireError
from resolver.plugins.rewrite.answers import Answers, has_type
from resolver.plugins.rewrite.edns import EdnsRule, reverted
from resolver.plugins.rewrite.program import Program
from resolver.plugins.rewrite.rules import Rule, State
from resolver.wire.constants import AD, CNAME, IN, NOERROR, NXDOMAIN, OPTION_ECS, OPTION_NSID, TC
from resolver.wire.records import Record

_NOT_SHOWN: Final = frozenset((OPTION_NSID, OPTION_ECS))


class Rewrite(Plugin):
    """Applies the rules of a server block.

    What comes of it follows from the question alone, so replays go on; not where a rule looked at the client or at
    metadata.
    """

    name = "rewrite"
    transparent = True

    def __init__(self, rules: Sequence[Rule], warnings: Sequence[str], host: Host) -> None:
        self.program = Program(rules)
        self._warnings = warnings
        self._host = host
        self._log = host.log.named(self.name)
        self._shown = frozenset([rule.code for rule in rules if isinstance(rule, EdnsRule)]) - _NOT_SHOWN

    async def start(self) -> None:
        """Tell of rules that cannot be meant so."""
        for warning in self._warnings:
            self._log.warning(warning)

    def resolve(self, query: Query, next: Handler) -> Coroutine[Any, Any, Reply]:
        """Not a coroutine of its own: what no rule is about only passes."""
        places = self.program.about(query.name)
        return self._rewrite(query, places, next) if places else next(query)

    async def _rewrite(self, query: Query, places: Sequence[int], next: Handler) -> Reply:
        state = State(query)
        try:
            self.program.run(state, places)
        except WireError as error:
            return failure(query, self.name, error=f"the question cannot be rewritten: {error}")
        asked = state.asked()
        if query.trail is not None and not query.depth and asked.name != query.name:
            query.trail.rewritten = asked.name
        reply = await next(asked)
        if not reply.silent and (state.steps or asked is not query):
            try:
                reply = await self._back(state, asked, reply)
            except WireError as error:
                return failure(query, self.name, error=f"the answer cannot be rewritten: {error}")
        return reply.withheld() if state.personal and reply.replay is not None else reply

    async def _back(self, state: State, asked: Query, reply: Reply) -> Reply:
        """The reply as the client is to see it. Raises WireError."""
        query = state.query
        if reply.stream is not None and (state.steps or asked.name != query.name):
            reply.stream.close()
            return failure(query, self.name, error="a zone transfer cannot be rewritten")
        answers = Answers(query, asked, state.steps)
        reply = await self._with_target(answers, reply) if answers.targets else answers.of(reply, self._host.clock())
        if asked.edns is not query.edns and not (reply.options or reply.upstream):
            reply.options = reverted(state, self._shown)
        return reply

    async def _with_target(self, answers: Answers, reply: Reply) -> Reply:
        """The reply with the target of its first alias that a rule is about, and what that has."""
        front: list[Record] = []
        wanted = None
        for record in reply.sections.answer if has_type(reply, CNAME) else ():
            if record.type == CNAME:
                record, wanted = answers.alias(record)
                front.append(record)
            if wanted is not None:
                break
        turned = answers.of(reply, self._host.clock())
        if wanted is None:
            return turned
        query, asked = answers.query, answers.asked
        depth = query.depth + 1
        found = await self._host.ask(
            query.derive(qname=wanted, qtype=asked.qtype, qclass=IN, edns=asked.edns, depth=depth)
        )
        if found.rcode not in (NOERROR, NXDOMAIN) and found.source:
            return failed(query, found, self.name, self._host.clock())
        sections = turned.sections
        changed = turned.with_sections([*front, *found.sections.answer], sections.authority, sections.additional)
        changed.flags = turned.flags & ~(TC | AD) | found.flags & TC
        changed.replay = self._leave(turned, found)
        return changed

    def _leave(self, turned: Reply, found: Reply) -> Replay | None:
        leave = joined(turned, [found])
        if leave is None or found.replay is None:
            return None
        ages = leave.base is not None or found.replay.base is not None
        return replace(leave, base=self._host.clock() if ages else None, variants=())
