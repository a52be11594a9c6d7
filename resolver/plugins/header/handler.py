"""Flags as they should be, on the way down and on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.plugins.header.settings import Rule


class Header(Plugin):
    """Of several rules for one flag the last counts, so each direction comes down to two masks."""

    name = "header"
    transparent = True

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._query_set, self._query_clear = _masks([rule for rule in rules if rule.to_query])
        self._set, self._clear = _masks([rule for rule in rules if not rule.to_query])

    async def resolve(self, query: Query, next: Handler) -> Reply:
        flags = query.flags & ~self._query_clear | self._query_set
        reply = await next(query if flags == query.flags else query.with_flags(flags))
        if not (self._set or self._clear):
            return reply
        return replace(
            reply,
            flags=reply.flags & ~self._clear | self._set,
            unset=reply.unset & ~self._set | self._clear,
        )


def _masks(rules: Sequence[Rule]) -> tuple[int, int]:
    to_set = to_clear = 0
    for rule in rules:
        if rule.is_set:
            to_set, to_clear = to_set | rule.flags, to_clear & ~rule.flags
        else:
            to_set, to_clear = to_set & ~rule.flags, to_clear | rule.flags
    return to_set, to_clear
