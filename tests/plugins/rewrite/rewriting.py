"""What the tests of rewrite share: a part made of rules, an upstream that answers, what the client sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.wire.constants import CNAME, NS, PTR, SOA, SRV, TYPE_NUMBERS, A, type_name
from resolver.wire.names import from_text, plain_name, to_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World, answering

ADDRESS = bytes((192, 0, 2, 1))
NAME_AT = {CNAME: 0, NS: 0, PTR: 0, SOA: 0, 15: 2, SRV: 6}


def rr(
    name: str, rtype: str, data: str | bytes = ADDRESS, ttl: int = 60, before: bytes = b"", behind: bytes = b""
) -> Record:
    """A record; ``data`` is rdata, or a name with octets around it."""
    rdata = data if isinstance(data, bytes) else before + from_text(data) + behind
    return record(from_text(name), TYPE_NUMBERS[rtype], ttl, rdata)


def show(one: Record) -> str:
    """A record in words: owner, TTL, type, and the name that it holds."""
    words = [to_text(one.owner), str(one.ttl), type_name(one.type)]
    if one.type in NAME_AT:
        words.append(to_text(plain_name(one.rdata, NAME_AT[one.type])[0]))
    return " ".join(words)


def upstream(
    *answer: Record,
    authority: Sequence[Record] = (),
    additional: Sequence[Record] = (),
    rcode: int = 0,
    encoded: bool = True,
) -> Callable[[Query], Reply]:
    """An upstream that answers so, by default an address of the name that it is asked; it may be replayed."""

    def answer_to(query: Query) -> Reply:
        records = answer or (() if rcode else (Record(query.qname, A, 1, 60, ADDRESS),))
        reply = from_records(query, "upstream", records, authority, additional, rcode=rcode)
        reply.replay = Replay(math.inf)
        if encoded:
            assert reply.body is not None
            reply.decoded = None
        return reply

    return answer_to


@dataclass
class Rewriting:
    """A part with rules, one a line, in front of an upstream; ``seen`` are the questions that came through."""

    rules: str
    answer: Callable[[Query], Reply] = field(default_factory=upstream)
    seen: list[Query] = field(default_factory=list)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.world = World(clock=lambda: self.now)
        lines = "\n".join(f" rewrite {rule.strip()}" for rule in self.rules.strip().splitlines())
        self.part: Any = self.world.part(f". {{\n{lines}\n}}\n")
        self.world.host.ask = answering(self._answer)

    def _answer(self, query: Query) -> Reply:
        self.seen.append(query)
        return self.answer(query)

    async def ask(self, query: Query) -> Reply:
        reply: Reply = await self.part.resolve(query, answering(self._answer))
        return reply

    @property
    def asked(self) -> Query:
        """The question as the last one saw it."""
        return self.seen[-1]


def shown(reply: Reply) -> list[str]:
    """The records of an answer in words, section by section, as a client reads them off the wire."""
    reply = Reply(reply.question, octets=reply.body)
    return [show(one) for section in reply.sections for one in section]
